"""Two files that turn out to be of one person become one; and back, when they were two after all.

The merged file stays, hidden and without keys: old addresses lead from it to the kept one, and undoing needs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.accounts.services import shut_account
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.jobs.services import plan_work, submit_once
from ballatoio.base.vault.services import TextIsGone, open_texts, reseal_texts, seal_texts

from .households import may_know_home, separate_person
from .indexing import merged_files, refresh_keys
from .merge_rows import CannotBeMerged, Changes, fiscal_codes_differ, move_belongings
from .models import Person, PersonMerge
from .rules import can_merge

# What was being written down for the hidden file in the moment of the merge arrives within this time.
TIME_FOR_LATE_RECORDS = timedelta(minutes=2)
# Facts that are written on a file as they are; beside them come the birth, which is two fields, and the sealed texts.
PLAIN = ("given_name", "family_name", "pronounced", "languages_spoken", "languages_read", "interpreter", "reach_by")
TEXTS = ("accessibility", "notes")
# Facts whose two values can stand together.
TOGETHER = ("languages_spoken", "languages_read", *TEXTS)


class MustBeConfirmed(Exception):
    """Something speaks against the two being one person: whoever merges them has to say that they know; see reasons."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


class MergeIsNotTheLast(Exception):
    """Something was built on this merge since: that has to be undone first; the message says what."""


class HasAnotherAccount(Exception):
    """Whoever works in a lab enters as staff: their account is not closed from the file of a person."""


@dataclass(frozen=True)
class Undone:
    """What came of undoing a merge: how many values stay as somebody has changed them since."""

    merge: PersonMerge
    later: int


def why_not(kept: Person, merged: Person, *, by: User) -> str:
    """Say in a sentence why `by` cannot make these two files one; "" when they can."""
    if kept.pk == merged.pk:
        return _("È la stessa scheda: scegline un’altra.")
    if kept.lab_id != merged.lab_id:
        return _("Le due schede sono di laboratori diversi: non si possono unire.")
    for file in (kept, merged):
        if file.merged_into_id:
            return _("La scheda di %(name)s è già stata unita a un’altra: non c’è altro da fare.") % {"name": file}
    if not may_know_home(kept, by) or not may_know_home(merged, by):
        return _("Su queste schede decide qualcun altro: chiedi a chi coordina.")
    if not can_merge(by.roles_in(kept.lab_id), kept, merged):
        return _(
            "Una delle due schede è protetta. Unirle potrebbe far trovare questa persona a chi non deve: "
            "chiedi a chi coordina."
        )
    if kept.user_id and merged.user_id:
        return _(
            "Tutte e due le schede aprono una pagina personale, e la pagina può essere una sola. Nella scheda che "
            "sbaglia, in fondo, usa «Togli l’accesso alla sua pagina»; poi torna qui."
        )
    return ""


def what_speaks_against(kept: Person, merged: Person) -> list[str]:
    """Give the sentences that speak against two files being of one person: different codici fiscali, other birthday."""
    against = []
    if kept.birth_date and merged.birth_date and kept.birth_date != merged.birth_date:
        against.append(
            _("Sono nate in giorni diversi: il %(one)s e il %(other)s.")
            % {"one": date_format(kept.birth_date, "j/n/Y"), "other": date_format(merged.birth_date, "j/n/Y")}
        )
    if fiscal_codes_differ(kept, merged):
        against.append(_("Hanno due codici fiscali diversi."))
    return against


def chosen_value(kept: Any, merged: Any, choice: str) -> Any:
    """Give the value that a fact comes to have: the only one there is, or the one chosen ("kept", "merged", "both")."""
    if not merged or kept == merged:
        return kept
    if not kept:
        return merged
    if choice == "both":
        return (
            [*kept, *(item for item in merged if item not in kept)] if isinstance(kept, list) else f"{kept}\n{merged}"
        )
    return merged if choice == "merged" else kept


def facts_of(person: Person, texts: Mapping[str, str]) -> dict[str, Any]:
    """Give the facts of a file as they are compared: a date of birth and its year are one."""
    birth = (person.birth_date, person.birth_year) if person.birth_year else ()
    plain = {name: getattr(person, name) for name in PLAIN}
    return {**plain, "birth": birth, **{name: texts.get(name, "") for name in TEXTS}}


