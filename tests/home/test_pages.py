"""The public pages: complete for whoever has an old phone, silent on what must not be seen."""

import gzip
import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.directory.models import Schedule, Service, Translation
from ballatoio.base.directory.texts import source_hash
from ballatoio.base.labs.models import ClosingDay, Lab, LabOrganisation, Opening
from ballatoio.base.territory.models import Building, District, Dwelling, Stair
from tests.factories import make_building, make_organisation, make_service, sign_in

MONDAY_AT_TEN = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Europe/Rome"))
HERE = {"lat": 45.4470, "lon": 9.1320}


@pytest.fixture
def house(milo: Lab) -> Building:
    """A house of MILO·Lab where somebody lives and one flat stands empty."""
    Lab.objects.filter(pk=milo.pk).update(blurb="Siamo qui dal 2019. Ascoltiamo tutti.", lat=45.4473, lon=9.1317)
    district = District.objects.create(
        code="49",
        name="Giambellino",
        source="prova",
        geometry={
            "type": "Polygon",
            "coordinates": [[[9.12, 45.44], [9.14, 45.44], [9.14, 45.45], [9.12, 45.45], [9.12, 45.44]]],
        },
    )
    district.labs.add(milo)
    manager = make_organisation(name="Ente gestore delle case", phone="02 5550 0900")
    house = make_building(milo, "via Odazio", "7", district=district, manager=manager, cap="20147", **HERE)
    stair = Stair.objects.create(building=house, name="B")
    Dwelling.objects.create(stair=stair, number="int-911", floor=3, state=Dwelling.State.EMPTY)
    LabOrganisation.objects.create(lab=milo, organisation=manager, part=LabOrganisation.Part.FUNDER)
    for weekday in range(5):
        Opening.objects.create(lab=milo, weekday=weekday, opens=time(9, 30), closes=time(12, 30))
    return house


def open_service(lab: Lab, name: str, *, lon: float, opens: bool = True) -> Service:
    """A service with a place, open on Mondays from 9 to 13 if it opens at all."""
    service = make_service(lab, name, lat=HERE["lat"], lon=lon)
    if opens:
        Schedule.objects.create(service=service, weekday=0, opens_at=time(9), closes_at=time(13))
    return service


PATHS = [
    "/",
    "/accessibilita/",
    "/milo/",
    "/milo/casa/",
    "/milo/casa/?q=via+che+non+esiste",
    "/milo/casa/via-odazio-7/",
    "/milo/richiamami/",
    "/milo/richiamami/fatto/",
    "/milo/accessibilita/",
    "/milo/accessibilita/segnala/",
    "/milo/accessibilita/segnala/fatto/",
    "/milo/privacy/",
]


@pytest.mark.parametrize("prefix", ["", "/en", "/ar"])
@pytest.mark.parametrize("path", PATHS)
def test_every_page_answers_in_each_language(client: Client, house: Building, prefix: str, path: str) -> None:
    response = client.get(prefix + path)
    html = response.content.decode()
    language = prefix.strip("/") or "it"
    assert response.status_code == 200
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in html
    assert html.count("<h1") == 1
    assert html.count('data-element="accessibility-link"') == 1


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_small_and_complete_without_a_script(client: Client, house: Building, path: str) -> None:
    for row in range(60):
        open_service(house.lab, f"Servizio numero {row}", lon=9.1320 + row * 0.00005)
        make_building(house.lab, "via Giambellino", f"{row + 20}", lat=45.446, lon=9.131 + row * 0.0001)
    html = client.get(path).content
    assert len(gzip.compress(html, 6)) <= 8_000
    assert re.findall(rb"<script[^>]*>", html) == [b'<script src="/static/core/read_aloud.js" defer>']
    assert re.findall(rb'\son\w+="', html) == []


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith("/milo/")])
def test_every_page_of_a_lab_has_its_phone_and_a_way_to_be_called_back(
    client: Client, house: Building, path: str
) -> None:
    html = client.get(path).content.decode()
    assert 'class="phone' in html
    assert 'href="tel:0200000000"' in html
    assert "/milo/richiamami/" in html


@pytest.mark.parametrize("path", [*PATHS, "/milo/casa/via-odazio-7/mappa.svg", "/milo/mappa/servizi.svg"])
def test_no_page_tells_which_flats_are_empty(client: Client, house: Building, path: str) -> None:
    html = client.get(path).content.decode()
    assert "int-911" not in html
    assert "Vuoto" not in html
    assert not re.search(r"alloggi|vuot|sfitt|scala B", html, re.I)


