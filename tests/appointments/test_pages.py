"""The desk's pages of appointments, as operators meet them."""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.jobs.models import Draft
from ballatoio.base.jobs.services import new_once_token
from ballatoio.base.labs.models import ClosingDay, Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.base.vault.services import open_texts
from ballatoio.care.appointments.booking import Booker
from ballatoio.care.appointments.models import Appointment, AppointmentKind, Rota, Slot, WaitingPlace
from ballatoio.care.appointments.slot_services import refresh_slots
from ballatoio.care.desk.models import Contact
from tests.factories import make_need, make_term, make_user, sign_in

from .making import NOW, TUESDAY, at, book, booker, join, make_kind, make_rota, make_slot, make_slots

BASE = "/mazzini/appuntamenti/"
NEW = f"{BASE}nuovo/"
TODAY = "/mazzini/banco/"
HTMX = {"HX-Request": "true"}
CANARY = "il vicino urla di notte"
State = Appointment.State


@pytest.fixture(autouse=True)
def monday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def kind(mazzini: Lab) -> AppointmentKind:
    return make_kind(mazzini, "Casa", term=make_term("Affitto"))


@pytest.fixture
def rota(mazzini: Lab, anna: User, kind: AppointmentKind) -> Rota:
    return make_rota(mazzini, anna, kind, interpreter_languages=["ar"])


@pytest.fixture
def samira(mazzini: Lab, anna: User) -> Person:
    return register_person(mazzini, by=anna, given_name="Samira", phone="333 7654321", languages_spoken=["ar"])


@pytest.fixture
def at_desk(client: Client, anna: User) -> Client:
    return sign_in(client, anna)


def text(client: Client, path: str, **asked: str) -> str:
    response = client.get(path, asked)
    assert response.status_code == 200
    return response.content.decode()


def form(slot: Slot | None, kind: AppointmentKind, /, **fields: Any) -> dict[str, Any]:
    """What the browser sends when somebody fixes an appointment for somebody without a file."""
    first = {"slot": str(slot.pk) if slot else "", "kind": str(kind.pk), "language": "it", "channel": "phone"}
    who = {"who": "new", "name": "Nadia", "phone": "333 123 4567", "do": "book", "once": new_once_token()}
    return first | who | fields


# --- who comes in ----------------------------------------------------------------------------------------------

DESK_PAGES = ["", "nuovo/", "codice/", "da-spostare/", "attesa/", "attesa/nuova/", "orari/", "orari/nuovo/"]
DESK_PAGES += ["assenze/nuova/", "calendario/"]
COORDINATOR_PAGES = ["chiusure/", "tipi/", "tipi/nuovo/"]


@pytest.mark.parametrize("path", [*DESK_PAGES, *COORDINATOR_PAGES])
def test_the_pages_open_to_those_who_work_there_and_to_nobody_else(
    path: str, mazzini: Lab, anna: User, bruno: User, carla: User, dario: User, elena: User, kind: AppointmentKind
) -> None:
    interpreter = make_user("Ines", mazzini, Role.INTERPRETER)
    desk = 200 if path in DESK_PAGES else 403
    expected = {anna: desk, carla: desk, elena: 200, bruno: 404, dario: 404, interpreter: 403}
    answers = {user: sign_in(Client(), user).get(BASE + path).status_code for user in expected}
    assert answers == expected
    assert Client().get(BASE + path).status_code == 302