def compared_facts(kept: dict[str, Any], merged: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the facts of both; a year of birth alone is no other answer than a date of that year."""
    kept, merged = dict(kept), dict(merged)
    if kept["birth"] and merged["birth"] and kept["birth"][1] == merged["birth"][1]:
        for facts, other in ((kept, merged), (merged, kept)):
            if not facts["birth"][0] and other["birth"][0]:
                facts["birth"] = ()
    return kept, merged


@transaction.atomic
def merge_people(
    kept: Person,
    merged: Person,
    *,
    by: User,
    versions: tuple[int, int],
    choices: Mapping[str, str] | None = None,
    reason: str = "",
    confirmed: bool = False,
    once: str = "",
) -> PersonMerge:
    """Make one file of two, and give the record by which it is undone.

    `versions` are those of the two files (kept, merged) that were on the screen; `choices` says for each fact
    (PLAIN, TEXTS, "birth", "home") whose value stays: "kept", "merged" or "both". When one of the two is protected
    the other is first brought to safety, as one separates (separate_person): what it had in common with others is
    forgotten, and that does not come back with undoing.
    Raise AlreadySubmitted (its result is the id of the merge), CannotBeMerged, ChangedElsewhere, MustBeConfirmed.
    """
    kept, merged = _lock(kept, merged)
    chosen = choices or {}
    merge = PersonMerge(lab_id=kept.lab_id, kept=kept, merged=merged, by=by)
    submit_once(once, str(merge.pk))
    if refusal := why_not(kept, merged, by=by):
        raise CannotBeMerged(refusal)
    if versions != (kept.version, merged.version):
        raise ChangedElsewhere(kept if versions[0] != kept.version else merged)
    if (against := what_speaks_against(kept, merged)) and not confirmed:
        raise MustBeConfirmed(against)
    if kept.is_protected != merged.is_protected:
        separate_person(merged if kept.is_protected else kept, by=by)
        kept, merged = _lock(kept, merged)
    changes = Changes()
    if user_id := merged.user_id:
        changes.set(merged, "user_id", None)
        changes.set(kept, "user_id", user_id)
    texts = _choose_facts(kept, merged, chosen, changes)
    move_belongings(merged, kept, changes, home=chosen.get("home", "kept"))
    Person.objects.filter(pk=merged.pk).update(merged_into=kept, version=merged.version + 1)
    Person.objects.filter(pk=kept.pk).update(version=kept.version + 1)
    seal_texts([(merge, {"reason": reason, "changes": changes.dump(), **texts})])
    merge.save(force_insert=True)
    for file in (kept, merged):
        _tidy(file)
        record_act("person.merge", merge, by=by, lab_id=merge.lab_id, subject_id=file.pk)
    due_at = timezone.now() + TIME_FOR_LATE_RECORDS
    plan_work(
        "people.follow_merge", key=f"people.follow_merge:{merge.pk}", due_at=due_at, payload={"merge": str(merge.pk)}
    )
    return merge


def _lock(*people: Person) -> list[Person]:
    """Give the files as they are now, locked, always in the same order, so that two operators wait for each other."""
    rows = Person.objects.select_for_update(of=("self",), no_key=True).select_related("data_key").order_by("pk")
    found = {person.pk: person for person in rows.filter(pk__in=[person.pk for person in people])}
    return [found[person.pk] for person in people]


def _choose_facts(kept: Person, merged: Person, chosen: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """Give the kept file the chosen facts; give its sealed texts of before, and those of now, when they changed."""
    before, theirs = (_texts(file) for file in (kept, merged))
    mine, others = compared_facts(facts_of(kept, before), facts_of(merged, theirs))
    facts = {name: chosen_value(mine[name], others[name], chosen.get(name, "kept")) for name in mine}
    birth = facts.pop("birth")
    facts["birth_date"], facts["birth_year"] = birth or (None, None)
    after = {name: facts.pop(name) for name in TEXTS}
    for name, value in facts.items():
        changes.set(kept, name, value)
    changes.set(kept, "last_seen_on", max(kept.last_seen_on, merged.last_seen_on))
    if kept.protected_since and merged.protected_since:
        changes.set(kept, "protected_since", min(kept.protected_since, merged.protected_since))
    if {name: before.get(name, "") for name in TEXTS} == after:
        return {}
    _seal(kept, after)
    return {
        f"{when}.{name}": texts.get(name, "")
        for when, texts in (("before", before), ("after", after))
        for name in TEXTS
    }


def _texts(person: Person) -> dict[str, str]:
    try:
        return open_texts(person)
    except TextIsGone:
        return {}


def _seal(person: Person, texts: Mapping[str, str]) -> None:
    try:
        reseal_texts(person, dict(texts))
    except TextIsGone:
        person.data_key = None
        reseal_texts(person, dict(texts))
    person.save(update_fields=["data_key", "sealed"])


def _tidy(file: Person) -> None:
    """Bring what is worked out from a file up to date: its keys, and the words of its contacts."""
    current = Person.objects.get(pk=file.pk)
    refresh_keys(current)
    plan_work(
        "people.person_changed",
        key=f"people.person_changed:{current.pk}:{current.version}",
        payload={"person": str(current.pk)},
    )


@transaction.atomic
def follow_merge(merge: PersonMerge) -> None:
    """Bring to the kept file what was written down for the other just then; doing it again finds nothing more."""
    merges = PersonMerge.objects.select_for_update(of=("self",), no_key=True).select_related("data_key")
    current: PersonMerge | None = merges.get(pk=merge.pk)
    while current is not None and not current.is_undone:
        kept, merged = _lock(*Person.objects.in_bulk([current.kept_id, current.merged_id]).values())
        if kept.pk != current.kept_id:
            kept, merged = merged, kept
        texts = open_texts(current)
        changes = Changes.load(texts.get("changes", ""))
        known = len(changes.made)
        move_belongings(merged, kept, changes)
        if len(changes.made) > known:
            reseal_texts(current, {**texts, "changes": changes.dump()})
            current.save(update_fields=["sealed"])
            _tidy(kept)
            detail = {"kinds": len(changes.made) - known}
            record_act("person.merge", current, by=None, lab_id=current.lab_id, subject_id=kept.pk, detail=detail)
        current = _merge_of(kept)


def _merge_of(file: Person) -> PersonMerge | None:
    """Give the merge by which a file became part of another, when it did."""
    return PersonMerge.objects.select_related("data_key").filter(merged=file, undone_at__isnull=True).first()


def why_not_undo(merge: PersonMerge, *, by: User) -> str:
    """Say in a sentence why `by` cannot undo a merge now; "" when they can."""
    if merge.is_undone:
        return _("Questa unione è già stata annullata: le due schede sono di nuovo separate.")
    later = (
        _merge_of(merge.kept)
        or PersonMerge.objects.filter(
            Q(at__gt=merge.at) | Q(at=merge.at, pk__gt=merge.pk), kept=merge.kept_id, undone_at__isnull=True
        ).first()
    )
    if later is not None:
        return _("Dopo questa c’è un’altra unione, con la scheda di %(name)s: annulla prima quella.") % {
            "name": later.merged if later.kept_id == merge.kept_id else later.kept
        }
    if not may_know_home(merge.kept, by) or not can_merge(by.roles_in(merge.lab_id), merge.kept, merge.merged):
        return _("Questa persona è protetta: chiedi a chi coordina.")
    return ""


@transaction.atomic
def undo_merge(merge: PersonMerge, *, by: User) -> Undone:
    """Make two files again of one, each as it was; give how many values had been changed again and stay.

    What was written down since for the kept file stays there. When the person was protected since, the file that
    comes back is brought to safety too. Raise MergeIsNotTheLast; doing it twice raises it as well.
    """
    kept, merged = _lock(merge.kept, merge.merged)
    current = (
        PersonMerge.objects.select_for_update(of=("self",), no_key=True).select_related("data_key").get(pk=merge.pk)
    )
    current.kept, current.merged = kept, merged
    if refusal := why_not_undo(current, by=by):
        raise MergeIsNotTheLast(refusal)
    texts = open_texts(current)
    Person.objects.filter(pk=merged.pk).update(merged_into=None, version=merged.version + 1)
    later = Changes.load(texts.get("changes", "")).revert()
    Person.objects.filter(pk=kept.pk).update(version=kept.version + 1)
    kept, merged = _lock(kept, merged)
    later += _give_texts_back(kept, texts)
    if kept.is_protected and not merged.is_protected:
        separate_person(merged, by=by)
    current.undone_at, current.undone_by = timezone.now(), by
    # How the two were before is on their files again: no second copy is kept.
    reseal_texts(current, {"reason": texts.get("reason", "")})
    current.save(update_fields=["undone_at", "undone_by", "sealed"])
    for file in (kept, merged):
        _tidy(file)
        record_act("person.unmerge", current, by=by, lab_id=current.lab_id, subject_id=file.pk, detail={"later": later})
    return Undone(current, later)


def _give_texts_back(kept: Person, texts: Mapping[str, str]) -> int:
    before, after = ({name: texts.get(f"{when}.{name}", "") for name in TEXTS} for when in ("before", "after"))
    if before == after:
        return 0
    now = {name: _texts(kept).get(name, "") for name in TEXTS}
    if now != after:
        return 1
    _seal(kept, before)
    return 0


def files_of(person: Person) -> list[UUID]:
    """Give the ids of all the files that are one person: what was recorded of any of them was of her."""
    return [person.pk, *(file.pk for file in merged_files([person.pk]))]


def find_kept(person_id: UUID, lab_id: UUID) -> Person | None:
    """Give the file that the file with this id became part of, through as many merges as there were; else None."""
    file = Person.objects.filter(pk=person_id, lab_id=lab_id, merged_into__isnull=False).first()
    while file is not None and file.merged_into_id:
        file = Person.objects.filter(pk=file.merged_into_id).first()
    return file


@transaction.atomic
def unlink_account(person: Person, *, by: User) -> Person:
    """Close the page that a person opens with a code, and forget its account; a new code opens a new one.

    Raise HasAnotherAccount for somebody who works in a lab; without an account nothing happens.
    """
    current = Person.objects.select_for_update(of=("self",), no_key=True).select_related("user").get(pk=person.pk)
    user = current.user
    if user is None:
        return current
    if user.memberships.exists():
        raise HasAnotherAccount(_("Questa persona lavora, o ha lavorato, in un laboratorio: il suo accesso resta."))
    shut_account(user, by=by, lab_id=current.lab_id)
    current.user = None
    current.version += 1
    current.save(update_fields=["user", "version"])
    user.delete()
    record_act("person.unlink_account", current, by=by, lab_id=current.lab_id, subject_id=current.pk)
    return current
