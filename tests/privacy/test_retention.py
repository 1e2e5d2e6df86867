"""What is kept, for how long, and what is left of it afterwards."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import do_next_work, plan_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Consent, EntrySnapshot, Household, HouseholdMember, Person
from ballatoio.base.people.services import (
    add_contact_point,
    amend_person,
    note_seen,
    record_consent,
    withdraw_consent,
)
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import seal_texts
from ballatoio.care.desk.models import Contact, Message, Need
from ballatoio.oversight.privacy.models import MonthStatistic, RetentionRule
from ballatoio.oversight.privacy.services import (
    ErasesMore,
    erase_expired,
    find_expired,
    first_month_kept,
    set_retention_rule,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 22)
OLD = datetime(2024, 10, 31, 12, tzinfo=UTC)
YOUNG = datetime(2024, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel("2026-11-22 10:00:00+01:00", tick=False):
        yield


def make_contact(lab: Lab, at: datetime, *, state: str = "closed", person: Person | None = None) -> Contact:
    contact = Contact(lab=lab, started_at=at, ended_at=at, channel="walk_in", language="ar", person=person)
    seal_texts([(contact, {"words": "piove in casa"})])
    contact.save()
    need = Need(lab=lab, contact=contact, state=state, opened_at=at, person=person)
    if state == "closed":
        need.closed_at, need.told_how = at, "face_to_face"
    else:
        need.owner, need.next_on = make_user(f"o{uuid.uuid4().hex[:6]}"), TODAY
    seal_texts([(need, {"words": "piove"})])
    need.save()
    return contact


def erase_all(lab: Lab) -> int:
    total = 0
    while erased := erase_expired(lab):
        total += erased
    return total


def decide(lab: Lab, kind: str, months: int = 24) -> RetentionRule:
    """A rule that was decided a week ago and has its effect from today."""
    with time_machine.travel("2026-11-15 10:00:00+01:00", tick=False):
        return set_retention_rule(lab, kind=kind, months=months, source="registro", by=None, confirmed=True)


@pytest.mark.parametrize(
    ("months", "on", "first"),
    [
        (24, date(2026, 11, 22), date(2024, 11, 1)),
        (1, date(2026, 1, 31), date(2025, 12, 1)),
        (12, date(2026, 12, 31), date(2025, 12, 1)),
        (11, date(2026, 12, 1), date(2026, 1, 1)),
    ],
)
def test_whole_months_are_kept(months: int, on: date, first: date) -> None:
    assert first_month_kept(months, on) == first


def test_without_a_rule_nothing_is_erased(mazzini: Lab) -> None:
    make_contact(mazzini, datetime(1999, 1, 1, tzinfo=UTC))
    assert (find_expired(mazzini), erase_all(mazzini), Contact.objects.count()) == ([], 0, 1)


def test_an_old_contact_goes_with_its_keys_and_leaves_counts(mazzini: Lab, milo: Lab) -> None:
    make_contact(mazzini, OLD)
    make_contact(mazzini, OLD)
    young = make_contact(mazzini, YOUNG)
    make_contact(milo, OLD)
    decide(mazzini, "contact")
    assert [(found.rule.kind, found.before, found.count) for found in find_expired(mazzini)] == [
        ("contact", date(2024, 11, 1), 2)
    ]
    assert Contact.objects.count() == 4, "looking changes nothing"
    assert erase_all(mazzini) == 2
    assert list(Contact.objects.filter(lab=mazzini)) == [young]
    assert (Contact.objects.filter(lab=milo).count(), Need.objects.count(), DataKey.objects.count()) == (1, 2, 4)
    left = set(MonthStatistic.objects.values_list("month", "measure", "value", "count"))
    assert left == {
        (date(2024, 10, 1), "channel", "walk_in", 2),
        (date(2024, 10, 1), "language", "ar", 2),
        (date(2024, 10, 1), "interpreter", "none", 2),
        (date(2024, 10, 1), "need", "", 2),
        (date(2024, 10, 1), "need_state", "closed", 2),
    }
    assert AuditEntry.objects.get(verb="retention.erase").detail == {
        "records": "desk.contact",
        "count": 2,
        "before": "2024-11-01",
    }


def test_statistics_lead_back_to_no_record_and_no_day(mazzini: Lab) -> None:
    make_contact(mazzini, OLD)
    decide(mazzini, "contact")
    erase_all(mazzini)
    for row in MonthStatistic.objects.all():
        assert (row.id.version, row.month.day) == (4, 1)
    assert {field.name for field in MonthStatistic._meta.fields} == {
        "id", "lab", "month", "measure", "value", "count"
    }  # fmt: skip


def test_a_contact_with_an_open_need_stays_until_it_is_closed(mazzini: Lab) -> None:
    contact = make_contact(mazzini, OLD, state="open")
    decide(mazzini, "contact")
    assert erase_all(mazzini) == 0
    contact.needs.update(state="no_longer_wanted", closed_at=timezone.now())
    assert erase_all(mazzini) == 1


def test_old_messages_go_too(mazzini: Lab, anna: User) -> None:
    person = Person.objects.create(lab=mazzini, given_name="Farid")
    Message.objects.create(lab=mazzini, person=person, left_by=anna, left_at=OLD)
    decide(mazzini, "contact")
    assert (erase_all(mazzini), Message.objects.count()) == (1, 0)


def test_a_person_goes_only_when_nothing_of_theirs_is_left(mazzini: Lab) -> None:
    def someone(name: str, seen: datetime = OLD) -> Person:
        return Person.objects.create(lab=mazzini, given_name=name, created_at=OLD, last_seen_on=seen.date())

    gone, with_contact, in_fund, young = someone("A"), someone("B"), someone("C"), someone("D", YOUNG)
    make_contact(mazzini, YOUNG, person=with_contact)
    EntrySnapshot.objects.create(person=in_fund, operation="FSE 9.4.2", entered_on=OLD.date())
    household = Household.objects.create(lab=mazzini)
    HouseholdMember.objects.create(household=household, person=gone)
    gone.user = User.objects.create_user(None)
    gone.save()
    decide(mazzini, "person")
    assert erase_all(mazzini) == 1
    assert list(Person.objects.order_by("given_name")) == [with_contact, in_fund, young]
    assert (Household.objects.count(), User.objects.filter(email=None).count()) == (0, 0)
    decide(mazzini, "fund")
    assert erase_all(mazzini) == 2
    assert list(Person.objects.order_by("given_name")) == [with_contact, young]


def test_whoever_still_comes_is_kept_however_old_the_file(mazzini: Lab, anna: User) -> None:
    def old_file(name: str) -> Person:
        return Person.objects.create(lab=mazzini, given_name=name, created_at=OLD, last_seen_on=OLD.date())

    _gone, *here = (old_file(name) for name in "ABCDEF")
    decide(mazzini, "person")
    record_consent(here[0], by=anna, scope="recall", text_version="1", how="spoken")
    add_contact_point(here[1], by=anna, kind="phone", value="333 1234567")
    amend_person(here[2], by=anna, version=1, given_name="D")
    note_seen(here[3], YOUNG.date())
    withdraw_consent(Consent.objects.create(person=here[4], scope="recall", text_version="1", how="spoken"), by=anna)
    # A contact of long ago that is written down today takes nothing away.
    note_seen(here[0], OLD.date())
    assert erase_all(mazzini) == 1
    assert list(Person.objects.order_by("given_name")) == here


def test_a_shorter_time_shows_what_would_go_and_waits_a_week(mazzini: Lab, elena: User) -> None:
    def choose(months: int, **more: bool) -> RetentionRule:
        return set_retention_rule(mazzini, kind="contact", months=months, source="x", by=elena, **more)

    make_contact(mazzini, OLD)
    make_contact(mazzini, datetime(2026, 8, 1, tzinfo=UTC))
    with pytest.raises(ErasesMore) as first:
        choose(24)
    assert (first.value.expired.count, RetentionRule.objects.count()) == (1, 0)
    decide(mazzini, "contact")
    with pytest.raises(ErasesMore) as wrong:
        choose(1)
    assert (wrong.value.expired.count, RetentionRule.objects.get().months) == (2, 24)
    assert choose(1, confirmed=True).effective_on == date(2026, 11, 29)
    assert [(found.count, found.waits) for found in find_expired(mazzini)] == [(2, True)]
    assert (erase_all(mazzini), Contact.objects.count()) == (0, 2)
    # Taking it back needs no confirmation, and lets nothing go before its day.
    assert choose(24).effective_on == date(2026, 11, 29)
    assert erase_all(mazzini) == 0
    with time_machine.travel("2026-11-29 10:00:00+01:00", tick=False):
        assert (erase_all(mazzini), Contact.objects.count()) == (1, 1)


def test_whoever_left_is_forgotten_but_what_they_did_stands(mazzini: Lab, milo: Lab) -> None:
    left, elsewhere = make_user("Ada", mazzini, Role.DESK), make_user("Ivo", mazzini, Role.DESK)
    Membership.objects.update(since=date(2020, 1, 1), until=OLD.date())
    Membership.objects.create(user=elsewhere, lab=milo, role=Role.DESK)
    decide(mazzini, "account")
    assert erase_all(mazzini) == 1
    left.refresh_from_db()
    elsewhere.refresh_from_db()
    assert (str(left), left.email, left.is_active) == ("Persona senza nome", None, False)
    assert (str(elsewhere), elsewhere.is_active) == ("Ivo", True)


def test_a_rule_is_one_per_kind_and_keeps_a_month_at_least(mazzini: Lab) -> None:
    decide(mazzini, "contact")
    decide(mazzini, "contact", 36)
    assert RetentionRule.objects.get().months == 36
    with pytest.raises(IntegrityError), transaction.atomic():
        decide(mazzini, "contact", 0)
    with pytest.raises(IntegrityError), transaction.atomic():
        RetentionRule.objects.create(lab=mazzini, kind="contact", months=1)


def test_a_statistic_starts_a_month_and_counts_something(mazzini: Lab) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        MonthStatistic.objects.create(lab=mazzini, month=date(2024, 10, 2), measure="need", count=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        MonthStatistic.objects.create(lab=mazzini, month=date(2024, 10, 1), measure="need", count=0)


def test_the_worker_erases_batch_after_batch(mazzini: Lab) -> None:
    make_contact(mazzini, OLD)
    decide(mazzini, "contact")
    plan_work("privacy.erase", key="now")
    while do_next_work():
        pass
    assert Contact.objects.count() == 0
    assert DueWork.objects.filter(kind="privacy.erase", done_at__isnull=False).count() == 2


def test_the_command_looks_first_and_erases_when_told(mazzini: Lab, milo: Lab) -> None:
    make_contact(mazzini, OLD)
    decide(mazzini, "contact")
    out = StringIO()
    call_command("retention", stdout=out)
    assert out.getvalue().splitlines() == [
        "mazzini: contact, 24 mesi: 1 da cancellare, di prima di 11/2024",
        "milo: nessuna regola di conservazione, niente viene cancellato.",
        "Non è cambiato niente: per cancellare aggiungi --erase.",
    ]
    assert Contact.objects.count() == 1
    call_command("retention", "--lab", "mazzini", "--erase", stdout=out)
    assert Contact.objects.count() == 0
    with pytest.raises(CommandError, match="Il laboratorio «x» non c’è"):
        call_command("retention", "--lab", "x")


def test_every_model_that_waits_for_a_rule_names_a_kind_that_exists() -> None:
    from django.apps import apps

    fixed = {"permanent", "job", "draft", "code", "audit", "with its record"}
    kinds = {model.retention for model in apps.get_models() if hasattr(model, "retention")}
    assert kinds - fixed <= set(RetentionRule.Kind.values)
