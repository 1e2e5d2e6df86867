"""The desk's pages: two steps to send somebody on, one line for an answer, a list that finds the late ones."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.ids import new_code
from ballatoio.base.directory.doubts import doubt_service
from ballatoio.base.directory.models import Service, ServiceDoubt
from ballatoio.base.jobs.services import new_once_token
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Consent, Person
from ballatoio.base.people.services import add_contact_point
from ballatoio.care.desk.models import Answer, Need
from ballatoio.care.desk.need_services import tell_need
from ballatoio.care.desk.services import AnswerGiven
from ballatoio.care.referrals.models import Referral
from ballatoio.care.referrals.services import answer_referral
from tests.factories import make_need, make_referral, make_service, make_user, sign_in

from .post import link_of, messages_of

LIST = "/mazzini/invii/"


@pytest.fixture
def at_desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def first_step(need: Need, **fields: Any) -> dict[str, Any]:
    """Give what the first step sends."""
    typed = {"service": "Consultorio familiare", "shares": ["name", "words"], "name": "Samira", "words": "la bolletta"}
    return {"version": need.version, "language": "it", "phone": "", "once": new_once_token(), **typed, **fields}


def new(client: Client, need: Need, do: str, typed: dict[str, Any], **fields: Any) -> Any:
    return client.post(f"{LIST}nuovo/{need.pk}/", {**typed, "do": do, **fields})


# --- sending, in two steps ----------------------------------------------------------------------------------------


def test_from_a_need_to_a_service_and_back_in_two_steps(
    at_desk: Client, need: Need, clinic: Service, samira: Person
) -> None:
    assert f'href="{LIST}nuovo/{need.pk}/"' in page(at_desk, f"/mazzini/banco/bisogni/{need.pk}/")
    start = page(at_desk, f"{LIST}nuovo/{need.pk}/")
    ticked = re.findall(r'name="shares" value="(\w+)"[^>]*checked', start)
    assert ticked == ["language", "words"]
    assert [text for text in ("Samira Haddad", "333 123 4567", "Affitto") if text not in start] == []
    typed = first_step(need)
    second = new(at_desk, need, "reread", typed)
    shown = second.content.decode()
    assert (second.status_code, Referral.objects.count()) == (200, 0)
    assert [text for text in ("– Nome: Samira", "– Che cosa serve: la bolletta") if text not in shown] == []
    sent = new(at_desk, need, "send", typed, how="spoken", asked_in="it")
    referral = Referral.objects.get()
    assert sent.headers["Location"] == f"{LIST}{referral.pk}/"
    assert (referral.service, sorted(referral.shares), referral.consent_how) == (clinic, ["name", "words"], "spoken")
    detail = page(at_desk, f"{LIST}{referral.pk}/")
    assert [
        text for text in (referral.reference, "la bolletta", "posta@consultorio.example") if text not in detail
    ] == []
    assert f'href="{LIST}risposta/{referral.answer_id}/"' in page(at_desk, f"/mazzini/banco/bisogni/{need.pk}/")
    assert at_desk.get(f"{LIST}risposta/{referral.answer_id}/").headers["Location"] == f"{LIST}{referral.pk}/"


def test_the_second_step_carries_what_the_first_one_had(at_desk: Client, need: Need, clinic: Service) -> None:
    shown = new(at_desk, need, "reread", first_step(need)).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown))
    assert {name: hidden[name] for name in ("service", "name", "words", "language")} == {
        "service": "Consultorio familiare",
        "name": "Samira",
        "words": "la bolletta",
        "language": "it",
    }
    assert re.findall(r'name="shares" value="(\w+)"', shown) == ["name", "words"]


def test_whoever_speaks_arabic_hears_it_in_arabic_too(at_desk: Client, need: Need, clinic: Service) -> None:
    shown = new(at_desk, need, "reread", first_step(need, language="ar")).content.decode()
    assert re.findall(r'<div class="panel mb-4 said" lang="(\w+)" dir="(\w+)"', shown) == [("it", "ltr"), ("ar", "rtl")]


def test_to_change_something_keeps_all_that_was_typed(at_desk: Client, need: Need, clinic: Service) -> None:
    shown = new(at_desk, need, "change", first_step(need, words="parole mie")).content.decode()
    assert ("parole mie" in shown, re.findall(r'name="shares" value="(\w+)"[^>]*checked', shown)) == (
        True,
        ["name", "words"],
    )


def test_without_a_yes_the_person_gets_the_way_and_the_service_nothing(
    at_desk: Client, need: Need, clinic: Service
) -> None:
    answer = new(at_desk, need, "orient", first_step(need))
    assert answer.headers["Location"] == f"/mazzini/banco/bisogni/{need.pk}/"
    assert [(given.kind, given.service) for given in need.answers.all()] == [(Answer.Kind.ORIENTATION, clinic)]
    assert (Referral.objects.count(), Consent.objects.count()) == (0, 0)


def test_a_double_click_leads_to_the_first(at_desk: Client, need: Need, clinic: Service) -> None:
    typed = first_step(need)
    answers = [new(at_desk, need, "send", typed, how="spoken", asked_in="it") for _ in range(2)]
    referral = Referral.objects.get()
    assert [answer.headers["Location"] for answer in answers] == [f"{LIST}{referral.pk}/"] * 2


BAD: list[tuple[dict[str, Any], str]] = [
    ({"service": ""}, "Scrivi a quale servizio."),
    ({"service": "non esiste"}, "«non esiste» non è tra i servizi"),
    ({"service": "s"}, "Quale servizio? Può essere: "),
    ({"service": "Sparito"}, "Questo servizio non c’è più."),
    ({"service": "Serrato"}, "Questo servizio adesso è chiuso."),
    ({"service": "Solitario"}, "prima completa la sua scheda"),
    ({"shares": []}, "Scegli che cosa dire al servizio"),
    ({"shares": ["language"]}, "La lingua da sola non basta"),
    ({"shares": ["name"], "name": ""}, "Scrivi il nome da dire"),
    ({"shares": ["phone"], "phone": ""}, "Scrivi il telefono da dare"),
    ({"shares": ["phone"], "phone": "1"}, "«1»"),
    ({"shares": ["phone"], "phone": "02 8888888"}, "Questo numero non è sicuro"),
    ({"words": "x" * 20_001}, "Il testo è troppo lungo"),
    ({"words": "la password è 1234"}, "password"),
]


@pytest.mark.parametrize("do", ["reread", "send", "orient"])
@pytest.mark.parametrize(("fields", "sentence"), BAD)
def test_what_cannot_be_sent_says_why_and_keeps_what_was_typed(
    fields: dict[str, Any],
    sentence: str,
    do: str,
    at_desk: Client,
    mazzini: Lab,
    anna: User,
    need: Need,
    samira: Person,
) -> None:
    make_service(mazzini, "Sparito", status="defunct", phone="02 1")
    make_service(mazzini, "Serrato", status="temporarily closed", phone="02 1")
    make_service(mazzini, "Solitario")
    make_service(mazzini, "Consultorio familiare", phone="02 1")
    add_contact_point(samira, by=anna, kind="phone", value="02 8888888", safe_to_call=False)
    answer = new(at_desk, need, do, first_step(need, **fields), how="spoken", asked_in="it")
    shown = answer.content.decode().replace("&#x27;", "'")
    kept = fields.get("words", "la bolletta")[:20_000]
    assert (answer.status_code, sentence in shown, kept in shown) == (422, True, True)
    assert (Referral.objects.count(), need.answers.count()) == (0, 0)


def test_a_service_that_is_shut_is_sent_to_by_who_says_that_they_know(
    at_desk: Client, mazzini: Lab, need: Need
) -> None:
    make_service(mazzini, "Serrato", status="temporarily closed", phone="02 1")
    asked = new(at_desk, need, "reread", first_step(need, service="Serrato"))
    assert 'name="closed_is_known"' in asked.content.decode()
    typed = first_step(need, service="Serrato", closed_is_known="on")
    assert new(at_desk, need, "reread", typed).status_code == 200
    assert new(at_desk, need, "send", typed, how="spoken", asked_in="it").status_code == 302


def test_without_saying_how_they_agreed_nothing_leaves(at_desk: Client, need: Need, clinic: Service) -> None:
    answer = new(at_desk, need, "send", first_step(need), asked_in="it")
    assert (answer.status_code, "Segna come la persona ha detto di sì." in answer.content.decode()) == (422, True)
    assert Referral.objects.count() == 0


def test_a_colleague_who_was_faster_is_not_overwritten(
    at_desk: Client, need: Need, clinic: Service, carla: User
) -> None:
    typed = first_step(need)
    tell_need(need, by=carla, version=need.version, how="phone")
    answer = new(at_desk, need, "send", typed, how="spoken", asked_in="it")
    assert answer.headers["Location"] == f"/mazzini/banco/bisogni/{need.pk}/"
    need.refresh_from_db()
    Need.objects.filter(pk=need.pk).update(
        state="open", owner=carla, next_on=timezone.localdate(), closed_at=None, told_how=""
    )
    again = new(at_desk, need, "send", typed, how="spoken", asked_in="it")
    shown = again.content.decode()
    assert (again.status_code, "Un collega ha appena cambiato" in shown, "la bolletta" in shown) == (422, True, True)
    assert Referral.objects.count() == 0
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown))
    assert new(at_desk, need, "send", typed | hidden, how="spoken", asked_in="it").status_code == 302


def test_the_service_that_was_noted_at_the_desk_stands_there_already(
    at_desk: Client, mazzini: Lab, anna: User, clinic: Service
) -> None:
    need = make_need(mazzini, anna, AnswerGiven(kind="referral", service=clinic))
    assert 'value="Consultorio familiare"' in page(at_desk, f"{LIST}nuovo/{need.pk}/")


def test_a_service_that_does_not_answer_is_said_before_sending(
    at_desk: Client, need: Need, clinic: Service, anna: User
) -> None:
    for _ in range(3):
        doubt_service(clinic, reason=ServiceDoubt.Reason.NO_REPLY, source=make_user("x").pk, by=anna)
    assert "3 invii senza risposta." in new(at_desk, need, "reread", first_step(need)).content.decode()


def test_of_a_protected_person_no_shared_number_is_offered(
    at_desk: Client, mazzini: Lab, anna: User, need: Need, samira: Person, clinic: Service
) -> None:
    samira.contact_points.all().delete()
    add_contact_point(samira, by=anna, kind="phone", value="333 1111111", is_shared=True)
    Person.objects.filter(pk=samira.pk).update(is_protected=True)
    shown = page(at_desk, f"{LIST}nuovo/{need.pk}/")
    assert ("333 111 1111" in shown, "mai l’indirizzo" in shown) == (False, True)


# --- following ------------------------------------------------------------------------------------------------


def post(client: Client, referral: Referral, act: str, **fields: Any) -> tuple[int, Referral]:
    """Send one act on a referral; give the status and the referral as it is then."""
    referral.refresh_from_db()
    response = client.post(f"{LIST}{referral.pk}/{act}/", {"version": referral.version, **fields})
    referral.refresh_from_db()
    return response.status_code, referral


def test_an_answer_heard_on_the_telephone_is_one_line(at_desk: Client, referral: Referral, anna: User) -> None:
    status, referral = post(at_desk, referral, "risponde", channel="call", state="accepted", words="martedì alle 10")
    assert (status, referral.state) == (302, "accepted")
    event = referral.events.last()
    assert event is not None
    assert (event.kind, event.channel, event.by) == ("accepted", "call", anna)
    shown = page(at_desk, f"{LIST}{referral.pk}/")
    assert [text for text in ("per telefono", "martedì alle 10") if text not in shown] == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"channel": "call", "state": "refused"}, "Scegli il motivo"),
        ({"channel": "link", "state": "accepted"}, "link"),
        ({"channel": "call"}, "Scegli che cosa ha risposto."),
    ],
)
def test_a_line_that_lacks_something_says_what(
    fields: dict[str, str], sentence: str, at_desk: Client, referral: Referral
) -> None:
    answer = at_desk.post(f"{LIST}{referral.pk}/risponde/", {"version": 1, "words": "parole mie", **fields})
    shown = answer.content.decode()
    referral.refresh_from_db()
    assert (answer.status_code, sentence in shown, "parole mie" in shown) == (422, True, True)
    assert referral.state == "sent"


def test_an_answer_that_came_by_link_meanwhile_is_shown_and_nothing_typed_is_lost(
    at_desk: Client, referral: Referral
) -> None:
    answer_referral(referral, state="accepted", channel="link", by=None, version=1)
    sent = {"version": 1, "channel": "call", "state": "refused", "refusal": "no_place", "words": "parole mie"}
    answer = at_desk.post(f"{LIST}{referral.pk}/risponde/", sent)
    shown = answer.content.decode()
    assert (answer.status_code, "Intanto questo invio è cambiato" in shown, "parole mie" in shown) == (422, True, True)


def test_withdrawing_and_reminding(at_desk: Client, referral: Referral) -> None:
    status, referral = post(at_desk, referral, "ricorda")
    assert (status, referral.reminders, len(messages_of(referral, "referral.request"))) == (302, 1, 2)
    status, referral = post(at_desk, referral, "ritira")
    assert (status, referral.state) == (302, "withdrawn")
    shown = page(at_desk, f"{LIST}{referral.pk}/")
    assert "Questo invio è finito." in shown
    for act in ("ricorda", "ritira"):
        assert post(at_desk, referral, act)[1].version == referral.version


@pytest.mark.parametrize("version", ["", "x", "9" * 30, "-1", "²"])
def test_a_version_that_is_no_number_changes_nothing(version: str, at_desk: Client, referral: Referral) -> None:
    for act in ("ritira", "ricorda"):
        assert at_desk.post(f"{LIST}{referral.pk}/{act}/", {"version": version}).status_code == 302
    referral.refresh_from_db()
    assert (referral.state, referral.reminders) == ("sent", 0)


def test_the_outcome_of_a_referral_is_not_written_on_the_page_of_its_need(at_desk: Client, referral: Referral) -> None:
    path = f"/mazzini/banco/bisogni/{referral.need_id}/"
    assert "Segna com’è finita" not in page(at_desk, path)
    answer = at_desk.post(f"/mazzini/banco/risposte/{referral.answer_id}/esito/", {"outcome": "done"}, follow=True)
    assert "Questo invio ha una sua pagina" in answer.content.decode()
    assert Answer.objects.get(pk=referral.answer_id).outcome == ""


def test_an_answer_without_a_referral_leads_nowhere(at_desk: Client, mazzini: Lab, anna: User) -> None:
    given = make_need(mazzini, anna, AnswerGiven(kind="referral", text="x")).answers.get()
    assert at_desk.get(f"{LIST}risposta/{given.pk}/").status_code == 404


# --- the list -----------------------------------------------------------------------------------------------------


def many(lab: Lab, by: User, service: Service, count: int) -> list[Referral]:
    """Give referrals to one service, copied from a first one."""
    first = make_referral(lab, by, service)
    rows = [first]
    for _ in range(count - 1):
        answer = Answer.objects.create(need=first.need, kind="referral", service=service, given_by=by)
        rows.append(
            Referral.objects.create(
                lab=lab,
                reference=new_code(6),
                need=first.need,
                answer=answer,
                service=service,
                service_name=service.name,
                organisation_name=service.organisation.name,
                expires_on=first.expires_on,
                next_reminder_on=first.next_reminder_on,
                consent_version="1",
                consent_language="it",
                consent_how="spoken",
            )
        )
    return rows


def shown_in(client: Client, query: str) -> list[Referral]:
    return list(client.get(f"{LIST}?{query}").context["page"].object_list)


def test_the_list_finds_by_state_by_service_and_by_how_late(
    at_desk: Client, mazzini: Lab, anna: User, clinic: Service
) -> None:
    waiting, late, done = many(mazzini, anna, clinic, 3)
    other = make_referral(mazzini, anna)
    Referral.objects.filter(pk=late.pk).update(reminders=1)
    Referral.objects.filter(pk=done.pk).update(state="done", ended_at=timezone.now(), next_reminder_on=None)
    found = {
        query: set(shown_in(at_desk, query))
        for query in ("", "stato=tutti", "stato=done", "tardi=on", f"servizio={clinic.pk}", "stato=boh&servizio=x")
    }
    assert found == {
        "": {waiting, late, other},
        "stato=tutti": {waiting, late, done, other},
        "stato=done": {done},
        "tardi=on": {late},
        f"servizio={clinic.pk}": {waiting, late},
        "stato=boh&servizio=x": {waiting, late, other},
    }
    assert {row.pk for row in found["tardi=on"]} == {row.pk for row in found["stato=tutti"] if row.is_late}


def test_the_outcomes_of_each_service_and_how_long_they_took(
    at_desk: Client, mazzini: Lab, anna: User, clinic: Service
) -> None:
    rows = many(mazzini, anna, clinic, 5)
    other = make_referral(mazzini, anna, make_service(mazzini, "Patronato", phone="02 1"))
    now = timezone.now()
    for row, state, days in zip(rows[:4], ("accepted", "done", "refused", "expired"), (2, 4, 6, None), strict=True):
        Referral.objects.filter(pk=row.pk).update(
            state=state,
            refusal="other" if state == "refused" else "",
            ended_at=None if state == "accepted" else now,
            next_reminder_on=None,
            answered_at=row.sent_at + timedelta(days=days) if days else None,
        )
    Referral.objects.filter(pk=other.pk).update(sent_at=now - timedelta(days=400))
    figures = at_desk.get(LIST).context["figures"]
    assert [
        (row.name, row.sent, row.accepted, row.refused, row.expired, row.awaiting, round(row.days or 0, 3))
        for row in figures
    ] == [("Consultorio familiare", 5, 2, 1, 1, 1, 4.0)]


def test_the_referrals_of_another_lab_are_nowhere(
    at_desk: Client, mazzini: Lab, milo: Lab, bruno: User, anna: User
) -> None:
    theirs = make_referral(milo, bruno)
    assert (shown_in(at_desk, "stato=tutti"), at_desk.get(LIST).context["figures"]) == ([], [])
    for path in (f"{LIST}{theirs.pk}/", f"/milo/invii/{theirs.pk}/", f"{LIST}nuovo/{theirs.need_id}/"):
        assert at_desk.get(path).status_code == 404


def test_an_institution_reads_no_referral(client: Client, mazzini: Lab, referral: Referral) -> None:
    institution = sign_in(client, make_user("Ist", mazzini, Role.INSTITUTION))
    assert [institution.get(path).status_code for path in (LIST, f"{LIST}{referral.pk}/")] == [403, 403]


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(path).status_code == 200
    return len(caught)


def test_the_list_costs_the_same_with_many(at_desk: Client, mazzini: Lab, anna: User, clinic: Service) -> None:
    many(mazzini, anna, clinic, 25)
    at_desk.get(LIST)
    few = queries(at_desk, LIST)
    many(mazzini, anna, clinic, 75)
    assert (queries(at_desk, LIST), few <= 10) == (few, True)


def test_one_referral_costs_what_it_costs(at_desk: Client, referral: Referral) -> None:
    at_desk.get(f"{LIST}{referral.pk}/")
    assert queries(at_desk, f"{LIST}{referral.pk}/") <= 12


def test_the_page_of_a_link_costs_a_public_page(client: Client, referral: Referral) -> None:
    assert queries(client, f"/mazzini/invio/{link_of(referral)}/") <= 6


def test_sending_costs_the_same_however_much_there_is(
    at_desk: Client, mazzini: Lab, anna: User, clinic: Service, samira: Person
) -> None:
    counts = []
    for existing in (1, 60):
        many(mazzini, anna, clinic, existing)
        need = make_need(mazzini, anna, person=samira)
        with CaptureQueriesContext(connection) as caught:
            assert new(at_desk, need, "send", first_step(need), how="spoken", asked_in="it").status_code == 302
        counts.append(len(caught))
    assert counts[0] == counts[1] <= 60
