"""What can happen to the needs taxonomy and its words: a version comes in, a word is added or taken away."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.labs.models import Lab

from .indexing import index_services, index_term
from .models import LocalTerm, NeedSynonym, NeedTerm, Service, TaxonomyVersion, Translation
from .services import mark_stale
from .term_files import Taxonomy, TaxonomyNotReadable, TermRecord
from .term_index import forget_kept
from .texts import SOURCE_LANGUAGE, object_type, source_hash
from .words import fold

# A lab's own words for one term, and those that it proposes: beyond this nobody reads them.
MOST_WORDS = 40


class WordIsAlreadyThere(Exception):
    """The lab has this word already; `term` is what it means there."""

    def __init__(self, term: NeedTerm) -> None:
        super().__init__(term.name)
        self.term = term


class WordSaysNothing(Exception):
    """What was written has no letter or number in it."""


class TooManyWords(Exception):
    """A term has as many words of this lab as anybody can read."""


class SynonymCannotBecome(Exception):
    """A synonym does not go from its state to the one that was asked."""


# --- A version comes in -------------------------------------------------------------------------------------


@dataclass
class TaxonomyReport:
    """What an import of the taxonomy did."""

    added: int = 0
    renamed: int = 0
    retired: int = 0
    restored: int = 0
    words: int = 0
    changes: list[dict[str, str]] = field(default_factory=list)

    def note(self, what: str, term: NeedTerm, before: str = "", after: str = "") -> None:
        """Count a change, and keep what it was."""
        setattr(self, what, getattr(self, what) + 1)
        self.changes.append({"code": term.code, "what": what, "before": before, "after": after})


@transaction.atomic
def import_taxonomy(taxonomy: Taxonomy, *, by: User | None) -> TaxonomyReport:
    """Bring a taxonomy in: all of it, or nothing. Doing it again changes nothing.

    A term is known by its code. It may change its name (the old one becomes a synonym), icon and place in the list, and
    be retired; never the term above it, or the figures of past periods would change. Terms and words that are missing
    from the file stay, and so do reviews. Services that answered a retired term answer its successor.
    Raise TaxonomyNotReadable when something in it cannot be.
    """
    known = {term.code: term for term in NeedTerm.objects.select_for_update(of=("self",), no_key=True).order_by("pk")}
    _check(taxonomy.terms, known)
    version, is_new = _version(taxonomy.version)
    report = TaxonomyReport()
    for position, record in enumerate(taxonomy.terms):
        _write_term(record, position, known, version, report)
    _lead_on(taxonomy.terms, known)
    if version is not None and report.changes:
        if not is_new:
            raise TaxonomyNotReadable(
                _("La versione %(code)s c’è già, con altre voci: dai al file un codice nuovo.") % {"code": version.code}
            )
        version.changes = report.changes
        version.save(update_fields=["changes"])
    report.words = _write_words(taxonomy.terms, known, by)
    _write_names(taxonomy.terms, known, by)
    detail = {"added": report.added, "retired": report.retired, "words": report.words, "terms": len(known)}
    record_act("needterm.import", version or NeedTerm(), by=by, lab_id=None, detail=detail)
    index_services(Service.objects.all())
    transaction.on_commit(forget_kept)
    return report


def _check(terms: Sequence[TermRecord], known: Mapping[str, NeedTerm]) -> None:
    wrong = []
    above = {code: term.parent.code if term.parent else "" for code, term in known.items()}
    retired = {code for code, term in known.items() if term.is_retired}
    for record in terms:
        if record.parent and (record.parent not in above or above[record.parent]):
            wrong.append(
                _("%(code)s: la voce sopra, «%(parent)s», non c’è prima nel file, o è già sotto un’altra.")
                % {"code": record.code, "parent": record.parent}
            )
        elif record.code in known and above[record.code] != record.parent:
            wrong.append(
                _("%(code)s non si può spostare: i conti dei mesi passati cambierebbero. Ritirala e aggiungine una.")
                % {"code": record.code}
            )
        above[record.code] = record.parent
        retired = retired | {record.code} if record.retired else retired - {record.code}
    for record in terms:
        if record.successor and (not record.retired or record.successor not in above or record.successor in retired):
            wrong.append(
                _("%(code)s: «%(successor)s» non può prenderne il posto.")
                % {"code": record.code, "successor": record.successor}
            )
        if record.parent in retired and record.code not in retired:
            wrong.append(_("%(code)s è sotto una voce ritirata: ritira anche questa.") % {"code": record.code})
    if wrong:
        raise TaxonomyNotReadable(*wrong[:20])


def _version(given: Mapping[str, Any] | None) -> tuple[TaxonomyVersion | None, bool]:
    if given is None:
        return None, False
    rest = {name: value for name, value in given.items() if name != "code"}
    return TaxonomyVersion.objects.get_or_create(code=given["code"], defaults=rest)


def _write_term(
    record: TermRecord,
    position: int,
    known: dict[str, NeedTerm],
    version: TaxonomyVersion | None,
    report: TaxonomyReport,
) -> None:
    term, name = known.get(record.code), record.names[SOURCE_LANGUAGE]
    if term is None:
        parent = known[record.parent] if record.parent else None
        term = known[record.code] = NeedTerm(code=record.code, parent=parent, since=version)
        report.note("added", term, after=name)
    elif term.name != name:
        report.note("renamed", term, before=term.name, after=name)
    was = (term.name, term.icon, term.position, term.is_active, term.until_id)
    if term.is_retired and not record.retired:
        report.note("restored", term)
        term.until = term.successor = None
    elif record.retired and not term.is_retired:
        report.note("retired", term, after=record.successor)
        term.until = version or TaxonomyVersion.objects.first() or _unnamed_version()
    renamed_from = term.name if term.name and term.name != name else ""
    term.name, term.icon, term.position = name, record.icon, position
    term.is_active = record.listed and not record.retired
    if term._state.adding or was != (term.name, term.icon, term.position, term.is_active, term.until_id):
        term.save()
    if renamed_from:
        mark_stale(term)
        _add_synonyms(term, SOURCE_LANGUAGE, [renamed_from], NeedSynonym.State.REVIEWED, None)


def _unnamed_version() -> TaxonomyVersion:
    """Give a version for a file that does not say which one it is, when it retires something and there is none yet."""
    return TaxonomyVersion.objects.create(code="0", published_on=timezone.localdate())


def _lead_on(terms: Iterable[TermRecord], known: Mapping[str, NeedTerm]) -> None:
    """Point retired terms to what took their place, and bring there the services that answered them."""
    for record in terms:
        term = known[record.code]
        successor = known[record.successor] if record.successor else None
        if not record.retired or successor is None or term.successor_id == successor.pk:
            continue
        term.successor = successor
        term.save(update_fields=["successor"])
        for service in Service.objects.filter(needs=term):
            service.needs.add(successor)


def _write_words(terms: Iterable[TermRecord], known: Mapping[str, NeedTerm], by: User | None) -> int:
    """Write the words of a file that are not there yet; give how many. Those of other languages are a machine's."""
    added = 0
    for record in terms:
        for language, texts in record.synonyms.items():
            is_source = language == SOURCE_LANGUAGE
            state = NeedSynonym.State.DRAFT if is_source else NeedSynonym.State.MACHINE
            added += _add_synonyms(known[record.code], language, texts, state, by)
    return added


