"""Finding a service."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ballatoio.base.directory.models import Service
from ballatoio.base.directory.schedules import TypedDay, TypedHours, is_open
from ballatoio.base.directory.search import find_services, metres_between, need_family, need_tops
from ballatoio.base.directory.services import ServiceSheet, add_service, set_translation
from ballatoio.base.directory.term_files import taxonomy_of
from ballatoio.base.directory.term_services import import_taxonomy
from ballatoio.base.labs.models import Lab
from tests.directory.making import make_organisation, make_service, make_term
from tests.factories import make_lab

ROME = ZoneInfo("Europe/Rome")
pytestmark = pytest.mark.django_db


def names(found: list) -> list[str]:
    return [hit.service.name for hit in found]


def test_words_may_be_cut_short_and_lack_accents(mazzini: Lab) -> None:
    make_service(mazzini, "Pensioni e invalidità")
    make_service(mazzini, "Biblioteca")
    for text in ("pens", "pensione", "INVALIDITA", "  invalidità, pensioni "):
        assert names(find_services(mazzini, text=text)) == ["Pensioni e invalidità"]


def test_a_word_in_the_middle_of_another_is_not_found(mazzini: Lab) -> None:
    make_service(mazzini, "Biblioteca")
    assert find_services(mazzini, text="teca") == []


def test_empty_words_do_not_count(mazzini: Lab) -> None:
    make_service(mazzini, "Aiuto per l’affitto")
    assert names(find_services(mazzini, text="non ho i soldi per l'affitto")) == ["Aiuto per l’affitto"]


def test_the_services_with_most_of_the_words_win(mazzini: Lab) -> None:
    make_service(mazzini, "Corso di italiano")
    make_service(mazzini, "Corso di italiano per donne")
    assert names(find_services(mazzini, text="corso italiano donne sera")) == ["Corso di italiano per donne"]


def test_only_signs_find_nothing(mazzini: Lab) -> None:
    make_service(mazzini, "Biblioteca")
    assert find_services(mazzini, text="??? %%") == []


def test_found_by_need_synonym_and_by_the_need_above(mazzini: Lab) -> None:
    papers = make_term("papers", "Documenti")
    isee = make_term("papers-isee", "ISEE", papers, synonyms="dichiarazione redditi")
    make_service(mazzini, "CAF", needs=[isee])
    assert names(find_services(mazzini, text="redditi")) == ["CAF"]
    assert names(find_services(mazzini, text="documenti")) == ["CAF"]


def test_found_in_another_language_with_or_without_the_article(mazzini: Lab) -> None:
    service = make_service(mazzini, "Aiuto per la casa")
    set_translation(service, field="name", language="ar", text="المساعدة في السكن", state="draft", by=None, lab=mazzini)
    for text in ("السكن", "سكن", "مساعدة"):
        assert names(find_services(mazzini, text=text)) == ["Aiuto per la casa"]


def test_a_need_translated_later_is_found_in_that_language(mazzini: Lab) -> None:
    home = make_term("home", "Casa")
    make_service(mazzini, "Guasti", needs=[make_term("home-lift", "Ascensore", home)])
    set_translation(home, field="name", language="ar", text="السكن", state="draft", by=None, lab=None)
    assert names(find_services(mazzini, text="سكن")) == ["Guasti"]


def test_a_need_finds_its_own_first_then_those_of_the_one_above(mazzini: Lab) -> None:
    home = make_term("home", "Casa")
    lift = make_term("home-lift", "Ascensore", home)
    make_term("home-mould", "Muffa", home)
    make_service(mazzini, "Ascolto", needs=[home])
    make_service(mazzini, "Guasti", needs=[lift])
    assert names(find_services(mazzini, need="home-lift")) == ["Guasti", "Ascolto"]
    assert names(find_services(mazzini, need="home")) == ["Ascolto", "Guasti"]
    assert names(find_services(mazzini, need="home-mould")) == ["Ascolto"]
    assert names(find_services(mazzini, need="nothing")) == []


def test_the_tree_counts_each_service_once(mazzini: Lab, milo: Lab) -> None:
    home = make_term("home", "Casa")
    lift, mould = make_term("home-lift", "Ascensore", home), make_term("home-mould", "Muffa", home)
    make_term("health", "Salute")
    make_service(mazzini, "Guasti", needs=[lift, mould])
    make_service(mazzini, "Ascolto", needs=[home])
    make_service(milo, "Altrove", needs=[lift])
    assert [(node.term.code, node.count) for node in need_tops(mazzini)] == [("home", 2)]
    family = need_family(mazzini, "home-lift")
    assert family is not None
    assert (family.chosen.code, family.top.code) == ("home-lift", "home")
    # A service for the whole of «home» helps with the lift too: the count is what the page then lists.
    assert sorted((node.term.code, node.count) for node in family.below) == [("home-lift", 2), ("home-mould", 2)]
    for node in (*need_tops(mazzini), *family.below):
        assert node.count == len(find_services(mazzini, need=node.term.code))
    assert need_family(mazzini, "nothing") is None


def test_the_nearest_first_and_the_unknown_last(mazzini: Lab) -> None:
    make_service(mazzini, "Al telefono")
    make_service(mazzini, "Lontano", lon=9.20, lat=45.48)
    make_service(mazzini, "Vicino", lon=9.222, lat=45.436)
    found = find_services(mazzini, near=(9.2216, 45.4354))
    assert [(hit.service.name, hit.metres) for hit in found] == [
        ("Vicino", 74),
        ("Lontano", 5238),
        ("Al telefono", None),
    ]


def test_the_language_spoken_or_an_interpreter(mazzini: Lab) -> None:
    make_service(mazzini, "Italiano", languages=["it"])
    make_service(mazzini, "Arabo", languages=["it", "ar"])
    make_service(mazzini, "Interprete", interpretation_services=True)
    assert names(find_services(mazzini, language="ar")) == ["Arabo", "Interprete"]


def test_what_is_gone_or_hidden_is_not_found(mazzini: Lab, milo: Lab) -> None:
    hidden = make_organisation(mazzini, "Gruppo del cortile", is_public=False)
    make_service(mazzini, "Chiuso per sempre", status=Service.Status.DEFUNCT)
    make_service(mazzini, "Del gruppo", organisation=hidden)
    make_service(milo, "Di un altro laboratorio")
    make_service(mazzini, "Chiuso per ora", status=Service.Status.TEMPORARILY_CLOSED)
    assert names(find_services(mazzini)) == ["Chiuso per ora"]


def test_what_is_closed_for_now_is_never_open(mazzini: Lab) -> None:
    make_service(mazzini, "Chiuso", hours="tutti i giorni 0-24", status=Service.Status.TEMPORARILY_CLOSED)
    make_service(mazzini, "Aperto", hours="tutti i giorni 0-24")
    assert names(find_services(mazzini, open_at=datetime(2026, 11, 9, 10, tzinfo=ROME))) == ["Aperto"]


def test_the_results_are_capped_and_cost_one_query(mazzini: Lab) -> None:
    organisation = make_organisation(mazzini)
    Service.objects.bulk_create(
        Service(lab=mazzini, organisation=organisation, slug=f"s-{n}", name=f"Servizio {n}", search_key=" servizio")
        for n in range(130)
    )
    with CaptureQueriesContext(connection) as queries:
        assert len(find_services(mazzini, text="servizio", near=(9.2, 45.4), language="")) == 100
    assert len(queries) == 1


def test_a_need_that_changes_its_name_is_found_by_the_new_one(mazzini: Lab) -> None:
    records = [{"code": "home", "parent": None, "it": "Casa", "ar": "السكن", "synonyms": ["alloggio"]}]
    import_taxonomy(taxonomy_of(records), by=None)
    term = make_service(mazzini, "Ascolto").needs.model.objects.get(code="home")
    make_service(mazzini, "Guasti", needs=[term])
    import_taxonomy(taxonomy_of([records[0] | {"it": "Abitazione"}]), by=None)
    assert names(find_services(mazzini, text="abitazione")) == ["Guasti"]
    assert names(find_services(mazzini, text="سكن")) == ["Guasti"]


def test_a_degree_of_latitude_is_a_hundred_and_eleven_kilometres() -> None:
    assert round(metres_between((9.0, 45.0), (9.0, 46.0)) / 1000, 1) == 111.2


class OpenNow(TestCase):
    """The database and the pure function agree on which doors are open."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 22), st.integers(1, 23)), max_size=4),
        st.sampled_from([None, "closed", "morning"]),
        # Around Christmas: holidays, and a summer night for the other wall clock.
        st.datetimes(min_value=datetime(2026, 12, 20), max_value=datetime(2026, 12, 31)),
    )
    def test_agree(self, spans: list[tuple[int, int, int]], special: str | None, moment: datetime) -> None:
        at = moment.replace(tzinfo=ROME)
        hours = [
            TypedHours(weekday, time(start), time(start + length) if start + length < 24 else time(23, 59))
            for weekday, start, length in dict.fromkeys(spans)
        ]
        days = {
            None: [],
            "closed": [TypedDay(at.date(), None, None)],
            "morning": [TypedDay(at.date(), time(8), time(12)), TypedDay(at.date() + timedelta(days=1), None, None)],
        }[special]
        lab = make_lab("mazzini")
        sheet = ServiceSheet(make_organisation(lab), "Porta", "Una porta", hours=hours, special_days=days)
        Service.objects.all().delete()
        add_service(lab, sheet, by=None)
        assert bool(find_services(lab, open_at=at)) == is_open(hours, days, at)


def test_hours_valid_for_a_season_agree_too(mazzini: Lab) -> None:
    season = TypedHours(0, time(9), time(12), date(2026, 11, 1), date(2026, 11, 30))
    add_service(mazzini, ServiceSheet(make_organisation(mazzini), "Porta", "Una porta", hours=[season]), by=None)
    found = [bool(find_services(mazzini, open_at=datetime(2026, *day, 10, tzinfo=ROME))) for day in ((11, 9), (12, 14))]
    assert found == [True, False]
