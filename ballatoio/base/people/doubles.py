"""Finding the people who may have two files: a work list, worked out a few hundred changed files at a time.

Nobody is compared with everybody: whom a file is compared with comes from the keys that the two share (names.py), and
a key that many share says nothing. What somebody decided, that two are not one person, stays decided.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.text import normalise

from .indexing import merged_files
from .models import Person, PersonIdentifier, PersonKey, ProbableDuplicate
from .names import SOUND
from .sounds import likeness

BATCH = 100
# A key that more people share than these is no reason to compare them: the telephone of an association, the names
# that half a street has. With the year of birth in it, a key may be shared by more.
MOST_BY_PHONE, MOST_BY_NAME_AND_YEAR, MOST_BY_NAME = 8, 20, 4
Why = ProbableDuplicate.Why
# How much each reason counts; the page lists the strongest first.
SCORES: dict[str, int] = {
    Why.IDENTIFIER: 100,
    Why.PHONE: 50,
    Why.BIRTH_DATE: 50,
    Why.BIRTH_YEAR: 30,
    Why.SAME_NAME: 40,
    Why.NAME: 20,
}

Pair = tuple[UUID, UUID]


def pair_of(one: UUID, other: UUID) -> Pair:
    """Give the ids of two people in the order in which a pair is kept."""
    return (one, other) if one < other else (other, one)


def compare_people(on_progress: Callable[[int], object] = int) -> int:
    """Compare every new or changed file with those that share a key with it; give how many were compared.

    BATCH files in each transaction, so that nobody waits for it; it may be stopped and started again at any moment.
    """
    done = 0
    while compared := compare_next():
        done += compared
        on_progress(compared)
    return done


@transaction.atomic
def compare_next(at_most: int = BATCH) -> int:
    """Compare the next new or changed files, and write the pairs that they make; give how many there were."""
    rows = Person.objects.not_compared().order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    people = list(rows.defer("sealed")[:at_most])
    by_lab: dict[UUID, list[Person]] = defaultdict(list)
    for person in people:
        by_lab[person.lab_id].append(person)
    for lab_id, of_lab in by_lab.items():
        _write_pairs(lab_id, of_lab)
    Person.objects.filter(pk__in=[person.pk for person in people]).update(compared_version=F("version"))
    return len(people)


@dataclass
class _Reasons:
    """What two people share, before it is weighed."""

    keys: set[str] = field(default_factory=set)
    same_identifier: bool = False


def _write_pairs(lab_id: UUID, people: list[Person]) -> None:
    reasons = _shared_keys(lab_id, people)
    for pair in _shared_identifiers(lab_id, people):
        reasons[pair].same_identifier = True
    involved = {pk for pair in reasons for pk in pair}
    known = Person.objects.known().filter(lab_id=lab_id).defer("sealed").in_bulk(involved)
    ids = {person.pk for person in people}
    there = {
        pair_of(double.one_id, double.other_id): double
        for double in ProbableDuplicate.objects.filter(Q(one__in=ids) | Q(other__in=ids))
    }
    decided = _decided_different(known)
    new, changed = [], []
    for pair, shared in reasons.items():
        if not (pair[0] in known and pair[1] in known) or pair in decided:
            continue
        if not (why := why_alike(known[pair[0]], known[pair[1]], shared.keys, shared.same_identifier)):
            continue
        score = sum(SCORES[reason] for reason in why)
        double = there.pop(pair, None)
        if double is None:
            new.append(ProbableDuplicate(lab_id=lab_id, one_id=pair[0], other_id=pair[1], score=score, why=why))
        elif (double.score, double.why) != (score, why):
            double.score, double.why = score, why
            changed.append(double)
    # Two transactions may find the same pair from its two sides.
    ProbableDuplicate.objects.bulk_create(new, ignore_conflicts=True)
    ProbableDuplicate.objects.bulk_update(changed, ["score", "why"])
    gone = [double.pk for double in there.values() if double.different_at is None]
    ProbableDuplicate.objects.undecided().filter(pk__in=gone).delete()


def _shared_keys(lab_id: UUID, people: list[Person]) -> dict[Pair, _Reasons]:
    """Give for each pair of these people and others the rare keys that they share."""
    mine: dict[str, set[UUID]] = defaultdict(set)
    for key, person_id in PersonKey.objects.filter(person__in=people).values_list("key", "person_id"):
        # Telephone numbers, and how two names sound together.
        if key.isdigit() or (key.startswith(SOUND) and " " in key):
            mine[key].add(person_id)
    counts = PersonKey.objects.filter(lab_id=lab_id, key__in=list(mine)).order_by().values_list("key")
    shared = [key for key, number in counts.annotate(number=Count("person_id")) if 1 < number <= _most_sharing(key)]
    reasons: dict[Pair, _Reasons] = defaultdict(_Reasons)
    for key, person_id in PersonKey.objects.filter(lab_id=lab_id, key__in=shared).values_list("key", "person_id"):
        for own in mine[key] - {person_id}:
            reasons[pair_of(own, person_id)].keys.add(key)
    return reasons


def _most_sharing(key: str) -> int:
    if not key.startswith(SOUND):
        return MOST_BY_PHONE
    return MOST_BY_NAME_AND_YEAR if key[-4:].isdigit() else MOST_BY_NAME


def _shared_identifiers(lab_id: UUID, people: list[Person]) -> set[Pair]:
    own = PersonIdentifier.objects.filter(person__in=people)
    mine: dict[tuple[str, bytes], set[UUID]] = defaultdict(set)
    for kind, index, person_id in own.values_list("kind", "blind_index", "person_id"):
        mine[kind, bytes(index)].add(person_id)
    rows = PersonIdentifier.objects.filter(
        person__lab_id=lab_id, person__merged_into__isnull=True, blind_index__in=[index for _kind, index in mine]
    )
    return {
        pair_of(one, person_id)
        for kind, index, person_id in rows.values_list("kind", "blind_index", "person_id")
        for one in mine.get((kind, bytes(index)), set()) - {person_id}
    }


def _decided_different(known: dict[UUID, Person]) -> set[Pair]:
    """Give the pairs of which somebody said that they are not one person, of them or of files merged into theirs."""
    owner = {pk: pk for pk in known}
    for file in merged_files(known):
        if file.merged_into_id:
            owner[file.pk] = owner[file.merged_into_id]
    decided = ProbableDuplicate.objects.filter(different_at__isnull=False, one__in=owner, other__in=owner)
    return {pair_of(owner[one], owner[other]) for one, other in decided.values_list("one_id", "other_id")}


def why_alike(one: Person, other: Person, shared: Iterable[str], same_identifier: bool = False) -> list[str]:
    """Say why two people may be one, of what they share; nothing when what is known of them speaks against it.

    A telephone alone is no reason: families share one. Another date of birth, or another year, is another person,
    unless the codice fiscale or a document is the same: then one of the two was written wrong.
    """
    by_name = [key.startswith(SOUND) for key in shared]
    why: list[str] = [Why.IDENTIFIER] if same_identifier else []
    same_phone = not all(by_name)
    same_name = any(by_name) and _names_agree(one, other)
    if not why:
        apart = one.birth_date and other.birth_date and one.birth_date != other.birth_date
        if apart or (one.birth_year and other.birth_year and one.birth_year != other.birth_year):
            return []
        if not (same_name or (same_phone and _given_names_agree(one, other))):
            return []
    if same_phone:
        why.append(Why.PHONE)
    if one.birth_date and one.birth_date == other.birth_date:
        why.append(Why.BIRTH_DATE)
    elif one.birth_year and one.birth_year == other.birth_year:
        why.append(Why.BIRTH_YEAR)
    if sorted(_words(str(one))) == sorted(_words(str(other))):
        why.append(Why.SAME_NAME)
    elif same_name or _given_names_agree(one, other):
        why.append(Why.NAME)
    # Names that only sound alike, and nothing else in common, are two people more often than one.
    return why if why != [Why.NAME] else []


def _words(text: str) -> list[str]:
    return normalise(text).split()


def _names_agree(one: Person, other: Person) -> bool:
    """Whether each name of the one who gave fewer is among those of the other, two at least, in any order."""
    return any(
        _are_among(mine, theirs)
        for mine, theirs in ((_names(one), _names(other)), ([_words(one.pronounced)], [_words(other.pronounced)]))
    )


def _are_among(mine: list[list[str]], theirs: list[list[str]]) -> bool:
    fewer, more = sorted((mine, theirs), key=lambda parts: sum(map(len, parts)))
    words = [word for part in fewer for word in part]
    # «De Luca» for who wrote «Deluca», «Nour Eddine» for «Noureddine».
    names = [word for part in more for word in (*part, "".join(part))]
    return len(words) > 1 and all(any(likeness(word, name) for name in names) for word in words)


def _names(person: Person) -> list[list[str]]:
    return [_words(person.given_name), _words(person.family_name)]


def _given_names_agree(one: Person, other: Person) -> bool:
    mine, theirs = _words(one.given_name), _words(other.given_name)
    if not (mine and theirs):
        mine, theirs = ([word for part in _names(person) for word in part] for person in (one, other))
    return any(likeness(word, name) for word in mine for name in theirs)


@transaction.atomic
def say_different(double: ProbableDuplicate, *, by: User) -> ProbableDuplicate:
    """Remember for ever that two files are not of one person; saying it twice changes nothing."""
    current = ProbableDuplicate.objects.select_for_update(of=("self",), no_key=True).get(pk=double.pk)
    if current.different_at is None:
        current.different_at, current.different_by = timezone.now(), by
        current.save(update_fields=["different_at", "different_by"])
        for person_id in (current.one_id, current.other_id):
            record_act("person.differ", current, by=by, lab_id=current.lab_id, subject_id=person_id)
    return current
