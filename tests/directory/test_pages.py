"""The pages of the directory: who sees what, what they cost, what bad input gets."""

import gzip
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.directory.models import NeedTerm, Schedule, ScheduleException, Service, Translation
from ballatoio.base.directory.schedules import parse_hours
from ballatoio.base.directory.services import set_translations
from ballatoio.base.directory.texts import object_type, source_hash
from ballatoio.base.labs.models import Lab
from tests.directory.making import make_building, make_organisation, make_service, make_term
from tests.factories import sign_in

pytestmark = pytest.mark.django_db
MONDAY_AT_TEN = datetime(2026, 11, 9, 10, tzinfo=ZoneInfo("Europe/Rome"))
LIST = "/mazzini/servizi/"
MANAGE = "/mazzini/servizi/gestione/"


def names(response: object) -> list[str]:
    return [row.service.name for row in response.context["rows"]]  # type: ignore[attr-defined]


def fill(lab: Lab, number: int) -> None:
    """Put `number` services with hours, needs and texts in two languages into a lab, many at a time."""
    tops = [make_term(f"need-{i}", f"Bisogno numero {i}") for i in range(11)]
    below = [make_term(f"need-{i}-{j}", f"Cosa {j} del bisogno {i}", tops[i]) for i in range(11) for j in range(5)]
    organisation = make_organisation(lab)
    services = Service.objects.bulk_create(
        Service(
            lab=lab,
            organisation=organisation,
            slug=f"servizio-{i}",
            name=f"Servizio di aiuto numero {i}",
            description=f"Aiutiamo chi abita qui con la cosa {i * 7919}: si parla, si cerca, si risponde a voce.",
            address=f"via di prova {i}, 20139",
            lon=9.2 + i / 1000,
            lat=45.4 + i / 1000,
            alert="Chiuso per lavori" if i % 9 == 0 else "",
            interpretation_services=True,
            search_key=" servizio aiuto numero",
        )
        for i in range(number)
    )
    rows = [(service, row) for i, service in enumerate(services) for row in parse_hours(f"lun-dom {8 + i % 4}:30-23")]
    Schedule.objects.bulk_create(
        Schedule(service=service, weekday=row.weekday, opens_at=row.opens_at, closes_at=row.closes_at)
        for service, row in rows
    )
    ScheduleException.objects.bulk_create(ScheduleException(service=s, on=date(2090, 12, 24)) for s in services)
    links = Service.needs.through
    links.objects.bulk_create(
        links(service=service, needterm=term)
        for i, service in enumerate(services)
        for term in (below[i % 55], tops[i % 11])
    )
    records = [(term, "name") for term in tops] + [(s, field) for s in services for field in ("name", "description")]
    Translation.objects.bulk_create(
        Translation(
            object_type=object_type(record),
            object_id=record.pk,
            field=field,
            language="ar",
            text=f"نساعد من يسكن هنا في الأمر رقم {i * 7919} بالكلام والبحث",
            source_hash=source_hash(getattr(record, field)),
            state=Translation.State.DRAFT,
        )
        for i, (record, field) in enumerate(records)
    )


# --- Who sees what ----------------------------------------------------------------------------------------


def test_the_public_list_shows_what_is_published_here(client: Client, mazzini: Lab, milo: Lab) -> None:
    make_service(mazzini, "Biblioteca")
    make_service(mazzini, "Finito", status=Service.Status.DEFUNCT)
    make_service(mazzini, "Nascosto", organisation=make_organisation(mazzini, "Gruppo", is_public=False))
    make_service(milo, "Altrove")
    assert names(client.get(LIST)) == ["Biblioteca"]


def test_a_sheet_that_is_gone_hidden_or_elsewhere_is_a_missing_page(client: Client, mazzini: Lab, milo: Lab) -> None:
    make_service(mazzini, "Finito", status=Service.Status.DEFUNCT)
    make_service(mazzini, "Nascosto", organisation=make_organisation(mazzini, "Gruppo", is_public=False))
    make_service(milo, "Altrove")
    for slug in ("finito", "nascosto", "altrove", "mai-esistito"):
        for end in ("", "scheda.pdf"):
            assert client.get(f"{LIST}{slug}/{end}").status_code == 404


