"""The demonstration: as much as was promised, by the published distributions, true to every rule of the product."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import models, transaction
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker
from shapely.geometry import Point, shape

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry, ChainHead
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.directory.models import NeedTerm, Schedule, ScheduleException, Service, Translation
from ballatoio.base.directory.term_files import packaged_taxonomy
from ballatoio.base.labs.models import ClosingDay, Lab, LabOrganisation, Opening
from ballatoio.base.labs.services import is_working_day
from ballatoio.base.people.models import ContactPoint, Household, Person, PersonIdentifier
from ballatoio.base.people.phones import read_phone
from ballatoio.base.people.services import check_fiscal_code
from ballatoio.base.territory.imports import open_source
from ballatoio.base.territory.models import Building, District, Dwelling, Place
from ballatoio.base.territory.rows import RowError
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.day import day_of
from ballatoio.care.desk.models import Answer, Attempt, Contact, MessageDelivery, Need
from ballatoio.care.desk.need_services import ATTEMPTS_BEFORE_GIVING_UP, escalate_silent_needs
from ballatoio.demo.content import DATA, OPEN_DATA, load
from ballatoio.demo.seed import seed_demo
from tests.factories import make_lab

# A Wednesday at noon: both desks have worked this morning.
NOW = datetime.fromisoformat("2026-11-18T12:10:00+01:00")
DWELLINGS = {"mazzini": 2320, "milo": 2667}


@pytest.fixture(scope="module")
def demo(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The whole demonstration, made once for this file and taken back at its end."""
    folder = tmp_path_factory.mktemp("demo")
    with django_db_blocker.unblock(), override_settings(DATA_DIR=folder), transaction.atomic():
        with time_machine.travel(NOW, tick=False):
            assert seed_demo(NOW) is True
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def counted(rows: "models.QuerySet[Any]", field: str) -> dict[Any, int]:
    return dict(rows.order_by().values_list(field).annotate(models.Count("pk")))