def ask(client: Client, path: str) -> Callable[[], Any]:
    return lambda: client.get(path)


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/", 1),
        ("/milo/", 3),
        ("/milo/casa/", 2),
        ("/milo/casa/?q=odazio+9999", 3),
        ("/milo/casa/via-odazio-7/", 2),
        ("/en/milo/casa/via-odazio-7/", 2),
        ("/milo/richiamami/", 1),
        ("/milo/privacy/", 1),
    ],
)
@pytest.mark.parametrize("rows", [5, 40])
def test_a_page_asks_the_database_the_same_whatever_the_rows(
    client: Client,
    house: Building,
    django_assert_num_queries: DjangoAssertNumQueries,
    path: str,
    queries: int,
    rows: int,
) -> None:
    for row in range(rows):
        open_service(house.lab, f"Servizio {row}", lon=9.1320 + row * 0.00005)
    client.get(path)
    with django_assert_num_queries(queries):
        client.get(path)


@pytest.mark.parametrize("path", ["/", "/milo/", "/en/milo/casa/via-odazio-7/"])
def test_even_with_nothing_kept_a_page_asks_few_questions(
    client: Client, house: Building, django_assert_max_num_queries: DjangoAssertNumQueries, path: str
) -> None:
    open_service(house.lab, "CAF", lon=9.1320)
    cache.clear()
    with django_assert_max_num_queries(6):
        client.get(path)


@time_machine.travel(MONDAY_AT_TEN, tick=False)
def test_the_home_shows_labs_with_their_doors(client: Client, house: Building, mazzini: Lab) -> None:
    html = client.get("/").content.decode()
    assert html.count('class="card lab-card"') == 2
    assert "Aperto fino alle 12:30" in html
    assert "Telefona per sapere quando siamo aperti" in html


@time_machine.travel(MONDAY_AT_TEN, tick=False)
def test_on_a_closing_day_the_door_says_so(client: Client, house: Building) -> None:
    ClosingDay.objects.create(lab=house.lab, on=date(2026, 11, 23), reason="Assemblea")
    html = client.get("/milo/").content.decode()
    assert "Aperto fino alle 12:30" not in html
    assert "Chiuso, apre domani alle 9:30" in html
    assert "Assemblea" in html


def test_each_door_of_the_house_leads_somewhere(client: Client, house: Building) -> None:
    html = client.get("/milo/").content.decode()
    drawn = html[html.index('<nav class="house"') : html.index("</nav>", html.index('<nav class="house"'))]
    doors = re.findall(r'<a class="bay[^"]*" href="([^"]+)"', drawn)
    assert len(doors) == 7
    for door in doors:
        if door.startswith("#"):
            assert f'id="{door[1:]}"' in html
        else:
            assert client.get(door).status_code == 200


def test_the_map_numbers_the_doors_of_the_list(client: Client, house: Building) -> None:
    open_service(house.lab, "CAF", lon=9.1320)
    open_service(house.lab, "Patronato", lon=9.1320)
    open_service(house.lab, "Biblioteca", lon=9.1325)
    open_service(house.lab, "Lontano", lon=9.5)
    html = client.get("/milo/").content.decode()
    listed = html[html.index('class="map-list"') :]
    listed = listed[: listed.index("</ol>")]
    assert re.findall(r">([A-Z]\w+)</a>", listed) == ["Biblioteca", "CAF", "Patronato"]
    assert listed.count("<li>") == 2
    drawn = client.get("/milo/mappa/servizi.svg")
    assert drawn["Content-Type"] == "image/svg+xml"
    assert drawn["Cache-Control"] == "public, max-age=600"
    assert re.findall(r">(\d+)</text>", drawn.content.decode()) == ["1", "2"]


def test_a_draft_translation_says_that_no_speaker_has_read_it(client: Client, house: Building) -> None:
    lab = Lab.objects.get(slug="milo")
    Translation.objects.create(
        object_type="labs.lab",
        object_id=lab.pk,
        field="blurb",
        language="en",
        text="We are here. We listen.",
        source_hash=source_hash(lab.blurb),
        state=Translation.State.DRAFT,
    )
    response = client.get("/en/milo/")
    assert "We are here." in response.content.decode()
    assert response.context["notice"] != ""


@pytest.mark.parametrize("text", ["odazio 7", "Via Odazio, 7 scala B", "via odàzio 7", "ODAZIO 7"])
def test_an_address_typed_in_any_way_opens_its_page(client: Client, house: Building, text: str) -> None:
    response = client.get("/milo/casa/", {"q": text})
    assert response.status_code == 302
    assert response["Location"] == "/milo/casa/via-odazio-7/"