def test_list_detail_and_sheet_agree(client: Client, mazzini: Lab) -> None:
    for name, fields in {
        "Attivo": {},
        "Chiuso per ora": {"status": Service.Status.TEMPORARILY_CLOSED},
        "Sospeso": {"status": Service.Status.INACTIVE},
        "Finito": {"status": Service.Status.DEFUNCT},
        "Nascosto": {"organisation": make_organisation(mazzini, "Gruppo", is_public=False)},
    }.items():
        make_service(mazzini, name, **fields)
    listed = set(names(client.get(LIST)))
    for service in Service.objects.all():
        expected = 200 if service.name in listed else 404
        assert client.get(f"{LIST}{service.slug}/").status_code == expected
        assert client.get(f"{LIST}{service.slug}/scheda.pdf").status_code == expected


def test_staff_of_the_lab_sees_all_of_it_and_others_nothing(
    client: Client, mazzini: Lab, anna: User, bruno: User, farid: User
) -> None:
    make_service(mazzini, "Finito", status=Service.Status.DEFUNCT)
    assert client.get(MANAGE).status_code == 302
    assert b"Finito" in sign_in(client, anna).get(MANAGE).content
    assert sign_in(client, bruno).get(MANAGE).status_code == 404
    assert sign_in(client, farid).get(MANAGE).status_code == 404


def test_only_the_coordinator_edits(client: Client, mazzini: Lab, anna: User, carla: User, elena: User) -> None:
    make_service(mazzini, "CAF")
    status = {
        user.name: [
            sign_in(client, user).get(f"{MANAGE}nuovo/").status_code,
            client.get(f"{MANAGE}caf/").status_code,
            client.get(f"{MANAGE}caf/lingue/ar/").status_code,
            client.post(f"{MANAGE}caf/verifica/").status_code,
        ]
        for user in (anna, carla, elena)
    }
    assert status == {"Anna": [403, 403, 403, 403], "Carla": [403, 403, 200, 403], "Elena": [200, 200, 200, 302]}


# --- Finding ----------------------------------------------------------------------------------------------


@time_machine.travel(MONDAY_AT_TEN, tick=False)
def test_open_now(client: Client, mazzini: Lab) -> None:
    make_service(mazzini, "Aperto", hours="lun 9-12")
    make_service(mazzini, "Chiuso", hours="lun 14-16")
    response = client.get(LIST, {"aperti": "on"})
    assert names(response) == ["Aperto"]
    assert "Aperto fino alle 12" in response.content.decode()
    assert "Chiuso, apre oggi alle 14" in client.get(LIST).content.decode()


def test_only_doors_that_shut_on_holidays_say_so(client: Client, mazzini: Lab) -> None:
    make_service(mazzini, "Guasti", hours="tutti i giorni 0-24")
    make_service(mazzini, "CAF", hours="lun 9-12")
    said = [
        "Nei giorni festivi è chiuso" in client.get(f"{LIST}{slug}/").content.decode() for slug in ("guasti", "caf")
    ]
    assert said == [False, True]


def test_near_a_building(client: Client, mazzini: Lab) -> None:
    make_service(mazzini, "A lontano", lon=9.25, lat=45.45)
    make_service(mazzini, "B vicino", lon=9.2216, lat=45.4360)
    house = make_building(mazzini, "Via Mompiani", "5", lon=9.2216, lat=45.4354)
    response = client.get(LIST, {"indirizzo": "mompiani 5", "q": "vicino lontano"})
    assert (response.status_code, response["Location"]) == (302, f"{LIST}?q=vicino+lontano&casa={house.slug}")
    found = client.get(LIST, {"casa": house.slug})
    assert [(row.service.name, row.distance) for row in found.context["rows"]] == [
        ("B vicino", "a 50 m"),
        ("A lontano", "a 2,7 km"),
    ]


def test_an_address_that_may_be_two_is_asked_about(client: Client, mazzini: Lab) -> None:
    make_building(mazzini, "Via Oglio", "5", lon=9.2, lat=45.4)
    make_building(mazzini, "Via Oglio", "9", lon=9.2, lat=45.4)
    response = client.get(LIST, {"indirizzo": "oglio"})
    assert [str(building) for building, _url in response.context["choices"]] == ["Via Oglio 5", "Via Oglio 9"]


def test_an_address_of_another_lab_is_unknown(client: Client, mazzini: Lab, milo: Lab) -> None:
    house = make_building(milo, "Via Segneri", "9", lon=9.1, lat=45.4)
    make_service(mazzini, "CAF")
    for query in ({"casa": house.slug}, {"indirizzo": "segneri 9"}):
        response = client.get(LIST, query)
        assert "Non troviamo questo indirizzo" in response.content.decode()
        assert names(response) == ["CAF"]