def _add_synonyms(term: NeedTerm, language: str, texts: Iterable[str], state: str, by: User | None) -> int:
    """Write the shared synonyms that are not there yet, in one write; what was withdrawn stays so."""
    standing = NeedSynonym.objects.filter(term=term, language=language, lab__isnull=True)
    known = set(standing.values_list("normalised", flat=True))
    new: dict[str, str] = {}
    for text in texts:
        if (key := fold(text)[:100]) not in known:
            new.setdefault(key, text)
    NeedSynonym.objects.bulk_create(
        NeedSynonym(term=term, language=language, text=text, normalised=key, state=state, changed_by=by)
        for key, text in new.items()
    )
    return len(new)


def _write_names(terms: Iterable[TermRecord], known: Mapping[str, NeedTerm], by: User | None) -> None:
    """Write the names in other languages as drafts, but for those that stand already, word for word."""
    kind = object_type(NeedTerm())
    rows = Translation.objects.filter(object_type=kind, field="name", object_id__in=[t.pk for t in known.values()])
    standing = {(row.object_id, row.language): row for row in rows}
    new, changed = [], []
    for record in terms:
        term = known[record.code]
        for language, text in record.names.items():
            row = standing.get((term.pk, language))
            if language == SOURCE_LANGUAGE or (row is not None and row.text == text):
                continue
            if row is None:
                row = Translation(object_type=kind, object_id=term.pk, field="name", language=language)
                new.append(row)
            else:
                changed.append(row)
            row.text, row.state, row.source_hash = text, Translation.State.DRAFT, source_hash(term.name)
            row.changed_by, row.changed_at = by, timezone.now()
    Translation.objects.bulk_create(new)
    Translation.objects.bulk_update(changed, ["text", "state", "source_hash", "changed_by", "changed_at"])


# --- Words --------------------------------------------------------------------------------------------------


