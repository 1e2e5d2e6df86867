"""Needs counted beforehand are the needs that are there, whoever changed them, whether the job ran or not."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.care.desk.models import Contact, Need
from ballatoio.care.desk.services import NeedHeard
from ballatoio.oversight.reporting.models import NeedTally, TouchedDay
from ballatoio.oversight.reporting.tallies import Asked, Counts, count_needs, touched_months
from ballatoio.oversight.reporting.tally_services import tally_due_months
from ballatoio.oversight.reporting.triggers import build_triggers, drop_triggers
from tests import factories

# The second is in October where the lab is, in September where the database counts.
MOMENTS = [
    datetime(2026, 9, 3, 10, tzinfo=UTC),
    datetime(2026, 9, 30, 22, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 0, 10, tzinfo=UTC),
    datetime(2026, 11, 20, 9, tzinfo=UTC),
]
FIRST, LAST = date(2026, 8, 1), date(2026, 11, 30)
WHOLE = Asked(FIRST, LAST)


@pytest.fixture(autouse=True)
def on_a_day() -> Iterator[None]:
    with time_machine.travel("2026-11-22 12:00+01:00", tick=False):
        yield


def hexadecimal(pk: UUID | None) -> str:
    return pk.hex if pk else ""


def one_by_one(lab: Lab, asked: Asked) -> Counts:
    """Count the records in the slowest way."""
    counts = Counts()
    for need in Need.objects.filter(lab=lab).select_related("contact", "person"):
        day = timezone.localdate(need.opened_at)
        house = "" if need.person and need.person.is_protected else hexadecimal(need.building_id)
        row = (hexadecimal(need.term_id), house, need.contact.language, need.contact.channel, 1)
        fits = asked.first <= day <= asked.last and (asked.terms is None or row[0] in asked.terms)
        if fits and asked.language in ("", row[2]) and asked.channel in ("", row[3]):
            counts.add(row, day.replace(day=1))
    return counts


class Desk:
    """A desk on which anything happens to any record, by whichever way."""

    def __init__(self, lab: Lab, anna: User, seed: int) -> None:
        self.lab, self.anna, self.rng = lab, anna, random.Random(seed)
        self.terms = [factories.make_term(name) for name in ("Casa", "ISEE")]
        self.buildings = [factories.make_building(lab) for _turn in range(2)]
        self.people = [factories.make_person(lab) for _turn in range(2)]

    def record(self) -> None:
        choose = self.rng.choice
        contact = factories.make_contact(
            self.lab,
            self.anna,
            *(NeedHeard(term=choose(self.terms)) for _turn in range(self.rng.randint(1, 2))),
            person=choose([None, *self.people]),
            building=choose([None, *self.buildings]),
            language=choose(["it", "ar"]),
            channel=choose(["phone", "walk_in"]),
        )
        Need.objects.filter(contact=contact).update(opened_at=choose(MOMENTS))

    def change(self) -> None:
        choose = self.rng.choice
        needs = list(Need.objects.order_by("pk"))
        if not needs:
            return
        need = choose(needs)
        records: list[tuple[object, dict[str, object]]] = [
            (Need.objects.filter(pk=need.pk), {"opened_at": choose(MOMENTS)}),
            (Need.objects.filter(pk=need.pk), {"term": choose([None, *self.terms])}),
            (Need.objects.filter(pk=need.pk), {"building": choose([None, *self.buildings])}),
            (Need.objects.filter(pk=need.pk), {"person": choose([None, *self.people])}),
            (Contact.objects.filter(pk=need.contact_id), {"language": choose(["it", "ar"])}),
            (Contact.objects.filter(pk=need.contact_id), {"channel": choose(["phone", "walk_in"])}),
            (Person.objects.filter(pk=choose(self.people).pk), {"is_protected": choose([True, False])}),
        ]
        found, values = choose(records)
        found.update(**values)  # type: ignore[attr-defined]

    def erase(self) -> None:
        for contact in Contact.objects.order_by("pk")[:1]:
            contact.delete()

    def act(self) -> None:
        ways = [self.record, self.record, self.change, self.change, self.erase, lambda: tally_due_months(self.lab)]
        self.rng.choice(ways)()

    def questions(self) -> list[Asked]:
        term = self.terms[0].pk.hex
        return [
            WHOLE,
            Asked(date(2026, 9, 3), date(2026, 10, 15)),
            Asked(FIRST, LAST, terms=frozenset([term])),
            Asked(FIRST, LAST, terms=frozenset(["", term])),
            Asked(FIRST, LAST, language="ar"),
            Asked(FIRST, LAST, channel="phone"),
            Asked(FIRST, LAST, language="it", channel="phone", terms=frozenset([term])),
        ]


@pytest.mark.parametrize("seed", range(4))
def test_the_counts_are_those_of_the_records_after_every_change(mazzini: Lab, anna: User, seed: int) -> None:
    desk = Desk(mazzini, anna, seed)
    wrong = []
    for _turn in range(30):
        desk.act()
        wrong += [asked for asked in desk.questions() if count_needs(mazzini, asked) != one_by_one(mazzini, asked)]
    assert wrong == []


def test_a_month_that_is_counted_is_counted_no_more_until_it_changes(
    mazzini: Lab, anna: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    desk = Desk(mazzini, anna, 1)
    for _turn in range(10):
        desk.record()
    assert tally_due_months(mazzini) > 0
    assert (tally_due_months(mazzini), touched_months(mazzini), TouchedDay.objects.count()) == (0, set(), 0)
    with django_assert_num_queries(3):
        whole = count_needs(mazzini, Asked(date(2026, 9, 1), date(2026, 11, 22)))
    assert whole == one_by_one(mazzini, WHOLE)
    Need.objects.filter(opened_at=MOMENTS[1]).update(term=None)
    assert touched_months(mazzini) == {date(2026, 9, 1), date(2026, 10, 1)}


def test_a_migration_forgets_what_was_counted_while_nobody_watched(mazzini: Lab, anna: User) -> None:
    desk = Desk(mazzini, anna, 1)
    desk.record()
    tally_due_months(mazzini)
    # What a migration does before and after, with a change in the middle.
    drop_triggers()
    desk.record()
    build_triggers()
    assert count_needs(mazzini, WHOLE) == one_by_one(mazzini, WHOLE)
    tally_due_months(mazzini)
    desk.record()
    assert count_needs(mazzini, WHOLE) == one_by_one(mazzini, WHOLE)
    assert NeedTally.objects.filter(lab=mazzini).exists()


def test_another_lab_is_another_count(mazzini: Lab, milo: Lab, anna: User) -> None:
    Desk(mazzini, anna, 1).record()
    assert (tally_due_months(milo), count_needs(milo, WHOLE).total) == (0, 0)