def test_by_need_with_those_below_it(client: Client, mazzini: Lab) -> None:
    home = make_term("home", "Casa")
    make_service(mazzini, "Guasti", needs=[make_term("home-lift", "Ascensore fermo", home)])
    make_service(mazzini, "CAF")
    response = client.get(LIST, {"bisogno": "home"})
    assert names(response) == ["Guasti"]
    assert "Ascensore fermo" in response.content.decode()
    assert names(client.get(LIST, {"bisogno": "nothing"})) == []


@pytest.mark.parametrize("query", ["q=" + "x" * 300, "parla=xx", "pagina=999", "pagina=x", "q=%00", "bisogno=%27"])
def test_bad_input_gets_a_page(client: Client, mazzini: Lab, query: str) -> None:
    make_service(mazzini, "CAF")
    assert client.get(f"{LIST}?{query}").status_code == 200


def test_what_was_typed_is_still_there(client: Client, mazzini: Lab) -> None:
    assert 'value="muffa"' in client.get(LIST, {"q": "muffa", "parla": "xx"}).content.decode()


# --- Languages --------------------------------------------------------------------------------------------


def test_in_arabic_with_the_state_of_the_translation(client: Client, mazzini: Lab) -> None:
    service = make_service(mazzini, "CAF", fees_description="Il 730 si paga.")
    texts = {"name": "مكتب الضرائب", "description": "ماذا", "fees_description": "بأجر"}
    set_translations(service, texts, language="ar", state="draft", by=None, lab=mazzini)
    page = client.get("/ar/mazzini/servizi/caf/")
    content = page.content.decode()
    assert 'dir="rtl"' in content
    assert "مكتب الضرائب" in content
    # A price that no speaker has checked stands beside the Italian one.
    assert "Il 730 si paga." in content
    assert page.context["notice"]


# --- What pages cost --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [25, 100])
def test_public_budgets(client: Client, mazzini: Lab, number: int) -> None:
    fill(mazzini, number)
    house = make_building(mazzini, "Via Oglio", "5", lon=9.2, lat=45.4)
    first = Service.objects.of_lab(mazzini).order_by("pk").first()
    assert first is not None
    for path, at_most in {
        LIST: 4,
        f"/ar{LIST}": 5,
        f"/ar{LIST}?casa={house.slug}&bisogno=need-3&q=numero&aperti=on&parla=ar": 6,
        f"/ar{LIST}{first.slug}/": 5,
        f"/ar{LIST}{first.slug}/scheda.pdf": 4,
    }.items():
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            response = client.get(path)
        assert response.status_code == 200
        assert len(queries) <= at_most, path
        if "pdf" not in path:
            assert len(gzip.compress(response.content)) <= 8 * 1024, path


@pytest.mark.parametrize("number", [25, 100])
def test_staff_budgets(client: Client, mazzini: Lab, elena: User, number: int) -> None:
    fill(mazzini, number)
    sign_in(client, elena)
    for path, at_most in {MANAGE: 10, f"{MANAGE}?da_verificare=on&q=numero": 10}.items():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        assert len(queries) <= at_most, path


# --- Writing ----------------------------------------------------------------------------------------------


def sheet_fields(**fields: str) -> dict[str, str]:
    return {"name": "CAF", "new_organisation": "Patronato", "description": "Fa l’ISEE", "status": "active"} | fields


def test_a_new_service(client: Client, mazzini: Lab, elena: User) -> None:
    sign_in(client, elena)
    once = client.get(f"{MANAGE}nuovo/").context["once"]
    fields = sheet_fields(hours="lun-ven 9-12", special_days="24/12/2026 chiuso", once=once, verified="on")
    for _twice in range(2):
        response = client.post(f"{MANAGE}nuovo/", fields)
        assert (response.status_code, response["Location"]) == (302, f"{MANAGE}caf/")
    service = Service.objects.get()
    assert (service.organisation.name, service.schedules.count(), service.is_to_verify) == ("Patronato", 5, False)


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"hours": "lun mattina"}, "hours", "Non capisco «lun mattina». Scrivi i giorni e le ore"),
        ({"special_days": "ieri"}, "special_days", "Non capisco «ieri»"),
        ({"new_organisation": ""}, "organisation", "Scegli chi offre il servizio"),
        ({"lat": "45,4"}, "lat", "Servono tutti e due i numeri"),
        ({"name": "x" * 161}, "name", "160"),
        ({"email": "chi"}, "email", "mail"),
    ],
)
def test_bad_input_is_said_beside_its_field_and_kept(
    client: Client, mazzini: Lab, elena: User, fields: dict[str, str], field: str, sentence: str
) -> None:
    response = sign_in(client, elena).post(f"{MANAGE}nuovo/", sheet_fields(**fields))
    assert response.status_code == 200
    assert sentence in response.context["form"].errors[field][0]
    assert "Fa l’ISEE" in response.content.decode()
    assert Service.objects.count() == 0