@pytest.mark.usefixtures("demo")
class TestVolume:
    def test_both_labs_with_their_partners_hours_and_districts(self) -> None:
        assert counted(LabOrganisation.objects.all(), "lab__slug") == {"mazzini": 1, "milo": 7}
        assert counted(Opening.objects.all(), "lab__slug") == {"mazzini": 7, "milo": 7}
        assert set(District.objects.values_list("code", "labs__slug")) == {
            ("33", "mazzini"),
            ("35", "mazzini"),
            ("49", "milo"),
            ("53", "milo"),
        }

    def test_as_many_dwellings_as_the_districts_have(self) -> None:
        assert counted(Dwelling.objects.all(), "stair__building__lab__slug") == DWELLINGS
        assert Building.objects.filter(lab__slug="mazzini").count() == 48
        for lab in Lab.objects.all():
            assert set(counted(Dwelling.objects.filter(stair__building__lab=lab), "state")) == set(Dwelling.State)

    def test_every_house_stands_in_its_district(self) -> None:
        outlines = {district.pk: shape(district.geometry) for district in District.objects.all()}
        for building in Building.objects.all():
            assert building.district_id and building.geometry and building.lat and building.lon
            assert outlines[building.district_id].contains(Point(building.lon, building.lat)), building
            assert outlines[building.district_id].contains(shape(building.geometry)), building

    def test_the_addresses_of_the_works_are_there(self) -> None:
        named = {("via Lorenteggio", "179"), ("via Lorenteggio", "181"), ("via Manzano", "4"), ("via Segneri", "3")}
        named |= {("via Giambellino", "150"), ("via Odazio", "7")}
        there = set(Building.objects.filter(lab__slug="milo").values_list("street", "civic"))
        assert named - there == set()

    def test_forty_kinds_of_services_and_seventy_needs(self) -> None:
        assert NeedTerm.objects.filter(parent__isnull=False, is_active=True).count() == 69
        assert Service.objects.values("slug").distinct().count() == 44
        assert set(counted(Service.objects.all(), "status")) == {"active", "temporarily closed"}
        assert Service.objects.filter(schedules=None).count() == 0
        assert ScheduleException.objects.count() > 0
        assert Schedule.objects.filter(opens_at__gte=models.F("closes_at")).count() == 0
        assert Service.objects.exclude(alert="").count() > 2

    def test_translations_are_drafts_until_a_speaker_reads_them(self) -> None:
        assert set(counted(Translation.objects.all(), "state")) == {"draft"}
        needs = Translation.objects.filter(object_type="directory.needterm")
        assert set(counted(needs, "language")) == {"en", "ar", "es", "zh-hans"}
        assert set(counted(Translation.objects.exclude(pk__in=needs), "language")) == {"en", "ar"}

    def test_people_and_contacts(self) -> None:
        people = counted(Person.objects.all(), "lab__slug")
        assert {slug: count // 10 for slug, count in people.items()} == {"mazzini": 150, "milo": 200}
        assert Person.objects.exclude(synthetic=True).count() == 0
        assert 5900 < Contact.objects.count() < 6050
        assert Contact.objects.exclude(synthetic=True).count() == 0
        assert Contact.objects.filter(started_at__gt=NOW).count() == 0
        assert Contact.objects.filter(started_at__date=NOW.date()).exists()

    def test_places_come_from_the_open_data(self) -> None:
        for lab in Lab.objects.all():
            kinds = set(counted(Place.objects.filter(lab=lab), "kind"))
            assert {"school", "library", "post_office", "fountain", "courtyard", "common_room"} <= kinds


@pytest.mark.usefixtures("demo")
class TestPeople:
    def test_households_have_the_sizes_of_the_published_table(self) -> None:
        for lab in Lab.objects.all():
            sizes = Counter(
                Household.objects.filter(lab=lab, dwellings__isnull=False)
                .annotate(size=models.Count("members"))
                .values_list("size", flat=True)
            )
            published = load("population")["household_size"][lab.slug]
            for size, share in published.items():
                assert abs(100 * sizes[int(size)] / sizes.total() - share) < 5, (lab.slug, size)

    def test_half_of_them_came_from_elsewhere(self) -> None:
        for lab in Lab.objects.all():
            firsts = Counter(spoken[0] for (spoken,) in Person.objects.filter(lab=lab).values_list("languages_spoken"))
            assert 0.45 < firsts["it"] / firsts.total() < 0.65
            assert len(firsts) >= 12

    def test_people_live_in_dwellings_that_are_let(self) -> None:
        homes = Household.objects.filter(dwellings__isnull=False)
        assert homes.exclude(dwellings__dwelling__state=Dwelling.State.LET).count() == 0
        assert homes.count() == homes.values("dwellings__dwelling").distinct().count()

    def test_telephones_are_kept_as_services_keep_them(self) -> None:
        kept = list(ContactPoint.objects.exclude(kind="email").order_by("pk").values_list("value", flat=True))
        assert len(kept) > 1000
        assert [value for value in kept if read_phone(value) != value] == []
        assert [value for value in kept if not value.startswith("+39 399 ")] == []

    def test_codes_agree_with_the_birth_dates(self) -> None:
        some = PersonIdentifier.objects.select_related("person", "data_key").order_by("pk")[:60]
        for identifier in some:
            check_fiscal_code(open_texts(identifier)["value"], identifier.person)
        assert len(some) == 60

    def test_protected_members_leave_no_house_on_their_contacts(self) -> None:
        assert Person.objects.filter(is_protected=True).count() == 12
        assert Contact.objects.filter(person__is_protected=True, building__isnull=False).count() == 0
        assert Person.objects.filter(is_protected=True, contact_points__is_shared=True).count() == 0


@pytest.mark.usefixtures("demo")
class TestDesk:
    def test_nobody_was_received_outside_the_hours_of_the_desk(self) -> None:
        for lab in Lab.objects.all():
            closed = frozenset(ClosingDay.objects.filter(lab=lab).values_list("on", flat=True))
            hours: dict[int, list[Opening]] = {}
            for opening in lab.openings.all():
                hours.setdefault(opening.weekday, []).append(opening)
            for starts, ends in (
                Contact.objects.filter(lab=lab).exclude(channel="web").values_list("started_at", "ended_at")
            ):
                begin, end = timezone.localtime(starts), timezone.localtime(ends)
                assert is_working_day(lab, begin.date(), closed), begin
                assert any(o.opens <= begin.time() and end.time() <= o.closes for o in hours[begin.weekday()]), begin

    def test_an_operator_receives_one_person_at_a_time(self) -> None:
        ends: dict[Any, datetime] = {}
        for operator, starts, until in (
            Contact.objects.exclude(recorded_by=None)
            .exclude(person__user__isnull=False)
            .order_by("started_at")
            .values_list("recorded_by", "started_at", "ended_at")
        ):
            assert operator not in ends or ends[operator] <= starts
            ends[operator] = until

    def test_every_state_kind_and_outcome_has_rows_in_each_lab(self) -> None:
        for lab in Lab.objects.all():
            needs, answers = Need.objects.filter(lab=lab), Answer.objects.filter(need__lab=lab)
            assert set(counted(needs, "state")) == set(Need.State)
            assert set(counted(needs, "told_how")) == {"", *Need.Told}
            assert set(counted(answers, "kind")) == set(Answer.Kind)
            # Nobody changed their mind after being sent on.
            assert set(counted(answers, "outcome")) == {"", *Answer.Outcome} - {Answer.Outcome.WITHDRAWN}
            assert set(counted(Attempt.objects.filter(need__lab=lab), "outcome")) == set(Attempt.Outcome)
            contacts = Contact.objects.filter(lab=lab)
            assert set(counted(contacts, "channel")) == set(Contact.Channel)
            assert set(counted(contacts, "interpreter")) == set(Contact.Interpreter)
            assert contacts.filter(person=None).exists()

    def test_nobody_is_called_unreachable_before_three_attempts(self) -> None:
        tries = Need.objects.filter(state=Need.State.UNREACHABLE).annotate(
            tries=models.Count("attempts", filter=~models.Q(attempts__outcome=Attempt.Outcome.REACHED))
        )
        assert tries.filter(tries__lt=ATTEMPTS_BEFORE_GIVING_UP).count() == 0

    def test_only_whoever_cannot_be_told_is_closed_as_such(self) -> None:
        closed = Need.objects.filter(state=Need.State.CANNOT_BE_TOLD).select_related("contact__data_key")
        assert [need for need in closed if need.person_id or "phone" in open_texts(need.contact)] == []

    def test_the_day_of_everybody_at_the_desk_has_something_in_every_part(self) -> None:
        for lab_slug, operator in (("mazzini", "anna"), ("milo", "bruno")):
            user, lab = User.objects.get(demo_name=operator), Lab.objects.get(slug=lab_slug)
            day = day_of(user, lab, whole_desk=False)
            totals = [part.total for part in (day.escalated, day.late, day.due, day.to_tell, day.later)]
            assert all(totals), (operator, totals)
            assert day.messages != []
        coordinator, lab = User.objects.get(demo_name="elena"), Lab.objects.get(slug="mazzini")
        assert day_of(coordinator, lab, whole_desk=True).escalated.total > 0

    def test_silence_was_passed_on_already(self) -> None:
        assert [escalate_silent_needs(lab) for lab in Lab.objects.all()] == [0, 0]

    def test_no_two_texts_are_the_same(self) -> None:
        texts: Counter[str] = Counter()
        for model in (Contact, Need, Answer):
            for record in model.objects.exclude(data_key=None).select_related("data_key").only("sealed", "data_key"):
                opened = open_texts(record)
                texts.update(opened[name] for name in ("words", "note", "text", "outcome") if name in opened)
        assert texts.total() > 15_000
        assert [text for text, times in texts.items() if times > 1] == []
        assert [text for text in texts if "{" in text or text.startswith("(")] == []

    def test_messages_wait_and_messages_were_read(self) -> None:
        assert MessageDelivery.objects.filter(read_at=None).exists()
        assert MessageDelivery.objects.exclude(read_at=None).exists()

    def test_contacts_are_found_by_their_words(self) -> None:
        anna = User.objects.get(demo_name="anna")
        found = Contact.objects.visible_to(anna).matching("farid ascensore", anna)
        assert [contact.person and contact.person.given_name for contact in found] == ["Farid"]


@pytest.mark.usefixtures("demo")
class TestTheRest:
    def test_the_audit_is_whole(self) -> None:
        assert list(verify_chains()) == []
        assert AuditEntry.objects.filter(is_reading=True).count() > 500
        assert AuditEntry.objects.filter(at__gt=NOW).count() == 0
        assert ChainHead.objects.count() == 3

    def test_a_second_time_nothing_changes(self) -> None:
        before = (Contact.objects.count(), AuditEntry.objects.count(), Person.objects.count())
        assert seed_demo(NOW) is False
        assert (Contact.objects.count(), AuditEntry.objects.count(), Person.objects.count()) == before

    def test_farid_has_a_file_with_his_own_contacts(self) -> None:
        farid = Person.objects.get(user__demo_name="farid")
        assert farid.languages_read == ["ar"]
        assert Contact.objects.filter(person=farid).count() >= 4
        assert AuditEntry.objects.filter(subject_id=farid.pk).count() > 4

    @pytest.mark.parametrize(
        ("name", "place"),
        [("anna", "/mazzini/banco/"), ("bruno", "/milo/banco/"), ("farid", "/ar/mazzini/io/"), ("tea", "/")],
    )
    def test_one_click_lets_in(self, client: Client, name: str, place: str) -> None:
        answer = client.post(f"/demo/entra/{name}/")
        assert (answer.status_code, answer["Location"]) == (302, place)
        assert client.get(place).status_code == 200

    def test_only_the_cast_and_only_with_a_click(self, client: Client) -> None:
        assert client.post("/demo/entra/nessuno/").status_code == 404
        assert client.get("/demo/entra/anna/").status_code == 405

    @override_settings(DEMO=False)
    def test_outside_the_demo_nobody_comes_in_like_that(self, client: Client) -> None:
        assert client.post("/demo/entra/anna/").status_code == 404

    def test_the_first_page_offers_the_cast(self, client: Client) -> None:
        page = client.get("/").content.decode()
        assert all(f'action="/demo/entra/{row["demo_name"]}/"' in page for row in load("labs")["cast"])


@pytest.mark.django_db
def test_invented_people_are_never_mixed_with_real_ones() -> None:
    make_lab("vero")
    with pytest.raises(CommandError, match="laboratori veri"):
        call_command("seed_demo")
    assert Person.objects.count() == 0


class TestFiles:
    def test_the_open_data_is_small_and_says_where_it_comes_from(self) -> None:
        assert sum(path.stat().st_size for path in OPEN_DATA.iterdir()) < 300_000
        assert "CC BY 4.0" in (OPEN_DATA / "SOURCE.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        "path",
        sorted(
            [p for p in OPEN_DATA.iterdir() if p.suffix != ".md"] + [*DATA.glob("buildings_*"), *DATA.glob("foot*")]
        ),
        ids=lambda path: path.name,
    )
    def test_the_import_reads_each_file_without_an_error(self, path: Any) -> None:
        with path.open("rb") as file:
            records = [record for _number, record in open_source(file).rows()]
        assert records != []
        assert [record for record in records if isinstance(record, RowError)] == []

    def test_every_service_and_every_weight_names_a_need(self) -> None:
        codes = {term.code for term in packaged_taxonomy().terms}
        assert {code for row in load("services")["services"] for code in row["needs"]} - codes == set()
        assert set(load("population")["need_weights"]) - codes == set()
        assert set(load("phrases")["terms"]) - codes == set()

    def test_every_text_is_there_in_three_languages(self) -> None:
        for row in load("services")["services"]:
            assert {tuple(row[language]) for language in ("en", "ar")} == {tuple(row["en"])}, row["code"]
            assert set(row["it"]) == set(row["en"])
        for term in packaged_taxonomy().terms:
            assert all(term.names[language] for language in ("it", "en", "ar", "es", "zh-hans")), term.code

    def test_invented_telephones_only(self) -> None:
        text = json.dumps([load("services"), load("labs")])
        assert "02 5550 0" in text
        assert "+39 3" not in text
