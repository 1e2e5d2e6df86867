"""What can happen to an issue of a building: it is opened, joined, followed step by step, answered for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.jobs.services import submit_once
from ballatoio.base.labs.models import Organisation
from ballatoio.base.notices.services import notify_person
from ballatoio.base.people.models import Person
from ballatoio.base.territory.models import Building, Stair
from ballatoio.care.desk.models import Answer, Contact, Need
from ballatoio.care.desk.need_services import answer_need
from ballatoio.care.desk.services import AnswerGiven, check_owner

from .models import BuildingIssue, IssueNeed, IssueStep
from .texts import answer_text

Kind, State = IssueStep.Kind, BuildingIssue.State
# A message that was told of one answer is not told twice of it.
NOTICE = "issue.answer"


class IssueIsClosed(Exception):
    """This issue is closed: open it again before doing anything with it."""


class IssueIsOpen(Exception):
    """This issue is open already."""


class NeedIsJoined(Exception):
    """One of the needs is followed in an issue already: it has to leave that one first."""


class NeedIsElsewhere(Exception):
    """One of the needs is about another building, or none."""


class StairIsElsewhere(Exception):
    """The stair is of another building."""


class PromiseNeedsADay(Exception):
    """A promise without a day is no promise."""


class AnswerNeedsWords(Exception):
    """Whoever asked must be told something."""


@dataclass(frozen=True)
class StepTaken:
    """What happened, as an operator writes it; `kind` is an IssueStep.Kind.

    `organisation` is whom the lab asked, or who answered. With `to_all` the words are given as an answer to every
    joined need that is open. `next_on` is when to look again.
    """

    kind: str
    on: date
    text: str = ""
    organisation: Organisation | None = None
    promised_on: date | None = None
    next_on: date | None = None
    to_all: bool = False


@transaction.atomic
def open_issue(
    building: Building,
    *,
    by: User,
    term: NeedTerm,
    title: str,
    owner: User,
    next_on: date,
    stair: Stair | None = None,
    needs: Sequence[Need] = (),
    once: str = "",
) -> BuildingIssue:
    """Open an issue of a building with the needs that it begins with, and give it.

    Raise AlreadySubmitted (its result is the id of the first), OwnerCannotWorkHere, StairIsElsewhere, NeedIsJoined,
    NeedIsElsewhere.
    """
    if stair is not None and stair.building_id != building.pk:
        raise StairIsElsewhere
    check_owner(building.lab, owner)
    issue = BuildingIssue(
        lab=building.lab,
        building=building,
        stair=stair,
        term=term,
        title=title.strip(),
        owner=owner,
        next_on=next_on,
    )
    submit_once(once, str(issue.pk))
    issue.save(force_insert=True)
    _join(issue, needs, by)
    IssueStep.objects.create(issue=issue, kind=Kind.OPENED, recorded_by=by)
    _record("issue.open", issue, by, needs=len(needs))
    return issue


@transaction.atomic
def join_needs(issue: BuildingIssue, *, by: User, needs: Sequence[Need]) -> int:
    """Follow further needs of the same building together with an issue; give how many were not in it already.

    Raise IssueIsClosed, NeedIsJoined (in another), NeedIsElsewhere.
    """
    current = BuildingIssue.objects.select_for_update(of=("self",), no_key=True).get(pk=issue.pk)
    if not current.is_open:
        raise IssueIsClosed
    there = set(current.joined.filter(need__in=needs).values_list("need", flat=True))
    new = [need for need in needs if need.pk not in there]
    _join(current, new, by)
    if new:
        _record("issue.join", current, by, needs=[str(need.pk) for need in new])
    return len(new)


def _join(issue: BuildingIssue, needs: Sequence[Need], by: User) -> None:
    if any(need.building_id != issue.building_id or need.lab_id != issue.lab_id for need in needs):
        raise NeedIsElsewhere
    try:
        with transaction.atomic():
            IssueNeed.objects.bulk_create(
                IssueNeed(issue=issue, need=need, joined_by=by) for need in sorted(needs, key=lambda need: need.pk)
            )
    except IntegrityError:
        raise NeedIsJoined from None


@transaction.atomic
def leave_issue(issue: BuildingIssue, need: Need, *, by: User) -> bool:
    """Follow a need by itself again; what was answered meanwhile stays. Tell whether it was in the issue."""
    left, _of = IssueNeed.objects.filter(issue=issue, need=need).delete()
    if left:
        _record("issue.leave", issue, by, need=str(need.pk))
    return bool(left)


@transaction.atomic
def plan_issue(issue: BuildingIssue, *, by: User, version: int, owner: User, next_on: date) -> BuildingIssue:
    """Give an issue an owner and a next date. Raise ChangedElsewhere, IssueIsClosed, OwnerCannotWorkHere."""
    current = _lock(issue, version)
    if not current.is_open:
        raise IssueIsClosed
    check_owner(current.lab, owner)
    current.owner, current.next_on = owner, next_on
    current.save()
    _record("issue.plan", current, by, owner=str(owner.pk), next_on=next_on.isoformat())
    return current


@transaction.atomic
def reopen_issue(
    issue: BuildingIssue, *, by: User, version: int, owner: User, next_on: date, text: str = ""
) -> BuildingIssue:
    """Open a closed issue again, because the problem is not solved.

    Raise ChangedElsewhere, IssueIsOpen, OwnerCannotWorkHere.
    """
    current = _lock(issue, version)
    if current.is_open:
        raise IssueIsOpen
    check_owner(current.lab, owner)
    _change_state(current, State.OPEN)
    current.owner, current.next_on = owner, next_on
    current.save()
    IssueStep.objects.create(issue=current, kind=Kind.REOPENED, text=text.strip(), recorded_by=by)
    _record("issue.reopen", current, by, next_on=next_on.isoformat())
    return current


@transaction.atomic
def take_step(issue: BuildingIssue, *, by: User, version: int, step: StepTaken) -> IssueStep:
    """Write down what happened to an open issue, and give it; its state follows (IssueStep.STATE_AFTER).

    With `to_all` every joined need that is open gets the answer, and each person is told once, by the way that is safe
    for them: all of it happens, or nothing. Raise ChangedElsewhere (somebody changed the issue), IssueIsClosed,
    PromiseNeedsADay, AnswerNeedsWords.
    """
    current = _lock(issue, version)
    if not current.is_open:
        raise IssueIsClosed
    if step.kind == Kind.PROMISED and step.promised_on is None:
        raise PromiseNeedsADay
    to_all = step.to_all or step.kind == Kind.ANSWERED
    if to_all and not step.text.strip():
        raise AnswerNeedsWords
    taken = IssueStep(
        issue=current,
        kind=step.kind,
        on=step.on,
        text=step.text.strip(),
        organisation=step.organisation,
        promised_on=step.promised_on if step.kind == Kind.PROMISED else None,
        recorded_by=by,
    )
    _change_state(current, IssueStep.STATE_AFTER.get(step.kind, current.state))
    if step.kind in (Kind.SENT, Kind.PROMISED):
        current.institution = step.organisation or current.institution
    if step.kind == Kind.PROMISED:
        current.promised_on = step.promised_on
    if current.is_open:
        current.next_on = step.next_on or current.next_on
    current.save()
    answered = _answer_all(current, taken, by) if to_all else []
    taken.answered = len(answered) if to_all else None
    taken.save(force_insert=True)
    _tell_people(current, taken, answered, by)
    _record("issue.step", current, by, kind=step.kind, answered=len(answered))
    return taken


def _lock(issue: BuildingIssue, version: int) -> BuildingIssue:
    current = (
        BuildingIssue.objects.select_for_update(of=("self",), no_key=True)
        .select_related("lab", "building")
        .get(pk=issue.pk)
    )
    if current.version != version:
        raise ChangedElsewhere(current)
    current.version += 1
    return current


def _change_state(issue: BuildingIssue, state: str) -> None:
    if state not in BuildingIssue.ALLOWED[issue.state] and state != issue.state:
        raise IssueIsOpen if issue.is_open else IssueIsClosed
    issue.state = state
    if issue.is_open:
        issue.closed_at = None
    else:
        issue.closed_at, issue.next_on = timezone.now(), None
    if state != State.PROMISED:
        issue.promised_on = None


def _answer_all(issue: BuildingIssue, step: IssueStep, by: User) -> list[Need]:
    """Give the words of a step to all the open needs of an issue, and give these needs with their people.

    The people first, then the contacts and the needs, each by its id, and only then anything is recorded: the order in
    which the others do. Whoever brings one of them to safety meanwhile is waited for.
    """
    of_issue = Need.objects.still_open().filter(pk__in=issue.joined.values("need"))
    _lock_rows(Person.objects.filter(pk__in=of_issue.values("person")))
    _lock_rows(Contact.objects.filter(pk__in=of_issue.values("contact")))
    _lock_rows(of_issue)
    needs = list(of_issue.select_related("person").order_by("pk"))
    answer = AnswerGiven(kind=Answer.Kind.INFORMATION, text=step.text)
    for need in needs:
        answer_need(need, by=by, version=need.version, answer=answer)
    return needs


def _lock_rows(rows: QuerySet[Any]) -> None:
    list(rows.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))


def _tell_people(issue: BuildingIssue, step: IssueStep, needs: Sequence[Need], by: User) -> None:
    """Tell each person once, however many of these needs are theirs."""
    for person, need in {need.person: need for need in needs if need.person}.items():
        notify_person(
            person,
            kind=NOTICE,
            key=f"{NOTICE}:{step.pk}:{person.pk}",
            compose=answer_text(issue.lab, step, person),
            about=need,
            by=by,
        )


def _record(verb: str, issue: BuildingIssue, by: User, **detail: object) -> None:
    record_act(verb, issue, by=by, lab_id=issue.lab_id, detail={"state": issue.state, **detail})