def test_amending_in_two_windows(client: Client, mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF")
    sign_in(client, elena)
    form = client.get(f"{MANAGE}caf/").context["form"]
    fields = sheet_fields(version=str(form["version"].value()))
    assert client.post(f"{MANAGE}caf/", fields | {"phone": "1"}).status_code == 302
    late = client.post(f"{MANAGE}caf/", fields | {"phone": "2"})
    assert "Intanto qualcun altro ha salvato questa scheda" in late.content.decode()
    service.refresh_from_db()
    assert service.phone == "1"


def test_the_form_saved_as_it_was_changes_nothing(client: Client, mazzini: Lab, elena: User) -> None:
    term = make_term("home", "Casa")
    make_service(
        mazzini, "CAF", hours="lun 9-12", needs=[term], lat=45.5, lon=9.25, languages=["it", "ar"], phone="02 1"
    )
    sign_in(client, elena)
    form = client.get(f"{MANAGE}caf/").context["form"]
    fields = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False, "")}
    fields |= {"needs": [str(term.pk)], "organisation": str(fields["organisation"]), "lat": "45,5", "lon": "9,25"}
    assert client.post(f"{MANAGE}caf/", fields).status_code == 302
    assert AuditEntry.objects.filter(verb="service.amend").count() == 0


def test_verifying(client: Client, mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF")
    sign_in(client, elena)
    assert [row[0].name for row in client.get(MANAGE, {"da_verificare": "on"}).context["rows"]] == ["CAF"]
    client.post(f"{MANAGE}caf/verifica/")
    service.refresh_from_db()
    assert not service.is_to_verify
    assert client.get(MANAGE, {"da_verificare": "on"}).context["rows"] == []


def test_translating(client: Client, mazzini: Lab, carla: User, elena: User) -> None:
    make_service(mazzini, "CAF")
    path = f"{MANAGE}caf/lingue/ar/"
    sign_in(client, carla)
    seen = client.get(path).context["form"]["seen"].value()
    texts = {"name": "مكتب", "description": "ماذا"}
    assert client.post(path, texts | {"state": "reviewed", "seen": seen}).status_code == 302
    assert set(Translation.objects.values_list("state", "changed_by")) == {("reviewed", carla.pk)}
    late = client.post(path, texts | {"name": "غير", "state": "draft", "seen": seen})
    assert "Intanto qualcun altro ha salvato questa traduzione" in late.content.decode()
    assert "غير" in late.content.decode()
    seen = client.get(path).context["form"]["seen"].value()
    assert client.post(path, texts | {"state": "approved", "seen": seen}).status_code == 200
    sign_in(client, elena)
    changed = client.post(path, texts | {"name": "غير", "state": "approved", "seen": seen})
    assert "Prima qualcuno che parla la lingua" in changed.content.decode()
    assert client.post(path, texts | {"state": "approved", "seen": seen}).status_code == 302


def test_there_is_no_page_to_translate_into_italian_or_klingon(client: Client, mazzini: Lab, elena: User) -> None:
    make_service(mazzini, "CAF")
    sign_in(client, elena)
    for language in ("it", "tlh"):
        assert client.get(f"{MANAGE}caf/lingue/{language}/").status_code == 404


def test_needs_that_are_retired_are_not_shown(client: Client, mazzini: Lab) -> None:
    term = make_term("fax", "Mandare un fax")
    make_service(mazzini, "CAF", needs=[term])
    NeedTerm.objects.update(is_active=False)
    assert "Mandare un fax" not in client.get(LIST).content.decode()
    assert "Mandare un fax" not in client.get(f"{LIST}caf/").content.decode()