def test_an_unknown_address_keeps_what_was_typed_and_says_what_to_do(client: Client, house: Building) -> None:
    html = client.get("/milo/casa/", {"q": "piazza <b>Luna</b> 3"}).content.decode()
    assert "Non troviamo «piazza &lt;b&gt;Luna&lt;/b&gt; 3»" in html
    assert 'value="piazza &lt;b&gt;Luna&lt;/b&gt; 3"' in html
    assert "via Odazio" in html
    assert 'href="tel:0200000000"' in html


def test_a_pasted_book_is_cut(client: Client, house: Building) -> None:
    response = client.get("/milo/casa/", {"q": "via " * 5000})
    assert response.status_code == 200
    assert len(response.context["text"]) <= 200


def test_a_house_of_another_lab_is_not_here(client: Client, house: Building, mazzini: Lab) -> None:
    assert client.get("/mazzini/casa/via-odazio-7/").status_code == 404
    assert client.get("/mazzini/casa/via-odazio-7/mappa.svg").status_code == 404


@time_machine.travel(MONDAY_AT_TEN, tick=False)
def test_at_the_door_open_services_come_before_nearer_ones_that_are_shut(client: Client, house: Building) -> None:
    open_service(house.lab, "Vicino ma chiuso", lon=9.1321, opens=False)
    open_service(house.lab, "Lontano e aperto", lon=9.1360)
    open_service(house.lab, "Vicino e aperto", lon=9.1325)
    near = client.get("/milo/casa/via-odazio-7/").context["near"]
    assert [row.name.value for row in near] == ["Vicino e aperto", "Lontano e aperto", "Vicino ma chiuso"]
    assert [row.door.is_open for row in near] == [True, True, False]
    assert [row.minutes for row in near] == [1, 6, 1]


def test_at_the_door_one_reads_whom_to_ask(client: Client, house: Building) -> None:
    html = client.get("/milo/casa/via-odazio-7/").content.decode()
    assert "Ente gestore delle case" in html
    assert 'href="tel:0255500900"' in html
    assert "20147 Milano" in html


def test_at_the_door_one_reads_in_how_many_stairs_there_is_a_lift(client: Client, house: Building) -> None:
    assert "Scale con l’ascensore" not in client.get("/milo/casa/via-odazio-7/").content.decode()
    for name, has_lift in (("C", True), ("D", False), ("E", False), ("F", None)):
        Stair.objects.create(building=house, name=name, has_lift=has_lift)
    html = client.get("/milo/casa/via-odazio-7/").content.decode()
    assert "<dt>Scale con l’ascensore</dt><dd>1 su 3</dd>" in html


def test_a_house_that_is_nowhere_has_its_page_all_the_same(client: Client, house: Building) -> None:
    make_building(house.lab, "via Ignota", "1")
    response = client.get("/milo/casa/via-ignota-1/")
    assert response.status_code == 200
    assert response.context["near"] == []
    assert client.get("/milo/casa/via-ignota-1/mappa.svg").status_code == 200


def test_a_lab_that_is_not_there_is_a_calm_missing_page(client: Client, house: Building) -> None:
    response = client.get("/luna/")
    assert response.status_code == 404
    assert "Questa porta non c’è" in response.content.decode()


def test_a_broken_page_says_one_sentence_and_asks_nothing_of_the_database(
    client: Client, house: Building, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    from django.test import RequestFactory

    from ballatoio.web.home.views import server_error

    request = RequestFactory().get("/milo/")
    request.lab = house.lab  # type: ignore[attr-defined]
    with django_assert_num_queries(0):
        response = server_error(request)
    assert response.status_code == 500
    assert "Qualcosa si è rotto" in response.content.decode()
    assert "tel:0200000000" in response.content.decode()


def test_whoever_works_here_lands_at_their_desk(client: Client, bruno: User) -> None:
    response = sign_in(client, bruno).get("/lavoro/")
    assert response.status_code == 302
    assert response["Location"] == "/milo/banco/"


def test_whoever_works_in_two_labs_chooses(client: Client, bruno: User, mazzini: Lab) -> None:
    Membership.objects.create(user=bruno, lab=mazzini, role=Role.INTERPRETER)
    html = sign_in(client, bruno).get("/lavoro/").content.decode()
    assert re.findall(r'href="(/m[^"]*)"', html) == ["/mazzini/", "/milo/banco/"]


def test_whoever_has_an_account_and_no_work_sees_the_open_pages(client: Client, farid: User) -> None:
    assert sign_in(client, farid).get("/lavoro/")["Location"] == "/"


def test_a_visitor_has_no_work_here(client: Client, milo: Lab) -> None:
    assert client.get("/lavoro/").status_code == 302
    assert "/lavoro/" not in client.get("/").content.decode()
