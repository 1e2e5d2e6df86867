"""Texts in the reader's language, and who stands behind them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from ballatoio.base.directory.models import Translation
from ballatoio.base.directory.services import set_translations
from ballatoio.base.directory.texts import language_notice, translated
from ballatoio.base.labs.models import Lab
from tests.directory.making import make_service, make_term

pytestmark = pytest.mark.django_db
State = Translation.State
DRAFT = "Chi parla questa lingua non ha ancora riletto la traduzione. Vale il testo italiano."


def notice(service: object, *fields: str) -> str:
    with translation.override("it"):
        return language_notice(translated([service], "ar", fields)[service.pk].values(), "ar")  # type: ignore[attr-defined, list-item]


def test_italian_asks_nobody(mazzini: Lab) -> None:
    service = make_service(mazzini, "CAF")
    with CaptureQueriesContext(connection) as queries:
        texts = translated([service], "it", ["name"])
    assert (texts[service.pk]["name"].value, len(queries)) == ("CAF", 0)
    assert language_notice(texts[service.pk].values(), "it") == ""


def test_one_query_for_records_of_several_kinds(mazzini: Lab) -> None:
    term = make_term("home", "Casa")
    services = [make_service(mazzini, f"Servizio {number}") for number in range(5)]
    for record in (term, *services):
        set_translations(record, {"name": "اسم"}, language="ar", state=State.DRAFT, by=None, lab=mazzini)
    with CaptureQueriesContext(connection) as queries:
        texts = translated([term, *services], "ar", ["name", "description"])
    assert len(queries) == 1
    assert {text["name"].value for text in texts.values()} == {"اسم"}
    assert "description" not in texts[term.pk]


def test_the_notice_says_what_is_only_italian(mazzini: Lab) -> None:
    service = make_service(mazzini, "CAF")
    assert (
        notice(service, "name", "description") == "Questo testo è solo in italiano. Chiedici: troviamo un interprete."
    )
    set_translations(service, {"name": "مكتب"}, language="ar", state=State.DRAFT, by=None, lab=mazzini)
    assert notice(service, "name", "description") == f"Una parte di questo testo è solo in italiano. {DRAFT}"
    assert notice(service, "name") == DRAFT


def test_the_notice_says_who_stands_behind_a_translation(mazzini: Lab) -> None:
    service = make_service(mazzini, "CAF")
    common = {"language": "ar", "by": None, "lab": mazzini}
    set_translations(service, {"name": "مكتب"}, state=State.MACHINE, **common)
    assert notice(service, "name") == "Una macchina ha tradotto questo testo: può avere errori. Vale il testo italiano."
    set_translations(service, {"name": "مكتب"}, state=State.REVIEWED, **common)
    assert notice(service, "name") == "Traduzione riletta da chi parla questa lingua."
    set_translations(service, {"name": "مكتب"}, state=State.APPROVED, **common)
    assert notice(service, "name") == "Traduzione approvata dall’istituzione."


def test_a_machine_has_no_word_on_money(mazzini: Lab) -> None:
    service = make_service(mazzini, "CAF", fees_description="Il 730 si paga.")
    texts = {"name": "مكتب", "fees_description": "مجاني"}
    set_translations(service, texts, language="ar", state=State.MACHINE, by=None, lab=mazzini)
    shown = translated([service], "ar", texts)[service.pk]
    assert (shown["name"].language, shown["fees_description"].value) == ("ar", "Il 730 si paga.")
