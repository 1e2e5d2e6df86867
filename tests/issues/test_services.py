"""What several households of one house ask, followed as one thing: opened, joined, answered once for all, let go."""

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.households import join_household, separate_person
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import add_contact_point, register_person
from ballatoio.base.territory.models import Building, Stair
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Answer, Need
from ballatoio.care.desk.need_services import tell_need
from ballatoio.care.desk.services import NeedHeard, OwnerCannotWorkHere
from ballatoio.care.issues import services
from ballatoio.care.issues.lists import Month, Together, apart_needs, company_of, issues_due, proposed, voices_of
from ballatoio.care.issues.models import BuildingIssue, IssueNeed, IssueStep
from ballatoio.care.issues.services import StepTaken, join_needs, leave_issue, open_issue, take_step
from tests.factories import make_building, make_contact, make_lab, make_term, make_user

Kind, State = IssueStep.Kind, BuildingIssue.State
WORDS = "L’ascensore riparte lunedì"
TODAY = timezone.localdate


@pytest.fixture
def house(mazzini: Lab) -> Building:
    return make_building(mazzini, "via Panigarola", "3")


@pytest.fixture
def lift(db: None) -> NeedTerm:
    return make_term("Ascensore")


def asks(lab: Lab, by: User, term: NeedTerm, building: Building | None, **fields: Any) -> Need:
    """One contact that asks one thing about a house."""
    return make_contact(lab, by, NeedHeard(term=term, words="piove"), building=building, **fields).needs.get()


def start(house: Building, by: User, term: NeedTerm, *needs: Need, **fields: Any) -> BuildingIssue:
    given: dict[str, Any] = {"title": "Ascensore fermo", "owner": by, "next_on": TODAY() + timedelta(days=5)}
    return open_issue(house, by=by, term=term, needs=needs, **given | fields)


def step(issue: BuildingIssue, by: User, kind: str, **fields: Any) -> IssueStep:
    issue.refresh_from_db()
    return take_step(issue, by=by, version=issue.version, step=StepTaken(kind=kind, on=TODAY(), **fields))


# --- opening and joining -----------------------------------------------------------------------------------------


def test_an_issue_begins_with_its_needs_and_an_owner(mazzini: Lab, anna: User, house: Building, lift: NeedTerm) -> None:
    needs = [asks(mazzini, anna, lift, house) for _ in range(3)]
    stair = Stair.objects.create(building=house, name="B")
    issue = start(house, anna, lift, *needs, stair=stair)
    assert (issue.state, issue.owner, issue.stair, str(issue)) == (State.OPEN, anna, stair, "Ascensore fermo")
    assert set(issue.joined.values_list("need", flat=True)) == {need.pk for need in needs}
    assert [taken.kind for taken in issue.steps.all()] == [Kind.OPENED]
    assert AuditEntry.objects.get(verb="issue.open").detail == {"state": "open", "needs": 3}


def test_a_double_click_opens_one(anna: User, house: Building, lift: NeedTerm) -> None:
    once = new_once_token()
    issue = start(house, anna, lift, once=once)
    with pytest.raises(AlreadySubmitted) as sent:
        start(house, anna, lift, once=once)
    assert (sent.value.result, BuildingIssue.objects.count()) == (str(issue.pk), 1)


def test_what_does_not_belong_is_refused_and_nothing_is_written(
    mazzini: Lab, milo: Lab, anna: User, bruno: User, house: Building, lift: NeedTerm
) -> None:
    other = make_building(mazzini)
    bad: list[tuple[type[Exception], list[Need], dict[str, Any]]] = [
        (services.NeedIsElsewhere, [asks(mazzini, anna, lift, other)], {}),
        (services.NeedIsElsewhere, [asks(mazzini, anna, lift, None)], {}),
        (services.NeedIsElsewhere, [asks(milo, bruno, lift, house)], {}),
        (services.StairIsElsewhere, [], {"stair": Stair.objects.create(building=other, name="A")}),
        (OwnerCannotWorkHere, [], {"owner": bruno}),
    ]
    for refusal, needs, fields in bad:
        with pytest.raises(refusal):
            start(house, anna, lift, asks(mazzini, anna, lift, house), *needs, **fields)
    assert (BuildingIssue.objects.count(), IssueNeed.objects.count()) == (0, 0)


