"""What is done with a need: today, one act after another, handing over, messages, timelines."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.jobs.services import do_next_work
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Answer, Attempt, Message, MessageDelivery, Need
from ballatoio.care.desk.need_services import log_attempt, tell_need, wait_for_others
from ballatoio.care.desk.services import AnswerGiven
from tests.factories import make_building, make_contact, make_need, make_user, sign_in

INFORMATION = AnswerGiven(kind="information", text="Si fa il martedì")
REFERRAL = AnswerGiven(kind="referral", text="Mandata al consultorio")
TODAY = "/mazzini/banco/"


@pytest.fixture
def at_desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


@pytest.fixture
def samira(mazzini: Lab, anna: User) -> Person:
    return register_person(mazzini, by=anna, given_name="Samira", family_name="Haddad", phone="333 1234567")


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, need: Need, name: str, **fields: Any) -> tuple[int, Need]:
    """Send the form of one act on a need; give the status and the need as it is then."""
    need.refresh_from_db()
    sent = {"version": need.version} | fields
    response = client.post(f"/mazzini/banco/bisogni/{need.pk}/{name}/", sent)
    need.refresh_from_db()
    return response.status_code, need


def link(need: Need) -> str:
    return f'href="/mazzini/banco/bisogni/{need.pk}/'


# --- today ----------------------------------------------------------------------------------------------------


def needs_in_every_state(lab: Lab, by: User, person: Person) -> list[Need]:
    """One need for each way of being open: just heard, answered, waiting, late, for later, escalated."""
    heard, answered, referred, waiting, late, later, escalated = (
        make_need(lab, by, *answers, person=person) for answers in ((), (INFORMATION,), (REFERRAL,), (), (), (), ())
    )
    day = timezone.localdate()
    wait_for_others(waiting, by=by, version=1, next_on=day)
    for need, on in ((heard, 0), (late, -3), (later, 40), (escalated, -20)):
        Need.objects.filter(pk=need.pk).update(next_on=day + timedelta(days=on))
    Need.objects.filter(pk=escalated.pk).update(escalated_at=timezone.now())
    return [heard, answered, referred, waiting, late, later, escalated]


def test_every_open_need_is_in_the_day_of_its_owner_and_no_closed_one(
    at_desk: Client, mazzini: Lab, anna: User, samira: Person
) -> None:
    opened = needs_in_every_state(mazzini, anna, samira)
    closed = make_need(mazzini, anna, INFORMATION, told=True)
    shown = page(at_desk, TODAY)
    assert ([need for need in opened if link(need) not in shown], link(closed) in shown) == ([], False)
    day = at_desk.get(TODAY).context["day"]
    parts = [day.escalated, day.late, day.due, day.to_tell, day.later]
    assert [part.total for part in parts] == [1, 1, 2, 1, 2]


def test_nobody_else_finds_my_needs_in_their_day_but_the_coordinator_sees_what_is_escalated(
    mazzini: Lab, anna: User, carla: User, elena: User, samira: Person
) -> None:
    opened = needs_in_every_state(mazzini, anna, samira)
    hers = page(sign_in(Client(), carla), TODAY)
    assert [need for need in opened if link(need) in hers] == []
    coordinator = sign_in(Client(), elena).get(TODAY)
    shown = coordinator.content.decode()
    assert [need for need in opened if link(need) in shown] == [opened[-1]]
    assert [(load.owner, load.needs, load.late) for load in coordinator.context["day"].loads] == [(anna, 7, 2)]


def test_an_empty_day_is_calm(at_desk: Client, mazzini: Lab) -> None:
    assert "Per oggi non c’è niente in sospeso" in page(at_desk, TODAY)


def test_one_click_from_the_day_tells_notes_a_try_and_moves_the_date(
    at_desk: Client, mazzini: Lab, anna: User, samira: Person
) -> None:
    told, tried, moved = (make_need(mazzini, anna, INFORMATION, person=samira) for _ in range(3))
    base = "/mazzini/banco/bisogni/"
    back = {"back": TODAY}
    answers = [
        at_desk.post(f"{base}{told.pk}/avvisa/", {"version": 1, "how": "phone"} | back),
        at_desk.post(f"{base}{tried.pk}/tentativo/", {"version": 1, "channel": "phone", "outcome": "no_reply"} | back),
        at_desk.post(f"{base}{moved.pk}/affida/", {"version": 1, "owner": str(anna.pk), "next_on": "+1"} | back),
    ]
    assert [answer.headers["Location"] for answer in answers] == [TODAY] * 3
    for need in (told, tried, moved):
        need.refresh_from_db()
    assert (told.state, told.told_how, tried.attempts.count()) == (Need.State.CLOSED, Need.Told.PHONE, 1)
    assert moved.next_on == add_working_days(mazzini, timezone.localdate(), 1)


@pytest.mark.parametrize("back", ["https://altrove.example/", "//altrove.example/", "javascript:alert(1)"])
def test_an_act_never_leads_to_another_site(back: str, at_desk: Client, mazzini: Lab, anna: User) -> None:
    need = make_need(mazzini, anna, INFORMATION)
    answer = at_desk.post(f"/mazzini/banco/bisogni/{need.pk}/avvisa/", {"version": 1, "how": "phone", "back": back})
    assert answer.headers["Location"] == f"/mazzini/banco/bisogni/{need.pk}/"


# --- one act after another ----------------------------------------------------------------------------------------


def test_the_life_of_a_need(at_desk: Client, mazzini: Lab, anna: User, carla: User, samira: Person) -> None:
    need = make_need(mazzini, anna, person=samira)
    in_five = add_working_days(mazzini, timezone.localdate(), 5)
    assert act(at_desk, need, "affida", owner=str(carla.pk), next_on="+5")[0] == 302
    assert (need.owner, need.next_on) == (carla, in_five)
    assert (act(at_desk, need, "attesa", next_on="+5")[0], need.state) == (302, Need.State.WAITING)
    given = {"kind": "practical_help", "text": "Domanda inviata", "outside_reference": "PR-9", "deadline_on": "31/12"}
    assert (act(at_desk, need, "risposta", **given)[0], need.state) == (302, Need.State.ANSWERED)
    assert (act(at_desk, need, "avvisa", how="letter")[0], need.state) == (302, Need.State.CLOSED)
    assert (act(at_desk, need, "riapri", owner=str(anna.pk), next_on="+1")[0], need.state) == (302, Need.State.OPEN)
    told = {"kind": "information", "text": "Di nuovo", "told_how": "face_to_face"}
    assert (act(at_desk, need, "risposta", **told)[0], need.state) == (302, Need.State.CLOSED)
    shown = page(at_desk, f"/mazzini/banco/bisogni/{need.pk}/")
    assert [text for text in ("Domanda inviata", "PR-9", "Di nuovo", "Di persona".lower()) if text not in shown] == []


def test_unreachable_only_after_three_tries(at_desk: Client, mazzini: Lab, anna: User, samira: Person) -> None:
    need = make_need(mazzini, anna, INFORMATION, person=samira)
    status, need = act(at_desk, need, "chiudi", state="unreachable")
    assert (status, need.state) == (422, Need.State.ANSWERED)
    for version in range(need.version, need.version + 3):
        log_attempt(need, by=anna, version=version, channel="phone", outcome=Attempt.Outcome.NO_REPLY)
    need.refresh_from_db()
    status, need = act(at_desk, need, "chiudi", state="unreachable")
    assert (status, need.state, need.told_how) == (302, Need.State.UNREACHABLE, "")


def test_who_is_known_cannot_be_closed_as_anonymous(at_desk: Client, mazzini: Lab, anna: User, samira: Person) -> None:
    known, nobody = make_need(mazzini, anna, INFORMATION, person=samira), make_need(mazzini, anna, INFORMATION)
    assert 'value="cannot_be_told"' not in page(at_desk, f"/mazzini/banco/bisogni/{known.pk}/")
    assert (act(at_desk, known, "chiudi", state="cannot_be_told")[0], known.is_open) == (422, True)
    assert (act(at_desk, nobody, "chiudi", state="cannot_be_told")[0], nobody.state) == (302, Need.State.CANNOT_BE_TOLD)


def test_a_colleague_who_was_faster_is_not_overwritten(at_desk: Client, mazzini: Lab, anna: User, carla: User) -> None:
    need = make_need(mazzini, anna, INFORMATION)
    tell_need(need, by=carla, version=1, how="phone")
    sent = {"version": 1, "kind": "information", "text": "la mia risposta lunga"}
    answer = at_desk.post(f"/mazzini/banco/bisogni/{need.pk}/risposta/", sent)
    shown = answer.content.decode()
    assert (answer.status_code, "Un collega ha appena cambiato" in shown, "la mia risposta lunga" in shown) == (
        422,
        True,
        True,
    )
    assert Answer.objects.count() == 1


BAD_ACTS: list[tuple[str, dict[str, str], str]] = [
    ("risposta", {"kind": "information", "text": "una risposta", "deadline_on": "99/99"}, "«99/99» non è un giorno"),
    ("risposta", {"kind": "not_for_us"}, "dove può andare"),
    ("affida", {"owner": "", "next_on": "ieri"}, "«ieri» non è un giorno"),
    ("attesa", {"next_on": ""}, "obbligatorio"),
    ("avvisa", {}, "obbligatorio"),
    ("chiudi", {"state": "closed"}, "closed"),
]


@pytest.mark.parametrize(("name", "typed", "sentence"), BAD_ACTS)
def test_a_bad_act_says_what_to_do_and_keeps_what_was_typed(
    name: str, typed: dict[str, str], sentence: str, at_desk: Client, mazzini: Lab, anna: User
) -> None:
    need = make_need(mazzini, anna)
    answer = at_desk.post(f"/mazzini/banco/bisogni/{need.pk}/{name}/", {"version": 1} | typed)
    shown = answer.content.decode()
    need.refresh_from_db()
    assert (answer.status_code, need.version, sentence in shown) == (422, 1, True)
    assert typed.get("text", "") in shown


def test_an_owner_who_works_elsewhere_is_refused(at_desk: Client, mazzini: Lab, anna: User, bruno: User) -> None:
    need = make_need(mazzini, anna)
    assert (act(at_desk, need, "affida", owner=str(bruno.pk), next_on="+1")[0], need.owner) == (422, anna)


def test_acts_belong_to_the_lab(at_desk: Client, mazzini: Lab, milo: Lab, bruno: User) -> None:
    need = make_need(milo, bruno, INFORMATION)
    names = ["risposta", "avvisa", "tentativo", "attesa", "affida", "chiudi", "riapri"]
    answers = [at_desk.post(f"/mazzini/banco/bisogni/{need.pk}/{name}/", {"version": 1}) for name in names]
    outcome = at_desk.post(f"/mazzini/banco/risposte/{Answer.objects.get().pk}/esito/", {"outcome": "done"})
    assert [answer.status_code for answer in [*answers, outcome]] == [404] * 8


def test_what_came_of_a_referral_is_written_by_hand(at_desk: Client, mazzini: Lab, anna: User) -> None:
    need = make_need(mazzini, anna, REFERRAL)
    answer = need.answers.get()
    at_desk.post(f"/mazzini/banco/risposte/{answer.pk}/esito/", {"outcome": "refused", "text": "Lista chiusa"})
    answer.refresh_from_db()
    assert (answer.outcome, answer.outcome_on) == ("refused", timezone.localdate())
    assert open_texts(answer) == {"text": "Mandata al consultorio", "outcome": "Lista chiusa"}


# --- the list of needs, handing over ----------------------------------------------------------------------------------


def test_the_list_shows_open_needs_unless_asked_for_others(
    at_desk: Client, mazzini: Lab, anna: User, carla: User
) -> None:
    mine, hers = make_need(mazzini, anna), make_need(mazzini, carla)
    closed = make_need(mazzini, anna, INFORMATION, told=True)
    Need.objects.filter(pk=hers.pk).update(next_on=timezone.localdate() - timedelta(days=1))
    asked: list[tuple[dict[str, str], list[Need]]] = [
        ({}, [mine, hers]),
        ({"di": str(carla.pk)}, [hers]),
        ({"tardi": "on"}, [hers]),
        ({"stato": "closed"}, [closed]),
        ({"stato": "tutti"}, [mine, hers, closed]),
    ]
    for filters, expected in asked:
        found = at_desk.get("/mazzini/banco/bisogni/", filters).context["page"].object_list
        assert sorted(need.pk for need in found) == sorted(need.pk for need in expected), filters
    fragment = at_desk.get("/mazzini/banco/bisogni/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment and link(mine) in fragment


def test_all_of_a_colleague_passes_to_another_in_one_act(
    mazzini: Lab, anna: User, carla: User, elena: User, bruno: User, milo: Lab
) -> None:
    for _ in range(3):
        make_need(mazzini, anna)
    elsewhere = make_need(milo, bruno)
    client = sign_in(Client(), elena)
    shown = page(client, f"/mazzini/banco/bisogni/passaggio/?giver={anna.pk}&taker={carla.pk}")
    assert "3 bisogni passano da Anna a Carla" in shown
    client.post("/mazzini/banco/bisogni/passaggio/", {"giver": str(anna.pk), "taker": str(carla.pk)})
    assert (Need.objects.filter(owner=carla).count(), Need.objects.filter(owner=anna).count()) == (3, 0)
    elsewhere.refresh_from_db()
    assert elsewhere.owner == bruno


def test_an_operator_hands_over_only_their_own(at_desk: Client, mazzini: Lab, anna: User, carla: User) -> None:
    make_need(mazzini, carla)
    at_desk.post("/mazzini/banco/bisogni/passaggio/", {"giver": str(carla.pk), "taker": str(anna.pk)})
    assert Need.objects.get().owner == carla


# --- messages, timelines ----------------------------------------------------------------------------------------


def test_a_message_gets_the_same_answer_whether_anybody_follows_the_person_or_not(
    at_desk: Client, mazzini: Lab, anna: User, carla: User, samira: Person
) -> None:
    alone = register_person(mazzini, by=anna, given_name="Oksana", family_name="Koval")
    make_need(mazzini, carla, person=samira)
    answers = []
    for person in (samira, alone):
        answer = at_desk.post(
            f"/mazzini/banco/persone/{person.pk}/messaggio/", {"text": "Ha cambiato numero"}, follow=True
        )
        answers.append([str(message) for message in answer.context["messages"]])
    assert answers[0] == answers[1] == ["Il messaggio è stato lasciato. Se qualcuno segue questa persona, lo riceve."]
    assert (Message.objects.count(), MessageDelivery.objects.count()) == (2, 0)
    while do_next_work():
        pass
    delivery = MessageDelivery.objects.get()
    assert delivery.user == carla
    hers = sign_in(Client(), carla)
    assert f"/mazzini/banco/messaggi/{delivery.pk}/" in page(hers, TODAY)
    assert "Ha cambiato numero" in page(hers, f"/mazzini/banco/messaggi/{delivery.pk}/")
    assert f"/mazzini/banco/messaggi/{delivery.pk}/" not in page(hers, TODAY)
    assert at_desk.get(f"/mazzini/banco/messaggi/{delivery.pk}/").status_code == 404


def test_a_message_is_left_once(at_desk: Client, mazzini: Lab, samira: Person) -> None:
    sent = {"text": "Ha cambiato numero", "once": "un-gettone"}
    for _ in range(2):
        assert at_desk.post(f"/mazzini/banco/persone/{samira.pk}/messaggio/", sent).status_code == 302
    assert Message.objects.count() == 1
    assert at_desk.post(f"/mazzini/banco/persone/{samira.pk}/messaggio/", {"text": ""}).status_code == 422


def test_the_timeline_of_a_person_and_of_a_house(
    at_desk: Client, mazzini: Lab, anna: User, samira: Person, milo: Lab, bruno: User
) -> None:
    house = make_building(mazzini, "via Panigarola", "7")
    hers = make_contact(mazzini, anna, person=samira, building=house)
    other = make_contact(mazzini, anna)
    of_person = page(at_desk, f"/mazzini/banco/persone/{samira.pk}/")
    of_house = page(at_desk, f"/mazzini/banco/case/{house.pk}/")
    for shown in (of_person, of_house):
        assert (f"contatti/{hers.pk}/" in shown, f"contatti/{other.pk}/" in shown) == (True, False)
    assert "Samira" not in of_house
    stranger = register_person(milo, by=bruno, given_name="Rosa", family_name="Bianchi")
    missing = [f"/mazzini/banco/persone/{stranger.pk}/", f"/mazzini/banco/persone/{stranger.pk}/messaggio/"]
    missing.append(f"/mazzini/banco/case/{make_building(milo).pk}/")
    assert [at_desk.get(path).status_code for path in missing] == [404] * 3


def test_how_to_reach_somebody_warns_when_calling_is_not_safe(
    at_desk: Client, mazzini: Lab, anna: User, samira: Person
) -> None:
    samira.contact_points.update(safe_to_call=False)
    shown = page(at_desk, f"/mazzini/banco/bisogni/{make_need(mazzini, anna, person=samira).pk}/")
    assert ("non chiamare: non è sicuro" in shown, 'href="tel:' in shown) == (True, False)


def test_an_interpreter_acts_on_nothing(mazzini: Lab, anna: User) -> None:
    need = make_need(mazzini, anna, INFORMATION)
    client = sign_in(Client(), make_user("Ines", mazzini, Role.INTERPRETER))
    assert client.post(f"/mazzini/banco/bisogni/{need.pk}/avvisa/", {"version": 1, "how": "phone"}).status_code == 403