@transaction.atomic
def propose_synonyms(term: NeedTerm, *, lab: Lab, language: str, texts: Iterable[str], by: User) -> list[NeedSynonym]:
    """Write words by which people of a lab call a need, as drafts; give those that are new.

    They find the need in that lab alone. Words that are there already, shared or the lab's own, are left as they are;
    one that was taken away comes back as a draft. Raise WordSaysNothing when there is no word, TooManyWords.
    """
    NeedTerm.objects.select_for_update(of=("self",), no_key=True).get(pk=term.pk)
    wanted = {fold(text)[:100]: " ".join(text.split())[:80] for text in texts if fold(text)}
    if not wanted:
        raise WordSaysNothing
    standing = {
        row.normalised: row
        for row in NeedSynonym.objects.filter(term=term, language=language, normalised__in=wanted)
        if row.lab_id in (None, lab.pk)
    }
    if NeedSynonym.objects.filter(term=term, lab=lab).count() + len(wanted) > MOST_WORDS:
        raise TooManyWords
    written = []
    for key, text in wanted.items():
        row = standing.get(key)
        if row is not None and (row.lab_id is None or row.state != NeedSynonym.State.WITHDRAWN):
            continue
        row = row or NeedSynonym(term=term, lab=lab, language=language, normalised=key)
        row.text, row.state, row.changed_by, row.changed_at = text, NeedSynonym.State.DRAFT, by, timezone.now()
        row.save()
        written.append(row)
    if written:
        record_act("synonym.propose", term, by=by, lab_id=lab.pk, detail={"language": language, "words": len(written)})
        index_term(term, lab)
        transaction.on_commit(forget_kept)
    return written


@transaction.atomic
def judge_synonyms(synonyms: Iterable[UUID], *, term: NeedTerm, lab: Lab, state: str, by: User) -> int:
    """Bring the chosen words of a term to a state: reviewed by a speaker, a draft again, taken away. Give how many.

    Only what `by` may see is touched; what is in that state already stays. Raise SynonymCannotBecome, and change
    nothing, when one of them cannot go there.
    """
    chosen = NeedSynonym.objects.visible_to(by).filter(pk__in=list(synonyms), term=term).exclude(state=state)
    rows = list(chosen.select_for_update(of=("self",), no_key=True).order_by("pk"))
    if any(state not in NeedSynonym.ALLOWED[row.state] for row in rows):
        raise SynonymCannotBecome
    for row in rows:
        row.state, row.changed_by, row.changed_at = state, by, timezone.now()
    NeedSynonym.objects.bulk_update(rows, ["state", "changed_by", "changed_at"])
    for language, count in Counter(row.language for row in rows).items():
        detail = {"language": language, "state": state, "words": count}
        record_act("synonym.judge", term, by=by, lab_id=lab.pk, detail=detail)
    if rows:
        index_term(term)
        transaction.on_commit(forget_kept)
    return len(rows)


@transaction.atomic
def add_local_term(term: NeedTerm, *, lab: Lab, name: str, words: Iterable[str] = (), by: User) -> LocalTerm:
    """Write a word of the lab's own for a shared term; it counts under that term in all figures.

    Raise WordSaysNothing, TooManyWords, and WordIsAlreadyThere when the lab uses the word already, or when it is the
    name of another term.
    """
    NeedTerm.objects.select_for_update(of=("self",), no_key=True).get(pk=term.pk)
    shown, key = " ".join(name.split())[:80], fold(name)[:100]
    if not key:
        raise WordSaysNothing
    named = next((other for other in NeedTerm.objects.exclude(pk=term.pk) if fold(other.name) == key), None)
    taken = LocalTerm.objects.in_use().filter(lab=lab, normalised=key).select_related("term").first()
    if named or taken:
        raise WordIsAlreadyThere(taken.term if taken else named)  # type: ignore[arg-type]
    if LocalTerm.objects.in_use().filter(lab=lab, term=term).count() >= MOST_WORDS:
        raise TooManyWords
    other = list(dict.fromkeys(" ".join(word.split())[:80] for word in words if fold(word)))[:MOST_WORDS]
    local = LocalTerm(lab=lab, term=term, name=shown, normalised=key, words="\n".join(other))
    try:
        with transaction.atomic():
            local.save(force_insert=True)
    except IntegrityError:
        # Somebody wrote it for another term at the same moment.
        standing = LocalTerm.objects.in_use().select_related("term").get(lab=lab, normalised=key)
        raise WordIsAlreadyThere(standing.term) from None
    record_act("local_term.add", local, by=by, lab_id=lab.pk, detail={"term": term.code})
    index_term(term, lab)
    transaction.on_commit(forget_kept)
    return local


@transaction.atomic
def retire_local_term(local: LocalTerm, *, by: User) -> LocalTerm:
    """Stop using a word of the lab's own; saying it twice changes nothing. What it counted stays under its term."""
    locked = (
        LocalTerm.objects.select_for_update(of=("self",), no_key=True).select_related("term", "lab").get(pk=local.pk)
    )
    if locked.retired_on is None:
        locked.retired_on = timezone.localdate()
        locked.save(update_fields=["retired_on"])
        record_act("local_term.retire", locked, by=by, lab_id=locked.lab_id, detail={"term": locked.term.code})
        index_term(locked.term, locked.lab)
        transaction.on_commit(forget_kept)
    return locked
