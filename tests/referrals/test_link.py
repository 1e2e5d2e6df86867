"""A service answers without an account: what a link opens, to whom, and what a stranger who holds it sees."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.directory.models import Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.models import Person
from ballatoio.care.desk.models import Need
from ballatoio.care.referrals.clock import end_of_day
from ballatoio.care.referrals.consent import Told
from ballatoio.care.referrals.link import CHECKS_IN_AN_HOUR
from ballatoio.care.referrals.models import Referral
from ballatoio.care.referrals.services import answer_referral, remind_service, withdraw_referral
from tests.factories import make_referral, sign_in

from .post import check_of, link_of, messages_of

FORGED = "23456789ABCDEFGHJKMNPQRS"


def url(code: str, page: str = "") -> str:
    return f"/mazzini/invio/{code}/{page}"


def page(response: Any, code: str) -> str:
    """Give a page without what must differ: the code that was asked for, and the token of the form."""
    text = response.content.decode().replace(code, "…")
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)


def around_the_door(response: Any, code: str) -> str:
    """Give a page without its door: the button, or the words for a link that does not open."""
    return re.sub(r'<div id="porta">.*?\n  </div>', "", page(response, code), flags=re.S)


def enter(client: Client, referral: Referral) -> str:
    """Ask for the code, type it, and give the link."""
    code = link_of(referral)
    assert client.post(url(code)).headers["Location"] == url(code, "codice/")
    answer = client.post(url(code, "codice/"), {"check": check_of(referral)})
    assert answer.headers["Location"] == url(code, "richiesta/")
    return code


def state(referral: Referral) -> str:
    referral.refresh_from_db()
    return referral.state


# --- who holds the link, and no more -------------------------------------------------------------------------


def test_a_stranger_with_the_link_sees_what_anybody_sees_but_the_button(client: Client, referral: Referral) -> None:
    code = link_of(referral)
    right, wrong = client.get(url(code)), client.get(url(FORGED))
    assert around_the_door(right, code) == around_the_door(wrong, FORGED)
    assert (right.status_code, wrong.status_code) == (200, 404)
    shown = right.content.decode()
    assert "p***@…" in shown
    secret = ("Samira", "Haddad", "bolletta", "Consultorio", "consultorio", referral.reference, "Associazione")
    assert [word for word in secret if word in shown] == []


def test_the_pages_behind_the_door_open_to_nobody_without_the_code(client: Client, referral: Referral) -> None:
    code = link_of(referral)
    for method in (client.get, client.post):
        answer = method(url(code, "richiesta/"), {"state": "accepted", "version": "1"})
        assert (answer.status_code, answer.headers["Location"]) == (302, url(code))
    shown = client.get(url(code, "codice/")).content.decode()
    assert [word for word in ("Samira", "bolletta", "Consultorio") if word in shown] == []
    assert state(referral) == "sent"


def test_a_get_changes_nothing_because_mail_scanners_follow_links(client: Client, referral: Referral) -> None:
    code = link_of(referral)
    before = (AuditEntry.objects.count(), Delivery.objects.count(), AccessCode.objects.count())
    for suffix in ("", "codice/", "richiesta/"):
        client.get(url(code, suffix))
        client.head(url(code, suffix))
    assert (AuditEntry.objects.count(), Delivery.objects.count(), AccessCode.objects.count()) == before
    assert (state(referral), referral.version, referral.seen_at) == ("sent", 1, None)


def withdrawn(referral: Referral, anna: User) -> None:
    withdraw_referral(referral, by=anna, version=referral.version)


def answered(referral: Referral, anna: User) -> None:
    answer_referral(referral, state="done", channel="call", by=anna, version=referral.version)


def replaced(referral: Referral, anna: User) -> None:
    remind_service(referral, by=anna, version=referral.version)


def without_address(referral: Referral, anna: User) -> None:
    Service.objects.update(email="")


@pytest.mark.parametrize("ending", [withdrawn, answered, replaced, without_address])
def test_a_link_that_no_longer_opens_is_the_same_page_as_a_forged_one(
    ending: Any, client: Client, referral: Referral, anna: User
) -> None:
    code = link_of(referral)
    ending(referral, anna)
    for suffix in ("", "codice/", "richiesta/"):
        # What is counted here is not how often one place tries.
        cache.clear()
        for method in (client.get, client.post):
            dead, forged = method(url(code, suffix)), method(url(FORGED, suffix))
            assert (dead.status_code, page(dead, code)) == (404, page(forged, FORGED))


def test_a_link_ends_with_the_last_day_of_its_referral(client: Client, referral: Referral) -> None:
    code = link_of(referral)
    with time_machine.travel(end_of_day(referral.expires_on) - timedelta(seconds=1), tick=False):
        assert client.get(url(code)).status_code == 200
    with time_machine.travel(end_of_day(referral.expires_on) + timedelta(seconds=1), tick=False):
        dead = client.get(url(code))
    forged = client.get(url(FORGED))
    assert (dead.status_code, page(dead, code)) == (404, page(forged, FORGED))


def test_a_link_of_another_lab_opens_nothing_here(client: Client, referral: Referral, milo: Lab) -> None:
    assert client.get(f"/milo/invio/{link_of(referral)}/").status_code == 404


def test_a_dead_page_names_the_phone_of_the_lab(client: Client, mazzini: Lab) -> None:
    assert mazzini.phone in client.get(url(FORGED)).content.decode()


def test_the_pages_are_kept_nowhere_and_told_to_nobody(client: Client, referral: Referral) -> None:
    code = enter(client, referral)
    for path in (url(code), url(code, "codice/"), url(code, "richiesta/"), url(FORGED)):
        headers = client.get(path).headers
        assert ("no-store" in headers["Cache-Control"], headers["Referrer-Policy"], headers["X-Robots-Tag"]) == (
            True,
            "same-origin",
            "noindex, nofollow",
        )


def test_after_ten_wrong_links_a_place_has_to_wait(client: Client, mazzini: Lab) -> None:
    answers = [client.get(url(FORGED)).status_code for _ in range(11)]
    assert answers == [404] * 10 + [429]


# --- the code that comes to the service's own address ----------------------------------------------------------------


def test_the_code_goes_to_the_address_in_the_directory_and_nowhere_else(client: Client, referral: Referral) -> None:
    client.post(url(link_of(referral)), {"email": "ladro@example.org", "to": "ladro@example.org"})
    (message,) = messages_of(referral, "referral.check")
    assert (message["to"], "Samira" in str(message)) == ("posta@consultorio.example", False)
    access_code = AccessCode.objects.get(purpose=AccessCode.Purpose.REFERRAL_CHECK)
    assert access_code.max_uses == 1
    assert timezone.now() < access_code.expires_at <= timezone.now() + timedelta(minutes=15)


def test_with_the_code_the_service_reads_only_what_the_person_agreed_to(client: Client, referral: Referral) -> None:
    code = enter(client, referral)
    assert state(referral) == "seen"
    shown = client.get(url(code, "richiesta/")).content.decode()
    told = re.findall(r'<dd class="said"><bdi>(.*?)</bdi>', shown)
    assert told == ["Samira Haddad", "aiuto con la bolletta"]
    assert [word for word in ("333", "Affitto", "consenso") if word in shown] == []
    entries = AuditEntry.objects.filter(verb="referral.open")
    assert [(entry.actor_id, entry.subject_id) for entry in entries] == [(None, referral.person_id)]


@pytest.mark.parametrize("typed", ["", "23456 789AB", "x" * 41, "ﷺ\x00"])
def test_a_wrong_code_opens_nothing(typed: str, client: Client, referral: Referral) -> None:
    code = link_of(referral)
    client.post(url(code))
    assert client.post(url(code, "codice/"), {"check": typed}).status_code == 422
    assert (state(referral), client.get(url(code, "richiesta/")).status_code) == ("sent", 302)


def test_a_code_works_once_and_for_a_quarter_of_an_hour(client: Client, referral: Referral) -> None:
    code = enter(client, referral)
    another = Client()
    assert another.post(url(code, "codice/"), {"check": check_of(referral)}).status_code == 422
    assert another.get(url(code, "richiesta/")).status_code == 302
    another.post(url(code))
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert another.post(url(code, "codice/"), {"check": check_of(referral)}).status_code == 422


def test_the_code_of_one_request_opens_no_other(
    client: Client, referral: Referral, mazzini: Lab, anna: User, clinic: Service
) -> None:
    other = make_referral(mazzini, anna, clinic)
    mine, theirs = link_of(referral), link_of(other)
    client.post(url(mine))
    assert client.post(url(theirs, "codice/"), {"check": check_of(referral)}).status_code == 422
    assert state(other) == "sent"
    # And it was not used up by trying it there.
    assert client.post(url(mine, "codice/"), {"check": check_of(referral)}).status_code == 302
    assert client.get(url(theirs, "richiesta/")).status_code == 302


def test_the_browser_may_read_for_an_hour(client: Client, referral: Referral) -> None:
    code = enter(client, referral)
    now = timezone.now()
    with time_machine.travel(now + timedelta(minutes=59)):
        assert client.get(url(code, "richiesta/")).status_code == 200
    with time_machine.travel(now + timedelta(minutes=61)):
        assert client.get(url(code, "richiesta/")).headers["Location"] == url(code)


def test_whoever_has_the_link_cannot_fill_the_post_of_the_service(client: Client, referral: Referral) -> None:
    code = link_of(referral)
    answers = [client.post(url(code)).status_code for _ in range(CHECKS_IN_AN_HOUR + 1)]
    assert answers == [302] * CHECKS_IN_AN_HOUR + [429]
    assert len(messages_of(referral, "referral.check")) == CHECKS_IN_AN_HOUR
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert client.post(url(code)).status_code == 302


def test_asking_for_a_code_disturbs_no_colleague_who_has_the_page_open(
    client: Client, referral: Referral, anna: User
) -> None:
    client.post(url(link_of(referral)))
    assert answer_referral(referral, state="accepted", channel="call", by=anna, version=1).state == "accepted"


# --- the answer -------------------------------------------------------------------------------------------------


def send(client: Client, code: str, **fields: str) -> Any:
    return client.post(url(code, "richiesta/"), {"version": "2", **fields})


def test_a_service_accepts_and_later_says_that_it_is_done_with_the_same_link(
    client: Client, referral: Referral
) -> None:
    code = enter(client, referral)
    assert send(client, code, state="accepted", words="martedì alle 10").headers["Location"] == url(code, "richiesta/")
    assert (state(referral), Need.objects.get(pk=referral.need_id).state) == ("accepted", Need.State.ANSWERED)
    choices = re.findall(
        r'type="radio" name="state" value="(\w+)"', client.get(url(code, "richiesta/")).content.decode()
    )
    assert choices == ["done", "refused"]
    done = send(client, code, state="done", version="3")
    assert (done.headers["Location"], state(referral)) == ("/mazzini/invio/grazie/", "done")
    assert client.get(url(code)).status_code == 404
    assert [event.channel for event in referral.events.all()] == ["desk", "link", "link", "link", "link"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": "refused"}, "Scegli il motivo"),
        ({"state": "refused", "refusal": "altro"}, "altro"),
        ({"state": "refused", "refusal": "other"}, "due parole"),
        ({"state": "expired"}, "expired"),
        ({}, "Scegli una risposta"),
        ({"state": "accepted", "version": "x"}, "numero intero"),
    ],
)
def test_an_answer_that_lacks_something_says_what_and_keeps_the_words(
    fields: dict[str, str], sentence: str, client: Client, referral: Referral
) -> None:
    code = enter(client, referral)
    words = {} if fields.get("refusal") == "other" else {"words": "abbiamo una lista lunga"}
    answer = send(client, code, **fields, **words)
    shown = answer.content.decode()
    assert (answer.status_code, sentence in shown, words.get("words", "") in shown) == (422, True, True)
    assert state(referral) == "seen"


def test_a_refusal_closes_the_link_and_gives_the_need_back(client: Client, referral: Referral) -> None:
    code = enter(client, referral)
    thanks = send(client, code, state="refused", refusal="no_place", words="riprovate a gennaio")
    assert (thanks.headers["Location"], state(referral)) == ("/mazzini/invio/grazie/", "refused")
    assert Need.objects.get(pk=referral.need_id).state == Need.State.OPEN
    assert client.get(url(code, "richiesta/")).status_code == 404
    assert client.get("/mazzini/invio/grazie/").status_code == 200


def test_an_answer_sent_twice_counts_once(client: Client, referral: Referral) -> None:
    code = enter(client, referral)
    answers = [send(client, code, state="accepted").status_code for _ in range(2)]
    assert (answers, referral.events.filter(kind="accepted").count()) == ([302, 422], 1)


def test_an_answer_that_comes_after_that_of_the_desk_is_not_lost(
    client: Client, referral: Referral, anna: User
) -> None:
    code = enter(client, referral)
    answer_referral(referral, state="accepted", channel="call", by=anna, version=2)
    late = send(client, code, state="refused", refusal="no_place", words="non ce la facciamo")
    shown = late.content.decode()
    assert (late.status_code, "Intanto la risposta è cambiata" in shown, "non ce la facciamo" in shown) == (
        422,
        True,
        True,
    )
    assert state(referral) == "accepted"


def test_words_sent_to_a_link_that_closed_meanwhile_are_shown_again(
    client: Client, referral: Referral, anna: User
) -> None:
    code = enter(client, referral)
    answer_referral(referral, state="done", channel="call", by=anna, version=2)
    late = send(client, code, state="accepted", words="vi aspettiamo <b>domani</b>")
    shown = late.content.decode()
    assert (late.status_code, "vi aspettiamo &lt;b&gt;domani&lt;/b&gt;" in shown) == (404, True)


def test_the_pages_speak_english_and_arabic(client: Client, referral: Referral) -> None:
    code = link_of(referral)
    for language, direction in (("en", "ltr"), ("ar", "rtl")):
        assert f'dir="{direction}"' in client.get(f"/{language}{url(code)}").content.decode()


def test_a_number_that_became_unsafe_is_told_no_more_and_the_desk_is_warned(
    client: Client, mazzini: Lab, anna: User, samira: Person, clinic: Service
) -> None:
    phone = samira.contact_points.get()
    told = Told(shares=("phone", "words"), phone=phone.value, words="x")
    referral = make_referral(mazzini, anna, clinic, person=samira, told=told)
    code = enter(client, referral)
    desk = sign_in(Client(), anna)
    assert phone.value in client.get(url(code, "richiesta/")).content.decode()
    assert "non è più sicuro" not in desk.get(f"/mazzini/invii/{referral.pk}/").content.decode()
    samira.contact_points.update(safe_to_call=False)
    assert phone.value not in client.get(url(code, "richiesta/")).content.decode()
    assert "non è più sicuro" in desk.get(f"/mazzini/invii/{referral.pk}/").content.decode()


def test_a_service_whose_desk_is_anonymous_reads_no_name(client: Client, mazzini: Lab, anna: User) -> None:
    referral = make_referral(mazzini, anna, told=Told(shares=("words",), words="cerca lavoro"))
    shown = client.get(url(enter(client, referral), "richiesta/")).content.decode()
    assert re.findall(r'<dd class="said"><bdi>(.*?)</bdi>', shown) == ["cerca lavoro"]