def test_a_need_is_in_one_issue_at_a_time_and_may_leave_it(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    need, later = asks(mazzini, anna, lift, house), asks(mazzini, anna, lift, house)
    first, second = start(house, anna, lift, need), start(house, anna, lift)
    with pytest.raises(services.NeedIsJoined):
        join_needs(second, by=anna, needs=[later, need])
    assert join_needs(first, by=anna, needs=[need, later]) == 1
    assert (leave_issue(first, need, by=anna), leave_issue(first, need, by=anna)) == (True, False)
    assert join_needs(second, by=anna, needs=[need]) == 1
    assert company_of(need).issue == second
    verbs = AuditEntry.objects.filter(verb__startswith="issue.").order_by("position").values_list("verb", flat=True)
    assert list(verbs) == ["issue.open", "issue.open", "issue.join", "issue.leave", "issue.join"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_join_the_same_need_at_once_one_is_told() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a database in memory has one connection")
    lab = make_lab("mazzini")
    anna, house, lift = make_user("Anna", lab, Role.DESK), make_building(lab), make_term("Ascensore")
    need = asks(lab, anna, lift, house)
    issues = [start(house, anna, lift) for _ in range(2)]
    outcomes = at_once(lambda issue: join_needs(issue, by=anna, needs=[need]), issues, services.NeedIsJoined)
    assert (outcomes, IssueNeed.objects.count()) == (["done", "told"], 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_answer_at_once_one_is_told_and_nobody_is_answered_twice() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a database in memory has one connection")
    lab = make_lab("mazzini")
    anna, house, lift = make_user("Anna", lab, Role.DESK), make_building(lab), make_term("Ascensore")
    issue = start(house, anna, lift, *(asks(lab, anna, lift, house) for _ in range(4)))
    answer = StepTaken(kind=Kind.ANSWERED, on=TODAY(), text=WORDS)
    outcomes = at_once(lambda seen: take_step(seen, by=anna, version=1, step=answer), [issue, issue], ChangedElsewhere)
    assert (outcomes, Answer.objects.count()) == (["done", "told"], 4)


def at_once(act: Any, things: list[Any], refusal: type[Exception]) -> list[str]:
    gate, outcomes = threading.Barrier(len(things)), []

    def run(thing: Any) -> None:
        gate.wait()
        try:
            act(thing)
            outcomes.append("done")
        except refusal:
            outcomes.append("told")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(thing,)) for thing in things]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


# --- what belongs together ---------------------------------------------------------------------------------------


def test_three_contacts_of_one_house_about_one_thing_are_proposed(
    mazzini: Lab, milo: Lab, anna: User, bruno: User, house: Building, lift: NeedTerm
) -> None:
    mould, elsewhere = make_term("Muffa"), make_building(mazzini)
    needs = [asks(mazzini, anna, lift, house) for _ in range(3)]
    for building in (house, house, elsewhere):
        asks(mazzini, anna, mould, building)
    # Three needs of one contact are one voice.
    make_contact(mazzini, anna, *(NeedHeard(term=mould) for _ in range(3)), building=elsewhere)
    asks(milo, bruno, lift, make_building(milo))
    assert proposed(mazzini) == [Together(house, lift, 3)]
    assert (proposed(mazzini, building=elsewhere), proposed(milo)) == ([], [])
    company = company_of(needs[0])
    assert (company.others, company.is_proposed, company.open_issues) == (2, True, [])
    issue = start(house, anna, lift, needs[0])
    assert proposed(mazzini) == []
    assert (company_of(needs[0]).issue, company_of(needs[1]).open_issues) == (issue, [issue])


@pytest.mark.parametrize(
    ("family", "code", "groups"),
    [("money", "money-arrears", 0), ("home", "home-eviction", 0), ("home", "home-lift", 1)],
)
def test_what_is_one_households_own_is_never_proposed(
    family: str, code: str, groups: int, mazzini: Lab, anna: User, house: Building
) -> None:
    term = NeedTerm.objects.create(code=code, name=code, parent=NeedTerm.objects.create(code=family, name=family))
    needs = [asks(mazzini, anna, term, house) for _ in range(3)]
    assert (len(proposed(mazzini)), company_of(needs[0]).is_proposed) == (groups, bool(groups))
    assert start(house, anna, term, *needs).joined.count() == 3


def test_old_unwanted_and_finished_needs_propose_nothing(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    needs = [asks(mazzini, anna, lift, house) for _ in range(3)]
    assert len(proposed(mazzini)) == 1
    Need.objects.filter(pk=needs[0].pk).update(opened_at=timezone.now() - timedelta(days=61))
    assert proposed(mazzini) == []
    Need.objects.filter(pk=needs[0].pk).update(opened_at=timezone.now() - timedelta(days=59))
    assert len(proposed(mazzini)) == 1
    for need in needs:
        tell_need(need, by=anna, version=1, how="phone")
    assert proposed(mazzini) == []


def test_a_protected_person_is_never_listed_by_their_house(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    samira = register_person(mazzini, by=anna, given_name="Samira")
    hers = asks(mazzini, anna, lift, house, person=samira)
    for _ in range(2):
        asks(mazzini, anna, lift, house)
    assert len(proposed(mazzini)) == 1
    separate_person(samira, by=anna)
    assert (proposed(mazzini), hers in apart_needs(mazzini)) == ([], False)


def test_who_asked_is_counted_by_household_and_month_and_never_named(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    amina, omar, samira = (register_person(mazzini, by=anna, given_name=name) for name in ("Amina", "Omar", "Samira"))
    household = join_household(amina, None, by=anna).household
    for person in (omar, samira):
        join_household(person, household, by=anna)
    needs = [asks(mazzini, anna, lift, house, person=person) for person in (amina, amina, omar, samira, None, None)]
    before = timezone.make_aware(timezone.datetime(2026, 1, 31, 23, 30))  # type: ignore[attr-defined]
    Need.objects.filter(pk=needs[0].pk).update(opened_at=before)
    issue = start(house, anna, lift, *needs)
    this_month = TODAY().replace(day=1)
    voices = voices_of(issue)
    assert (voices.contacts, voices.households, voices.open_needs) == (6, 3, 6)
    assert voices.months == [Month(date(2026, 1, 1), 1, 1), Month(this_month, 5, 3)]
    separate_person(samira, by=anna)
    assert voices_of(issue).households == 4


# --- step by step --------------------------------------------------------------------------------------------------


def test_the_life_of_an_issue(mazzini: Lab, anna: User, carla: User, house: Building, lift: NeedTerm) -> None:
    issue = start(house, anna, lift)
    owner = mazzini.organisations.create(name="Ente gestore", kind="housing")
    day = TODAY() + timedelta(days=10)
    step(issue, anna, Kind.DONE, text="Sopralluogo")
    sent = step(issue, anna, Kind.SENT, organisation=owner, text="PEC inviata", next_on=day)
    issue.refresh_from_db()
    assert (issue.state, issue.institution, issue.next_on, sent.answered) == (State.WITH_INSTITUTION, owner, day, None)
    with pytest.raises(services.PromiseNeedsADay):
        step(issue, anna, Kind.PROMISED, organisation=owner)
    step(issue, anna, Kind.PROMISED, organisation=owner, promised_on=day)
    issue.refresh_from_db()
    assert (issue.state, issue.promised_on) == (State.PROMISED, day)
    services.plan_issue(issue, by=anna, version=issue.version, owner=carla, next_on=day)
    step(issue, carla, Kind.SOLVED)
    issue.refresh_from_db()
    assert (issue.state, issue.next_on, issue.promised_on, issue.is_open) == (State.SOLVED, None, None, False)
    with pytest.raises(services.IssueIsClosed):
        step(issue, anna, Kind.DONE, text="altro")
    with pytest.raises(services.IssueIsClosed):
        join_needs(issue, by=anna, needs=[])
    services.reopen_issue(issue, by=anna, version=issue.version, owner=anna, next_on=day, text="Fermo di nuovo")
    issue.refresh_from_db()
    assert (issue.state, issue.owner, issue.closed_at) == (State.OPEN, anna, None)
    with pytest.raises(services.IssueIsOpen):
        services.reopen_issue(issue, by=anna, version=issue.version, owner=anna, next_on=day)
    assert list(issue.steps.values_list("kind", flat=True)) == [
        Kind.OPENED, Kind.DONE, Kind.SENT, Kind.PROMISED, Kind.SOLVED, Kind.REOPENED
    ]  # fmt: skip


def test_every_change_of_state_is_in_the_table_or_refused(anna: User, house: Building, lift: NeedTerm) -> None:
    day = TODAY() + timedelta(days=3)
    for before in State.values:
        for kind, after in IssueStep.STATE_AFTER.items():
            issue = start(house, anna, lift)
            closed = None if before in BuildingIssue.OPEN_STATES else timezone.now()
            BuildingIssue.objects.filter(pk=issue.pk).update(state=before, promised_on=day, closed_at=closed)
            issue.refresh_from_db()
            allowed = issue.is_open and after in BuildingIssue.ALLOWED[before]
            try:
                step(issue, anna, kind, promised_on=day)
            except (services.IssueIsClosed, services.IssueIsOpen):
                assert not allowed, (before, kind)
            else:
                issue.refresh_from_db()
                assert (allowed, issue.state) == (True, after), (before, kind)


def test_a_colleague_who_was_faster_is_not_overwritten(
    anna: User, carla: User, house: Building, lift: NeedTerm
) -> None:
    issue = start(house, anna, lift)
    step(issue, carla, Kind.DONE, text="Telefonato")
    with pytest.raises(ChangedElsewhere):
        take_step(issue, by=anna, version=1, step=StepTaken(Kind.SOLVED, TODAY()))
    issue.refresh_from_db()
    assert (issue.state, issue.version) == (State.OPEN, 2)


@pytest.mark.parametrize(
    "broken",
    [
        {"owner": None},
        {"next_on": None},
        {"state": "solved", "closed_at": None},
        {"state": "promised", "promised_on": None},
    ],
)
def test_the_database_keeps_every_open_issue_with_an_owner_and_a_date(
    broken: dict[str, Any], anna: User, house: Building, lift: NeedTerm
) -> None:
    issue = start(house, anna, lift)
    with pytest.raises(IntegrityError), transaction.atomic():
        BuildingIssue.objects.filter(pk=issue.pk).update(**broken)


# --- one answer for all --------------------------------------------------------------------------------------------


def with_phone(lab: Lab, by: User, name: str, email: str, **fields: Any) -> Person:
    person = register_person(lab, by=by, given_name=name, **fields)
    add_contact_point(person, by=by, kind="email", value=email)
    return person


def test_one_answer_reaches_every_open_need_and_each_person_once(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    amina = with_phone(mazzini, anna, "Amina", "amina@example.org")
    silent = register_person(mazzini, by=anna, given_name="Omar")
    needs = [asks(mazzini, anna, lift, house, person=person) for person in (amina, amina, silent, None)]
    closed, apart = asks(mazzini, anna, lift, house, person=amina), asks(mazzini, anna, lift, house)
    tell_need(closed, by=anna, version=1, how="phone")
    issue = start(house, anna, lift, *needs, closed)
    taken = step(issue, anna, Kind.ANSWERED, text=WORDS)
    for need in (*needs, closed, apart):
        need.refresh_from_db()
    assert [need.state for need in needs] == [Need.State.ANSWERED] * 4
    assert (closed.state, apart.state, taken.answered) == (Need.State.CLOSED, Need.State.OPEN, 4)
    assert [open_texts(answer) for answer in Answer.objects.all()] == [{"text": WORDS}] * 4
    message = Delivery.objects.get()
    assert (message.person, message.kind, message.channel) == (amina, "issue.answer", "email")
    texts = open_texts(message)
    assert (WORDS in texts["body"], mazzini.phone in texts["body"], mazzini.address in texts["body"]) == (True,) * 3
    assert [word for word in ("scensore", "Panigarola") if word in texts["short"] + texts["subject"]] == []


def test_the_next_answer_is_told_again_but_only_to_who_still_waits(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    amina, omar = (with_phone(mazzini, anna, name, f"{name}@example.org") for name in ("Amina", "Omar"))
    first, second = (asks(mazzini, anna, lift, house, person=person) for person in (amina, omar))
    issue = start(house, anna, lift, first, second)
    step(issue, anna, Kind.PROMISED, text=WORDS, promised_on=TODAY() + timedelta(days=3), to_all=True)
    first.refresh_from_db()
    tell_need(first, by=anna, version=first.version, how="phone")
    step(issue, anna, Kind.SOLVED, text="Riparato", to_all=True)
    told = Delivery.objects.order_by("created_at").values_list("person__given_name", flat=True)
    assert sorted(told) == ["Amina", "Omar", "Omar"]


def test_a_protected_person_is_not_written_what_it_is_about(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    samira = with_phone(mazzini, anna, "Samira", "solo-mia@example.org")
    need = asks(mazzini, anna, lift, house, person=samira)
    issue = start(house, anna, lift, need)
    separate_person(samira, by=anna)
    step(issue, anna, Kind.ANSWERED, text=WORDS)
    texts = open_texts(Delivery.objects.get())
    assert (WORDS in texts["body"], "C’è una risposta" in texts["body"]) == (False, True)


def test_the_italian_words_never_pass_for_a_translation(
    mazzini: Lab, anna: User, house: Building, lift: NeedTerm
) -> None:
    reader = with_phone(mazzini, anna, "Rahim", "rahim@example.org", languages_read=["en"])
    issue = start(house, anna, lift, asks(mazzini, anna, lift, house, person=reader))
    step(issue, anna, Kind.ANSWERED, text=WORDS)
    message = Delivery.objects.get()
    texts = open_texts(message)
    assert (message.language, WORDS in texts["body"], WORDS in texts["body_it"]) == ("en", False, True)


def test_an_answer_without_words_answers_nobody(mazzini: Lab, anna: User, house: Building, lift: NeedTerm) -> None:
    issue = start(house, anna, lift, asks(mazzini, anna, lift, house))
    for kind, to_all in ((Kind.ANSWERED, False), (Kind.SOLVED, True)):
        with pytest.raises(services.AnswerNeedsWords):
            step(issue, anna, kind, text="  ", to_all=to_all)
    assert (Answer.objects.count(), issue.steps.count()) == (0, 1)


# --- whose day ---------------------------------------------------------------------------------------------------


def test_what_is_due_is_in_its_owners_day_only(
    mazzini: Lab, milo: Lab, anna: User, bruno: User, carla: User, house: Building, lift: NeedTerm
) -> None:
    today, late = (start(house, anna, lift, next_on=TODAY() - timedelta(days=days)) for days in (0, 3))
    start(house, anna, lift, next_on=TODAY() + timedelta(days=1))
    start(house, carla, lift, next_on=TODAY())
    done = start(house, anna, lift, next_on=TODAY())
    step(done, anna, Kind.SOLVED)
    assert (list(issues_due(anna, mazzini)), list(issues_due(anna, milo)), list(issues_due(bruno, mazzini))) == (
        [late, today],
        [],
        [],
    )
