"""The antenna: residents' questions go up to the institutions, masked; their answers come back to whoever asked."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.core.masking import Shown
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.jobs.services import plan_work
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.services import notify_address, notify_person
from ballatoio.care.desk.lists import day_start
from ballatoio.care.desk.models import Answer, Need, NeedQuerySet
from ballatoio.care.desk.need_services import NeedIsClosed, answer_need
from ballatoio.care.desk.services import AnswerGiven

from .models import Publication, QuestionLine, QuestionSheet, ReturnedAnswer, TopicRecipient
from .question_texts import answer_is_ready, answer_words, sheet_text
from .spans import next_month

State = QuestionSheet.State
NOTICE_UP, NOTICE_BACK = "questions.sent", "questions.answer"
# A closed need whose person may still want to know; who said that they want nothing any more is left in peace.
STILL_CURIOUS = (Need.State.CLOSED, Need.State.UNREACHABLE)


class SheetIsSent(Exception):
    """This sheet was sent: what it asks cannot be changed any more."""


class SheetIsNotSent(Exception):
    """This sheet is still a draft: nobody can have answered it."""


class QuestionIsEmpty(Exception):
    """A question without words cannot be sent: write it, or take it away."""


class NothingToAsk(Exception):
    """A sheet without questions is not sent."""


class NotAnswered(Exception):
    """There is no answer yet that could go back."""


class AnswerIsReturned(Exception):
    """This answer went back to whoever asked: it cannot change behind their backs."""


@transaction.atomic
def assign_topic(lab: Lab, *, by: User, term: NeedTerm, organisation: Organisation, source: str = "") -> TopicRecipient:
    """Say which institution answers for a topic or a term, in place of whoever did; `source` says who agreed to it."""
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    recipient = TopicRecipient.objects.filter(lab=lab, term=term).first() or TopicRecipient(lab=lab, term=term)
    recipient.organisation, recipient.source, recipient.since = organisation, source.strip(), timezone.localdate()
    recipient.save()
    detail = {"term": term.code, "organisation": str(organisation.pk)}
    record_act("question.assign_topic", recipient, by=by, lab_id=lab.pk, detail=detail)
    return recipient


@transaction.atomic
def unassign_topic(recipient: TopicRecipient, *, by: User) -> None:
    """Say that nobody answers for a topic any more; the sheets that were made stay."""
    record_act("question.unassign_topic", recipient, by=by, lab_id=recipient.lab_id, detail={})
    recipient.delete()


@transaction.atomic
def build_sheets(publication: Publication) -> list[QuestionSheet]:
    """Draft a sheet for each institution that answers for something that was asked in a published month.

    Only what was published has a line. A second time nothing is made. The words are those that the staff wrote for
    the same topic last time; a new topic waits for them.
    """
    lab = publication.lab
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    lines: dict[UUID, list[tuple[dict[str, Any], list[NeedTerm]]]] = {}
    for organisation, line, terms in _lines_of(publication):
        lines.setdefault(organisation, []).append((line, terms))
    made = []
    for organisation, rows in lines.items():
        if QuestionSheet.objects.filter(lab=lab, organisation=organisation, month=publication.first).exists():
            continue
        sheet = QuestionSheet.objects.create(lab=lab, organisation_id=organisation, month=publication.first)
        for position, (values, terms) in enumerate(rows):
            words = _last_words(sheet, values["topic"])
            QuestionLine.objects.create(sheet=sheet, position=position, question=words, **values).terms.set(terms)
        record_act("question.build", sheet, by=None, lab_id=lab.pk, detail={"lines": len(rows)})
        made.append(sheet)
    return made


def _lines_of(publication: Publication) -> Iterator[tuple[UUID, dict[str, Any], list[NeedTerm]]]:
    """Give (institution, line, its terms) for all that was published and has somebody who answers for it."""
    terms = {term.code: term for term in NeedTerm.objects.order_by("position", "name")}
    recipients = dict(TopicRecipient.objects.filter(lab=publication.lab).values_list("term", "organisation"))
    named: dict[str, list[str]] = {}
    for path, house in publication.content["named"]:
        named.setdefault(path[-1], []).append(publication.content["names"]["house"].get(house, ""))

    def who_answers(term: NeedTerm) -> UUID | None:
        return recipients.get(term.pk) or (recipients.get(term.parent_id) if term.parent_id else None)

    for code, topic in Shown.from_data(publication.content["topic"]).parts.items():
        top = terms.get(code)
        if top is None:
            continue
        for part_code, part in topic.parts.items():
            term = terms[part_code]
            name = _("%(topic)s, senza altro") % {"topic": term.name} if term == top else term.name
            line = {"topic": name, "asked": part.total, "houses": sorted(filter(None, named.get(part_code, [])))}
            if organisation := who_answers(term):
                yield organisation, line, [term]
        # What stands in the rest is one number: it has one line only if one institution answers for all of it.
        inside = [term for term in terms.values() if top.pk in (term.pk, term.parent_id)]
        others = [term for term in inside if term.code not in topic.parts]
        answering = {who_answers(term) for term in others}
        if topic.rest and len(answering) == 1 and (organisation := answering.pop()):
            name = _("%(topic)s, altro") % {"topic": top.name} if topic.parts else top.name
            yield organisation, {"topic": name, "asked": topic.rest, "houses": []}, others


def _last_words(sheet: QuestionSheet, topic: str) -> str:
    earlier = QuestionLine.objects.filter(
        sheet__lab=sheet.lab, sheet__organisation=sheet.organisation_id, sheet__month__lt=sheet.month, topic=topic
    ).exclude(question="")
    return earlier.order_by("-sheet__month").values_list("question", flat=True).first() or ""


def _lock_sheet(sheet_id: UUID, version: int | None = None) -> QuestionSheet:
    sheet = (
        QuestionSheet.objects.select_for_update(of=("self",), no_key=True)
        .select_related("lab", "organisation")
        .get(pk=sheet_id)
    )
    if version is not None and sheet.version != version:
        raise ChangedElsewhere(sheet)
    return sheet


def _lock_draft(sheet_id: UUID, version: int | None = None) -> QuestionSheet:
    sheet = _lock_sheet(sheet_id)
    if not sheet.is_draft:
        raise SheetIsSent
    return sheet if version is None else _lock_sheet(sheet_id, version)


def _word(sheet: QuestionSheet, questions: Mapping[UUID, str], by: User) -> None:
    """Write the questions that changed."""
    changed = []
    for line in sheet.lines.select_for_update(of=("self",), no_key=True).filter(pk__in=questions):
        words = questions[line.pk].strip()
        if words != line.question:
            line.question = words
            line.save(update_fields=["question"])
            changed.append(str(line.pk))
    if changed:
        record_act("question.word", sheet, by=by, lab_id=sheet.lab_id, detail={"lines": changed})
    sheet.version += 1


@transaction.atomic
def word_questions(sheet: QuestionSheet, *, by: User, version: int, questions: Mapping[UUID, str]) -> QuestionSheet:
    """Write the questions of a draft, by their lines. Raise SheetIsSent, ChangedElsewhere."""
    current = _lock_draft(sheet.pk, version)
    _word(current, questions, by)
    current.save(update_fields=["version"])
    return current


@transaction.atomic
def add_question(sheet: QuestionSheet, *, by: User, term: NeedTerm, question: str) -> QuestionLine:
    """Add a question on a topic that was not published, without saying whether anybody asked. Raise SheetIsSent."""
    current = _lock_draft(sheet.pk)
    last = current.lines.aggregate(last=Max("position"))["last"]
    line = QuestionLine.objects.create(
        sheet=current, position=0 if last is None else last + 1, topic=term.name, question=question.strip()
    )
    line.terms.set([term, *NeedTerm.objects.filter(parent=term)])
    current.version += 1
    current.save(update_fields=["version"])
    record_act("question.add", line, by=by, lab_id=current.lab_id, detail={"term": term.code})
    return line


@transaction.atomic
def drop_question(line: QuestionLine, *, by: User, version: int, questions: Mapping[UUID, str]) -> None:
    """Take a question off a draft, and keep what was written of the others. Raise SheetIsSent, ChangedElsewhere."""
    current = _lock_draft(line.sheet_id, version)
    _word(current, questions, by)
    current.save(update_fields=["version"])
    record_act("question.drop", line, by=by, lab_id=current.lab_id, detail={"sheet": str(current.pk)})
    QuestionLine.objects.filter(pk=line.pk).delete()


@transaction.atomic
def send_sheet(
    sheet: QuestionSheet, *, by: User, version: int, questions: Mapping[UUID, str] | None = None
) -> QuestionSheet:
    """Send a sheet to its institution, fixed from now on; by e-mail too when the institution has an address.

    Raise SheetIsSent, ChangedElsewhere, NothingToAsk, QuestionIsEmpty.
    """
    current = _lock_draft(sheet.pk, version)
    _word(current, questions or {}, by)
    lines = list(current.lines.order_by("position", "pk"))
    if not lines:
        raise NothingToAsk
    if any(not line.question for line in lines):
        raise QuestionIsEmpty
    current.state, current.sent_at, current.sent_by = State.SENT, timezone.now(), by
    current.content = {
        "lab": current.lab.name,
        "organisation": current.organisation.name,
        "month": current.month.isoformat(),
        "sent_on": timezone.localdate().isoformat(),
        "lines": [line.as_sent() for line in lines],
    }
    current.save()
    record_act("question.send", current, by=by, lab_id=current.lab_id, detail={"lines": len(lines)})
    if current.organisation.email:
        notify_address(
            current.lab,
            channel=Delivery.Channel.EMAIL,
            to=current.organisation.email,
            kind=NOTICE_UP,
            key=f"{NOTICE_UP}:{current.pk}",
            compose=sheet_text(current),
            about=current,
            by=by,
            name=current.organisation.name,
        )
    return current


@transaction.atomic
def answer_questions(
    sheet: QuestionSheet, *, by: User, version: int, answers: Mapping[UUID, str], answered_by: str, answered_on: date
) -> QuestionSheet:
    """Write what the institution answers, itself or through the desk, which heard it on `answered_on`.

    `answers` holds the texts by their lines; one that is empty, or as it was, changes nothing. Raise ChangedElsewhere,
    SheetIsNotSent, AnswerIsReturned.
    """
    current = _lock_sheet(sheet.pk, version)
    if current.is_draft:
        raise SheetIsNotSent
    for line in current.lines.select_for_update(of=("self",), no_key=True).filter(pk__in=answers):
        answer = answers[line.pk].strip()
        if not answer or answer == line.answer:
            continue
        if line.returned_at:
            raise AnswerIsReturned
        line.answer, line.answered_by, line.answered_on = answer, answered_by.strip(), answered_on
        line.recorded_by, line.version = by, line.version + 1
        line.save()
        record_act("question.answer", line, by=by, lab_id=current.lab_id, detail={"sheet": str(current.pk)})
    if current.lines.exclude(answer="").exists():
        state = State.PARTLY_ANSWERED if current.lines.filter(answer="").exists() else State.ANSWERED
        # What was answered stays answered.
        current.state = state if state in QuestionSheet.ALLOWED[current.state] else current.state
    current.version += 1
    current.save(update_fields=["state", "version"])
    return current


@transaction.atomic
def return_answer(line: QuestionLine, *, by: User, version: int, tells_closed: bool = False) -> QuestionLine:
    """Bring an answer back to whoever asked: to every open need that the line counts, and to its person.

    With `tells_closed` also people whose need was closed get to know that there is an answer. A job does it, need by
    need; each is answered once. Raise ChangedElsewhere, NotAnswered, AnswerIsReturned.
    """
    current = (
        QuestionLine.objects.select_for_update(of=("self",), no_key=True).select_related("sheet__lab").get(pk=line.pk)
    )
    if not current.answer:
        raise NotAnswered
    if current.returned_at:
        raise AnswerIsReturned
    if current.version != version:
        raise ChangedElsewhere(current)
    current.returned_at, current.returned_by, current.tells_closed = timezone.now(), by, tells_closed
    current.version += 1
    current.save()
    lab = current.sheet.lab
    key = f"reporting.bring_answer:{current.pk}"
    plan_work("reporting.bring_answer", key=key, lab=lab, payload={"line": str(current.pk)})
    record_act("question.return", current, by=by, lab_id=lab.pk, detail={"tells_closed": tells_closed})
    return current


def needs_of(line: QuestionLine) -> NeedQuerySet:
    """Give the needs that a line speaks of: of its terms, opened in the month of its sheet."""
    sheet = line.sheet
    start, end = day_start(sheet.month), day_start(next_month(sheet.month))
    return Need.objects.filter(lab=sheet.lab_id, term__in=line.terms.all(), opened_at__gte=start, opened_at__lt=end)


def bring_answer(line: QuestionLine, *, tell_progress: Callable[[int, int], None] | None = None) -> int:
    """Do what return_answer decided, each need in a transaction of its own; give how many were reached now.

    `tell_progress` is called after each with how many are done, of how many.
    """
    by = line.returned_by
    if line.returned_at is None or by is None:
        return 0
    wanted = needs_of(line).filter(state__in=[*Need.OPEN_STATES, *(STILL_CURIOUS if line.tells_closed else ())])
    there = ReturnedAnswer.objects.filter(line=line).values("need")
    ids = list(wanted.exclude(pk__in=there).order_by("pk").values_list("pk", flat=True))
    for done, pk in enumerate(ids, start=1):
        _bring_to(line, pk, by)
        if tell_progress:
            tell_progress(done, len(ids))
    return len(ids)


@transaction.atomic
def _bring_to(line: QuestionLine, need_id: UUID, by: User) -> None:
    need = Need.objects.select_related("person", "lab").get(pk=need_id)
    words = answer_words(line)
    is_open = need.is_open
    if is_open:
        try:
            answer_need(need, by=by, version=need.version, answer=AnswerGiven(kind=Answer.Kind.INFORMATION, text=words))
        except (ChangedElsewhere, NeedIsClosed):
            # A colleague was faster: as it stands now, or at the next turn of the job.
            need = Need.objects.select_related("person", "lab").get(pk=need_id)
            is_open = need.is_open
            if is_open:
                given = AnswerGiven(kind=Answer.Kind.INFORMATION, text=words)
                answer_need(need, by=by, version=need.version, answer=given)
    told = None
    if need.person and (is_open or line.tells_closed):
        told = notify_person(
            need.person,
            kind=NOTICE_BACK,
            key=f"{NOTICE_BACK}:{line.pk}:{need.person.pk}",
            compose=answer_is_ready(need.lab),
            about=need,
            by=by,
        )
    returned = ReturnedAnswer.objects.create(line=line, need=need, was_open=is_open, is_told=told is not None)
    detail = {"line": str(line.pk), "told": returned.is_told}
    record_act("question.bring", need, by=by, lab_id=need.lab_id, subject_id=need.person_id, detail=detail)