def test_an_appointment_of_another_lab_answers_like_a_missing_one(
    milo: Lab, bruno: User, at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    theirs = make_kind(milo, "Casa")
    foreign = book(make_slot(make_rota(milo, bruno, theirs), at(TUESDAY, 9)), theirs, by=bruno)
    for path in ("", "sposta/", "foglio.pdf"):
        assert at_desk.get(f"{BASE}{foreign.pk}/{path}").status_code == 404
    for path in ("arrivata/", "segna/", "annulla/", "va-bene/"):
        assert at_desk.post(f"{BASE}{foreign.pk}/{path}").status_code == 404
    # Nor can a time of theirs be booked from here.
    slot = make_slot(Rota.objects.get(lab=milo), at(TUESDAY, 10))
    assert at_desk.post(NEW, form(slot, kind)).status_code == 422


def test_everybody_keeps_their_own_hours_and_the_coordinator_those_of_all(
    at_desk: Client, mazzini: Lab, anna: User, carla: User, elena: User, kind: AppointmentKind
) -> None:
    hers, mine = make_rota(mazzini, carla, kind), make_rota(mazzini, anna, kind)
    boss = sign_in(Client(), elena)
    assert [at_desk.get(f"{BASE}orari/{rota.pk}/").status_code for rota in (mine, hers)] == [200, 403]
    assert [boss.get(f"{BASE}orari/{rota.pk}/").status_code for rota in (mine, hers)] == [200, 200]
    ends = {"on": "oggi"}
    assert at_desk.post(f"{BASE}orari/{hers.pk}/chiudi/", ends).status_code == 403
    assert at_desk.post(f"{BASE}orari/nuovo/", rota_form(kind, operator=str(carla.pk))).status_code == 403
    assert at_desk.post(f"{BASE}assenze/nuova/", {"operator": str(carla.pk), "first_on": "+1"}).status_code == 403


# --- a new appointment -------------------------------------------------------------------------------------------


def test_who_is_on_the_telephone_gets_a_time_and_a_code(
    at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    slot = make_slot(rota, at(TUESDAY, 10))
    assert "10:00" in text(at_desk, NEW)
    response = at_desk.post(NEW, form(slot, kind, words=CANARY))
    appointment = Appointment.objects.get()
    assert response.headers["Location"] == f"{BASE}{appointment.pk}/"
    texts = open_texts(appointment)
    assert (appointment.slot, appointment.channel, appointment.booked_by) == (slot, "phone", anna)
    assert (texts["name"], texts["phone"], texts["words"]) == ("Nadia", "+39 333 123 4567", CANARY)
    shown = text(at_desk, response.headers["Location"])
    for part in (CANARY, "Nadia", texts["code"][:5], texts["code"][5:]):
        assert part in shown
    assert AuditEntry.objects.filter(verb="appointment.read", actor_id=anna.pk).count() == 1
    # Nothing was sent at once: the code was read aloud.
    assert not Delivery.objects.filter(kind="appointment.booked").exists()


def test_from_a_need_person_language_and_kind_are_known(
    at_desk: Client, mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    make_kind(mazzini, "Ascolto")
    need = make_need(mazzini, anna, person=samira, language="ar")
    slot = make_slot(rota, at(TUESDAY, 10))
    assert f'href="{NEW}?bisogno={need.pk}&amp;lingua=ar"' in text(at_desk, f"/mazzini/banco/bisogni/{need.pk}/")
    shown = at_desk.get(NEW, {"bisogno": str(need.pk)})
    typed = shown.context["form"]
    assert (typed.initial["kind"], typed.initial["language"], shown.context["chosen"]) == (
        str(kind.pk),
        "ar",
        str(samira.pk),
    )
    known = {"who": "known", "person": str(samira.pk), "need": str(need.pk), "language": "ar"}
    at_desk.post(NEW, form(slot, kind, **known))
    appointment = Appointment.objects.get()
    assert (appointment.person, appointment.need, appointment.language) == (samira, need, "ar")


def test_the_need_of_somebody_else_is_not_tied_to_an_appointment(
    at_desk: Client, mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    need = make_need(mazzini, anna, person=samira)
    at_desk.post(NEW, form(make_slot(rota, at(TUESDAY, 10)), kind, need=str(need.pk)))
    assert Appointment.objects.get().need is None


def test_a_person_of_another_lab_cannot_be_chosen(
    at_desk: Client, milo: Lab, bruno: User, rota: Rota, kind: AppointmentKind
) -> None:
    stranger = register_person(milo, by=bruno, given_name="Rosa")
    known = {"who": "known", "person": str(stranger.pk)}
    response = at_desk.post(NEW, form(make_slot(rota, at(TUESDAY, 10)), kind, **known))
    assert (response.status_code, Appointment.objects.count()) == (422, 0)
    assert "Rosa" not in response.content.decode()


def test_the_free_times_follow_what_is_asked_and_htmx_gets_them_alone(
    at_desk: Client, mazzini: Lab, carla: User, rota: Rota, kind: AppointmentKind
) -> None:
    make_slot(rota, at(TUESDAY, 9))
    make_slot(make_rota(mazzini, carla, kind, opens=time(15), closes=time(17)), at(TUESDAY, 15))

    def hours_shown(**asked: str) -> list[str]:
        sent = form(None, kind, **asked) | {"do": ""}
        response = at_desk.post(NEW, sent, headers=HTMX)
        assert "<html" not in response.content.decode()
        days = response.context["offering"].days
        return [timezone.localtime(choice.slot.starts_at).strftime("%H:%M") for day in days for choice in day.choices]

    assert hours_shown() == ["09:00", "15:00"]
    assert hours_shown(operator=str(carla.pk)) == ["15:00"]
    assert hours_shown(language="ar", only_language="on") == ["09:00"]
    assert hours_shown(language="sq", only_language="on") == []
    assert hours_shown(first_on="25/11") == []
    assert hours_shown(later="2026-11-24") == ["09:00", "15:00"]


def test_what_was_typed_stays_when_the_time_was_taken_in_the_meantime(
    at_desk: Client, carla: User, rota: Rota, kind: AppointmentKind
) -> None:
    slot, other = make_slots(rota, 2)
    book(slot, kind, by=carla)
    response = at_desk.post(NEW, form(slot, kind, words=CANARY))
    shown = response.content.decode()
    assert (response.status_code, Appointment.objects.count()) == (422, 1)
    assert "appena stato preso" in shown
    for part in (CANARY, 'value="Nadia"', str(other.pk)):
        assert part in shown


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"slot": ""}, "Scegli un orario."),
        ({"slot": "non-un-posto"}, "Scegli un orario."),
        ({"name": ""}, "Scrivi un nome, anche inventato"),
        ({"who": "known"}, "Scegli la persona dall’elenco"),
        ({"phone": "telefono"}, "contiene lettere"),
        ({"email": "nadia"}, "nome@esempio.it"),
        ({"kind": "inventato"}, "Scegli per che cosa è l’appuntamento"),
        ({"slot": "own"}, "Scrivi il giorno e l’ora"),
        ({"slot": "own", "own_on": "+1", "own_at": "venticinque"}, "Scrivi l’ora così"),
        ({"words": "la password è: 1234"}, "Sembra che ci sia una password"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence_and_nothing_is_saved(
    fields: dict[str, str], sentence: str, at_desk: Client, rota: Rota, kind: AppointmentKind
) -> None:
    response = at_desk.post(NEW, form(make_slot(rota, at(TUESDAY, 10)), kind, **fields))
    assert (response.status_code, Appointment.objects.count()) == (422, 0)
    assert sentence in response.content.decode()


def test_a_time_outside_the_open_ones_is_made_for_one_appointment(
    at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    own = {"slot": "own", "own_on": "26/11", "own_at": "16:15", "own_minutes": "50", "own_place": "a casa sua"}
    assert at_desk.post(NEW, form(None, kind, **own)).status_code == 302
    slot = Appointment.objects.get().slot
    assert (slot.starts_at, slot.ends_at - slot.starts_at) == (
        at(TUESDAY + timedelta(2), 16, 15),
        timedelta(minutes=50),
    )
    assert (slot.operator, slot.place, slot.state) == (anna, "a casa sua", Slot.State.SINGLE)
    refused = at_desk.post(NEW, form(None, kind, **own | {"own_at": "16:30"}))
    assert (refused.status_code, "ha già un appuntamento" in refused.content.decode()) == (422, True)


def test_a_double_click_leads_to_the_same_appointment(at_desk: Client, rota: Rota, kind: AppointmentKind) -> None:
    sent = form(make_slot(rota, at(TUESDAY, 10)), kind)
    first, second = at_desk.post(NEW, sent), at_desk.post(NEW, sent)
    assert first.headers["Location"] == second.headers["Location"]
    assert Appointment.objects.count() == 1


# --- one appointment -----------------------------------------------------------------------------------------------


def test_who_arrives_has_their_contact_begun_in_one_click(
    monday: time_machine.Traveller, at_desk: Client, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    appointment = book(
        make_slot(rota, at(TUESDAY, 10)), kind, by=None, booker=Booker(samira, words=CANARY), language="ar"
    )
    monday.move_to(at(TUESDAY, 9, 55))
    at_desk.force_login(rota.operator)
    sign_in(at_desk, rota.operator)
    assert f"{BASE}{appointment.pk}/arrivata/" in text(at_desk, TODAY)
    response = at_desk.post(f"{BASE}{appointment.pk}/arrivata/", {"back": TODAY})
    draft = Draft.objects.get()
    assert response.headers["Location"] == f"/mazzini/banco/contatti/nuovo/?bozza={draft.pk}"
    shown = text(at_desk, response.headers["Location"])
    assert f'value="{samira.pk}" id="persona-{samira.pk}" checked' in shown
    for part in (CANARY, 'value="Affitto"', '<option value="ar" selected>'):
        assert part in shown
    appointment.refresh_from_db()
    assert (appointment.state, Contact.objects.count()) == (State.KEPT, 0)


def test_a_click_says_how_it_went_and_leads_back(
    monday: time_machine.Traveller, at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna)
    page = f"{BASE}{appointment.pk}/segna/"
    at_desk.post(page, {"how": "not_come"})
    appointment.refresh_from_db()
    assert appointment.state == State.BOOKED
    monday.move_to(at(TUESDAY, 10, 31))
    sign_in(at_desk, anna)
    assert at_desk.post(page, {"how": "not_come", "back": TODAY}).headers["Location"] == TODAY
    assert at_desk.post(page, {"how": "inventato"}).status_code == 302
    appointment.refresh_from_db()
    assert (appointment.state, appointment.missed) == (State.NO_SHOW, "not_come")


@pytest.mark.parametrize("back", ["https://altrove.example/", "//altrove.example/", "javascript:alert(1)"])
def test_an_act_never_leads_to_another_site(
    back: str, at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna)
    answer = at_desk.post(f"{BASE}{appointment.pk}/segna/", {"how": "kept", "back": back})
    assert answer.headers["Location"] == f"{BASE}{appointment.pk}/"


def test_the_lab_cancels_with_a_reason_or_not_at_all(
    at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna)
    page = f"{BASE}{appointment.pk}/annulla/"
    refused = at_desk.post(page, {"who": "lab", "reason": ""})
    assert (refused.status_code, "ha diritto di saperlo" in refused.content.decode()) == (422, True)
    assert at_desk.post(page, {"who": "lab", "reason": "sciopero"}).status_code == 302
    appointment.refresh_from_db()
    assert appointment.state == State.CANCELLED_BY_LAB
    assert "sciopero" in text(at_desk, f"{BASE}{appointment.pk}/")


def test_moving_shows_the_free_times_and_leads_to_the_new_one(
    at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    first, second = make_slots(rota, 2)
    appointment = book(first, kind, by=anna)
    page = f"{BASE}{appointment.pk}/sposta/"
    assert str(second.pk) in text(at_desk, page)
    assert at_desk.post(page, {"slot": ""}).status_code == 422
    response = at_desk.post(page, {"slot": str(second.pk), "reason": "riunione"})
    moved = Appointment.objects.get(slot=second)
    assert response.headers["Location"] == f"{BASE}{moved.pk}/"
    old = text(at_desk, f"{BASE}{appointment.pk}/")
    assert (f"{BASE}{moved.pk}/" in old, "riunione" in old) == (True, True)


def test_the_slip_is_a_pdf_in_the_language_of_who_has_it(
    at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna, booker=booker(samira), language="ar")
    response = at_desk.get(f"{BASE}{appointment.pk}/foglio.pdf")
    assert (response["Content-Type"], response["Content-Language"]) == ("application/pdf", "ar")
    assert response.content.startswith(b"%PDF-")


def test_a_code_read_aloud_opens_the_appointment_and_a_wrong_one_nothing(
    at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    first, second = make_slots(rota, 2)
    appointment = book(first, kind, by=None)
    code = open_texts(appointment)["code"]
    spoken = f"{code[:5].lower()} - {code[5:]}"
    assert at_desk.post(f"{BASE}codice/", {"code": spoken}).headers["Location"] == f"{BASE}{appointment.pk}/"
    at_desk.post(f"{BASE}{appointment.pk}/sposta/", {"slot": str(second.pk)})
    moved = Appointment.objects.get(slot=second)
    assert at_desk.post(f"{BASE}codice/", {"code": code}).headers["Location"] == f"{BASE}{moved.pk}/"
    assert at_desk.post(f"{BASE}codice/", {"code": "AAAAAAAAAA"}).status_code == 422


def test_the_appointments_of_a_person_are_found_from_their_file(
    at_desk: Client, mazzini: Lab, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    appointment = book(make_slot(rota, at(TUESDAY, 10)), kind, by=anna, booker=booker(samira))
    place = join(make_kind(mazzini, "Ascolto"), by=anna, booker=booker(samira))
    page = f"{BASE}persone/{samira.pk}/"
    assert f'href="{page}"' in text(at_desk, f"/mazzini/persone/{samira.pk}/")
    shown = text(at_desk, page)
    assert (f"{BASE}{appointment.pk}/" in shown, f"{BASE}attesa/{place.pk}/" in shown) == (True, True)
    assert AuditEntry.objects.filter(verb="appointment.list", subject_id=samira.pk).count() == 1


# --- lists -------------------------------------------------------------------------------------------------------


def test_no_list_shows_what_was_told_in_confidence(
    monday: time_machine.Traveller, at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    secret = Booker(name="Nadia Segreta", phone="+39 333 123 4567", words=CANARY)
    book(make_slot(rota, at(TUESDAY, 10)), kind, by=None, booker=secret)
    join(make_kind(kind.lab, "Ascolto"), booker=secret)
    Slot.objects.update(state=Slot.State.STRANDED)
    monday.move_to(at(TUESDAY, 8))
    sign_in(at_desk, anna)
    for path in (BASE, f"{BASE}?di={anna.pk}", f"{BASE}da-spostare/", f"{BASE}attesa/", TODAY):
        shown = text(at_desk, path)
        assert [part for part in ("Segreta", CANARY, "333 123") if part in shown] == []


def test_the_week_of_one_operator_shows_free_and_held_times_that_of_the_desk_counts_them(
    at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind
) -> None:
    slots = make_slots(rota, 4)
    taken = book(slots[0], kind, by=anna)
    mine = at_desk.get(BASE, {"di": str(anna.pk)}).context["week"]
    day = next(day for day in mine.days if day.on == TUESDAY)
    assert [(row.slot, row.appointment) for row in day.rows] == [
        (slots[0], taken),
        *[(slot, None) for slot in slots[1:]],
    ]
    whole = at_desk.get(BASE).context["week"]
    day = next(day for day in whole.days if day.on == TUESDAY)
    assert ([row.appointment for row in day.rows], day.free) == ([taken], 3)
    assert [day.on.weekday() for day in whole.days] == [0, 1, 2, 3, 4]
    later = at_desk.get(BASE, {"dal": "2026-12-01"}).context["week"]
    assert (later.first_on, later.days[0].rows) == (TUESDAY + timedelta(6), [])


@pytest.mark.parametrize("asked", ["ieri", "9999-99-99", "0001-01-01", "2026-11-24T10:00"])
def test_a_week_that_makes_no_sense_is_this_week(asked: str, at_desk: Client, kind: AppointmentKind) -> None:
    assert at_desk.get(BASE, {"dal": asked}).context["week"].first_on == NOW.date()


def test_a_closing_day_lists_what_is_to_be_moved_and_one_act_moves_it(
    mazzini: Lab, anna: User, elena: User, rota: Rota, kind: AppointmentKind
) -> None:
    boss = sign_in(Client(), elena)
    refresh_slots(mazzini, by=elena)
    slot = Slot.objects.order_by("starts_at")[0]
    appointment = book(slot, kind, by=anna)
    closed = boss.post(f"{BASE}chiusure/", {"on": "24/11", "reason": "inventario"})
    assert closed.headers["Location"] == f"{BASE}da-spostare/"
    shown = boss.get(f"{BASE}da-spostare/")
    assert [(row.pk, to.starts_at) for row, to in shown.context["rows"]] == [
        (appointment.pk, at(TUESDAY + timedelta(7), 9))
    ]
    once = {"once": new_once_token(), "chosen": str(appointment.pk), "do": "move"}
    assert boss.post(f"{BASE}da-spostare/", once | {"reason": ""}).status_code == 422
    for _ in range(2):
        assert boss.post(f"{BASE}da-spostare/", once | {"reason": "inventario"}).status_code == 302
    assert list(Appointment.objects.to_come().values_list("slot__starts_at", flat=True)) == [
        at(TUESDAY + timedelta(7), 9)
    ]
    assert Delivery.objects.filter(kind="appointment.moved").count() == 1
    boss.post(f"{BASE}chiusure/riapri/", {"on": "2026-11-24"})
    assert ClosingDay.objects.filter(lab=mazzini).count() == 0
    assert Slot.objects.free().filter(starts_at__date=TUESDAY).count() == 4


def test_nobody_moves_appointments_of_another_lab_in_one_act(
    milo: Lab, bruno: User, at_desk: Client, rota: Rota, kind: AppointmentKind
) -> None:
    theirs = make_kind(milo, "Casa")
    foreign = book(make_slot(make_rota(milo, bruno, theirs), at(TUESDAY, 9)), theirs, by=bruno)
    Slot.objects.update(state=Slot.State.STRANDED)
    sent = {"once": new_once_token(), "chosen": str(foreign.pk), "do": "cancel", "reason": "x"}
    at_desk.post(f"{BASE}da-spostare/", sent)
    foreign.refresh_from_db()
    assert foreign.is_booked


# --- the waiting list ----------------------------------------------------------------------------------------------


def test_the_desk_puts_somebody_in_line_and_answers_for_them(
    at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind, samira: Person
) -> None:
    taken = book(make_slot(rota, at(TUESDAY + timedelta(7), 10)), kind, by=anna)
    sent = {"kind": str(kind.pk), "language": "ar", "who": "known", "person": str(samira.pk), "channel": "phone"}
    response = at_desk.post(f"{BASE}attesa/nuova/", sent | {"do": "join", "once": new_once_token()})
    place = WaitingPlace.objects.get()
    page = f"{BASE}attesa/{place.pk}/"
    assert (response.headers["Location"], place.person, place.joined_by) == (page, samira, anna)
    assert "Nessun" not in text(at_desk, f"{BASE}attesa/")
    at_desk.post(f"{BASE}{taken.pk}/annulla/", {"who": "person"})
    assert "Dice di sì" in text(at_desk, page)
    accepted = at_desk.post(f"{page}accetta/")
    appointment = Appointment.objects.to_come().get()
    assert accepted.headers["Location"] == f"{BASE}{appointment.pk}/"
    assert (appointment.person, appointment.slot) == (samira, taken.slot)
    assert at_desk.post(f"{page}rifiuta/").headers["Location"] == page
    assert "non è più tenuto" in text(at_desk, page)


def test_nobody_is_put_in_line_for_what_is_free(at_desk: Client, rota: Rota, kind: AppointmentKind) -> None:
    make_slot(rota, at(TUESDAY, 10))
    sent = {"kind": str(kind.pk), "language": "it", "who": "new", "name": "Nadia", "phone": "3331234567"}
    refused = at_desk.post(f"{BASE}attesa/nuova/", sent | {"channel": "phone", "do": "join"})
    assert (refused.status_code, WaitingPlace.objects.count()) == (422, 0)
    assert "C’è già un orario libero" in refused.content.decode()


def test_leaving_and_refusing_from_the_desk(at_desk: Client, anna: User, rota: Rota, kind: AppointmentKind) -> None:
    taken = book(make_slot(rota, at(TUESDAY + timedelta(7), 10)), kind, by=anna)
    first, second = join(kind), join(kind)
    at_desk.post(f"{BASE}{taken.pk}/annulla/", {"who": "person"})
    at_desk.post(f"{BASE}attesa/{first.pk}/rifiuta/")
    at_desk.post(f"{BASE}attesa/{first.pk}/togli/")
    first.refresh_from_db(), second.refresh_from_db()
    assert (first.state, second.state) == (WaitingPlace.State.LEFT, WaitingPlace.State.OFFERED)


# --- hours, kinds, rules --------------------------------------------------------------------------------------


def rota_form(kind: AppointmentKind, /, **fields: Any) -> dict[str, Any]:
    """What the browser sends for hours on Tuesdays from 9 to 11."""
    given = {"weekday": "1", "opens": "09:00", "closes": "11:00", "kinds": [str(kind.pk)], "languages": ["it"]}
    return given | {"is_public": "on", "valid_from": "23/11/2026", "once": new_once_token()} | fields


def test_hours_are_kept_from_the_page_and_open_their_times(
    at_desk: Client, mazzini: Lab, anna: User, kind: AppointmentKind
) -> None:
    sent = rota_form(kind, interpreter_languages=["ar"], valid_to="24/11/2026")
    for _ in range(2):
        assert at_desk.post(f"{BASE}orari/nuovo/", sent).status_code == 302
    rota = Rota.objects.get()
    assert (rota.operator, rota.interpreter_languages, list(rota.kinds.all())) == (anna, ["ar"], [kind])
    assert Slot.objects.count() == 4
    page = f"{BASE}orari/{rota.pk}/"
    change = rota_form(kind, version="1", closes="10:00", valid_to="24/11/2026")
    assert at_desk.post(page, change).status_code == 302
    assert Slot.objects.count() == 2
    late = at_desk.post(page, change | {"place": "stanza 4"})
    shown = late.content.decode()
    assert (late.status_code, 'value="stanza 4"' in shown, 'name="version" value="2"' in shown) == (409, True, True)
    assert at_desk.post(f"{page}chiudi/", {"on": "oggi"}).status_code == 302
    assert Slot.objects.count() == 0


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"closes": "08:00"}, "Deve finire dopo che è cominciato"),
        ({"closes": "09:20"}, "Non ci sta nemmeno un appuntamento"),
        ({"kinds": []}, "Scegli almeno una cosa"),
        ({"languages": []}, "Scegli almeno una lingua"),
        ({"valid_from": "31/2"}, "non è un giorno del calendario"),
        ({"valid_to": "1/11/2026"}, "viene dopo il primo"),
    ],
)
def test_hours_that_make_no_sense_are_said(
    fields: dict[str, Any], sentence: str, at_desk: Client, kind: AppointmentKind
) -> None:
    response = at_desk.post(f"{BASE}orari/nuovo/", rota_form(kind, **fields))
    assert (response.status_code, Rota.objects.count()) == (422, 0)
    assert sentence in response.content.decode()


def test_days_off_are_kept_from_the_page(at_desk: Client, mazzini: Lab, anna: User, rota: Rota) -> None:
    refresh_slots(mazzini, by=None)
    free = Slot.objects.count()
    sent = {"operator": str(anna.pk), "first_on": "24/11", "once": new_once_token()}
    assert at_desk.post(f"{BASE}assenze/nuova/", sent | {"from_time": "09:00"}).status_code == 422
    assert at_desk.post(f"{BASE}assenze/nuova/", sent).status_code == 302
    assert Slot.objects.count() == free - 4
    absence = rota.lab.pk and at_desk.get(f"{BASE}orari/").context["absences"][0]
    at_desk.post(f"{BASE}assenze/{absence.pk}/togli/")
    assert Slot.objects.count() == free


def test_a_kind_has_its_name_in_each_language_of_the_pages(mazzini: Lab, elena: User, client: Client) -> None:
    boss = sign_in(client, elena)
    sent = {"name": "Casa", "minutes": "30", "bring": "Il contratto", "is_public": "on", "is_active": "on"}
    other = {"name_en": "Home", "bring_en": "The contract", "name_ar": "السكن", "reviewed_ar": "on"}
    assert boss.post(f"{BASE}tipi/nuovo/", sent | other).status_code == 302
    kind = AppointmentKind.objects.get()
    assert (kind.slug, kind.minutes) == ("casa", 30)
    assert boss.post(f"{BASE}tipi/nuovo/", sent).status_code == 422
    assert "Home" in text(Client(), "/en/mazzini/prenota/")
    assert "السكن" in text(Client(), "/ar/mazzini/prenota/")
    page = f"{BASE}tipi/{kind.pk}/"
    shown = boss.get(page).context["form"]
    assert (shown["name_en"].value(), shown["reviewed_ar"].value(), shown["reviewed_en"].value()) == (
        "Home",
        True,
        False,
    )
    # The Italian name changed: what was said of the old one is not shown any more.
    assert boss.post(page, sent | {"name": "Affitto", "version": "1"}).status_code == 302
    assert "Affitto" in text(Client(), "/en/mazzini/prenota/")
    assert boss.post(page, sent | {"version": "1"}).status_code == 409


def test_the_rules_of_the_lab_are_its_own(mazzini: Lab, elena: User, rota: Rota, client: Client) -> None:
    boss = sign_in(client, elena)
    sent = {"weeks_ahead": "2", "lead_hours": "4", "hold_hours": "3", "version": "1"}
    assert boss.post(f"{BASE}tipi/", sent).status_code == 302
    assert Slot.objects.order_by("-starts_at")[0].starts_at < NOW + timedelta(weeks=2, days=1)
    assert boss.post(f"{BASE}tipi/", sent).status_code == 422


# --- today ---------------------------------------------------------------------------------------------------------


def test_today_shows_ones_own_appointments_in_order_and_the_coordinator_those_of_all(
    monday: time_machine.Traveller, mazzini: Lab, anna: User, carla: User, elena: User, kind: AppointmentKind
) -> None:
    mine, hers = make_rota(mazzini, anna, kind), make_rota(mazzini, carla, kind)
    late, early = (
        book(make_slot(mine, at(TUESDAY, 11)), kind, by=anna),
        book(make_slot(mine, at(TUESDAY, 9)), kind, by=anna),
    )
    theirs = book(make_slot(hers, at(TUESDAY, 10)), kind, by=anna)
    book(make_slot(mine, at(TUESDAY + timedelta(1), 9)), kind, by=anna)
    unmarked = book(make_slot(mine, at(NOW.date(), 10)), kind, by=anna)
    monday.move_to(at(TUESDAY, 8))
    agenda = sign_in(Client(), anna).get(TODAY).context["agenda"]
    assert (agenda.today, agenda.of_others, agenda.to_mark) == ([early, late], [], [unmarked])
    agenda = sign_in(Client(), elena).get(TODAY).context["agenda"]
    assert (agenda.today, agenda.of_others, agenda.to_mark) == ([], [early, theirs, late], [unmarked])
    Slot.objects.filter(pk=late.slot_id).update(state=Slot.State.STRANDED)
    assert sign_in(Client(), anna).get(TODAY).context["agenda"].stranded == 1


# --- what pages cost ------------------------------------------------------------------------------------------


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


LISTS = ["", "?di={anna}", "nuovo/", "da-spostare/", "attesa/", "orari/", "persone/{person}/"]


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_with_25_rows_and_with_100(
    path: str, mazzini: Lab, anna: User, elena: User, kind: AppointmentKind, samira: Person
) -> None:
    rota, waits = make_rota(mazzini, anna, kind), make_kind(mazzini, "Ascolto")
    client = sign_in(Client(), elena)
    address = BASE + path.format(anna=anna.pk, person=samira.pk)

    def fill(first: int, count: int) -> None:
        rows = range(first, first + count)
        taken = [make_slot(rota, NOW + timedelta(minutes=30 * row)) for row in rows]
        Slot.objects.filter(pk__in=[slot.pk for slot in taken]).update(state=Slot.State.STRANDED)
        common = {"lab": mazzini, "person": samira, "channel": "desk"}
        Appointment.objects.bulk_create(Appointment(slot=slot, kind=kind, **common) for slot in taken)
        WaitingPlace.objects.bulk_create(WaitingPlace(kind=waits, number=row, **common) for row in rows)
        for row in rows:
            make_slot(rota, NOW + timedelta(days=40, minutes=30 * row))
            make_rota(mazzini, anna, kind)

    fill(10, 25)
    client.get(address)
    few = queries(client, address)
    fill(35, 75)
    client.get(address)
    # A person's appointments are a reading, which is written down: three more.
    most = 13 if "persone" in path else 10
    assert (queries(client, address), few <= most) == (few, True)
