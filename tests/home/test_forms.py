"""«Call me back in my language» and «this does not work»: they become needs, once, or say what to correct."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.limits import SENDINGS, is_too_often
from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Contact, Need
from ballatoio.web.home.forms import CallbackForm

ASKED = {"phone": "333 123 4567", "language": "ar", "hours": ["evening"], "no_voicemail": "on", "once": "abc"}


def test_a_callback_becomes_a_need_with_an_owner_and_a_date(client: Client, milo: Lab, bruno: User) -> None:
    response = client.post("/ar/milo/richiamami/", ASKED)
    assert response.status_code == 302
    assert response["Location"] == "/ar/milo/richiamami/fatto/"
    need = Need.objects.select_related("contact").get()
    assert (need.lab, need.owner, need.state) == (milo, bruno, Need.State.OPEN)
    assert need.next_on is not None
    assert (need.contact.channel, need.contact.language) == (Contact.Channel.WEB, "ar")
    texts = open_texts(need.contact)
    assert texts["phone"] == "+39 333 123 4567"
    assert texts["hours"] == ("La sera, dalle 18 alle 19:30. Non lasciate messaggi in segreteria e non mandate SMS")


def test_a_double_click_counts_once(client: Client, milo: Lab, bruno: User) -> None:
    first, second = client.post("/milo/richiamami/", ASKED), client.post("/milo/richiamami/", ASKED)
    assert first["Location"] == second["Location"] == "/milo/richiamami/fatto/"
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("phone", ["", "abc", "12", "9" * 60, "333 123 456x"])
def test_a_wrong_number_is_explained_and_what_was_typed_is_still_there(
    client: Client, milo: Lab, bruno: User, phone: str
) -> None:
    response = client.post("/milo/richiamami/", ASKED | {"phone": phone, "name": "Samira"})
    html = response.content.decode()
    assert response.status_code == 422
    assert 'value="Samira"' in html
    assert f'value="{phone}"' in html or not phone
    assert 'role="alert"' in html
    assert 'name="once" value="abc"' in html
    assert Contact.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("333 123 4567", "+39 333 123 4567"),
        ("+39 02 5550-0101", "+39 02 5550 0101"),
        ("0020 10 1234 5678", "+20 10 12345678"),
        ("(333) 1234567", "+39 333 123 4567"),
    ],
)
def test_a_number_in_any_usual_form_is_understood(typed: str, kept: str) -> None:
    form = CallbackForm({"phone": typed, "language": "it"})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["phone"] == kept


def test_a_language_that_does_not_exist_is_refused(client: Client, milo: Lab, bruno: User) -> None:
    assert client.post("/milo/richiamami/", ASKED | {"language": "xx"}).status_code == 422


def test_a_lab_where_nobody_works_says_to_phone(client: Client, milo: Lab) -> None:
    response = client.post("/milo/richiamami/", ASKED)
    assert response.status_code == 422
    assert "Telefona allo sportello" in response.content.decode()


def test_a_machine_cannot_fill_the_day_of_the_desk(client: Client, milo: Lab, bruno: User) -> None:
    answers = [
        client.post("/milo/richiamami/", ASKED | {"once": f"t{turn}"}).status_code for turn in range(SENDINGS + 1)
    ]
    assert answers == [302] * SENDINGS + [429]
    assert Contact.objects.count() == SENDINGS


def test_the_limit_lasts_an_hour_in_a_cache_of_files(rf: RequestFactory, settings: Settings, tmp_path: Path) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": tmp_path / "cache"}
    }
    start, request = timezone.now(), rf.post("/")

    def is_refused_after(minutes: int) -> bool:
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            return is_too_often(request, "callback")

    assert [is_refused_after(turn) for turn in range(SENDINGS)] == [False] * SENDINGS
    assert [is_refused_after(30), is_refused_after(59), is_refused_after(61)] == [True, True, False]


def test_a_token_that_no_form_of_ours_carries_is_none(client: Client, milo: Lab, bruno: User) -> None:
    assert client.post("/milo/richiamami/", ASKED | {"once": "a\0b"}).status_code == 302
    assert client.post("/milo/richiamami/", ASKED | {"once": "a\0b", "name": "a\0b"}).status_code == 422


def test_the_form_proposes_the_language_of_the_page(client: Client, milo: Lab) -> None:
    assert client.get("/ar/milo/richiamami/").context["form"]["language"].value() == "ar"


def test_a_form_without_its_token_is_refused_calmly(milo: Lab, bruno: User) -> None:
    response = Client(enforce_csrf_checks=True).post("/milo/richiamami/", ASKED)
    assert response.status_code == 403
    assert "Non è stato salvato niente" in response.content.decode()


def test_an_accessibility_feedback_has_thirty_days(client: Client, milo: Lab, bruno: User) -> None:
    given = {"problem": "La mappa non si ingrandisce", "page": "/milo/", "reply_to": "", "once": "z"}
    response = client.post("/milo/accessibilita/segnala/", given)
    assert response["Location"] == "/milo/accessibilita/segnala/fatto/"
    need = Need.objects.get()
    assert need.next_on is not None
    assert (need.next_on - need.opened_at.date()).days in {30, 31}
    assert open_texts(need)["words"] == "/milo/\nLa mappa non si ingrandisce"


def test_an_empty_feedback_is_sent_back(client: Client, milo: Lab, bruno: User) -> None:
    assert client.post("/milo/accessibilita/segnala/", {"problem": " "}).status_code == 422
    assert Need.objects.count() == 0
