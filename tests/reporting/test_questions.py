"""Residents' questions go up once a month, masked and without names; the answers come back to whoever asked, once."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
import time_machine
from django.test import Client
from pypdf import PdfReader
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import do_next_work
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import add_contact_point
from ballatoio.base.vault.services import open_texts
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.need_services import tell_need
from ballatoio.oversight.reporting import question_services as services
from ballatoio.oversight.reporting.models import QuestionLine, QuestionSheet, ReturnedAnswer
from ballatoio.oversight.reporting.publication_services import publish_month
from ballatoio.oversight.reporting.question_files import print_questions
from tests.factories import make_building, make_organisation, make_person, make_term, make_user, sign_in
from tests.reporting.test_publication import record

OCTOBER = date(2026, 10, 1)
ROOT = "/mazzini/rendiconto/domande/"
State = QuestionSheet.State


@pytest.fixture(autouse=True)
def on_a_day() -> Iterator[None]:
    with time_machine.travel("2026-11-22 12:00+01:00", tick=False):
        yield


@dataclass
class Asked:
    """October at Mazzini: twelve about mould, six of them from one house; six with ISEE; two about school."""

    lab: Lab
    owner: Organisation
    sheet: QuestionSheet
    line: QuestionLine


@pytest.fixture
def institution(mazzini: Lab) -> Organisation:
    return make_organisation(
        mazzini, name="Ente case", kind=Organisation.Kind.HOUSING, email="domande@ente.example.org"
    )


@pytest.fixture
def people(mazzini: Lab, elena: User) -> list[Person]:
    """One who reads e-mail, one whom nobody may look for."""
    samira, omar = make_person(mazzini, "Samira"), make_person(mazzini, "Omar", reach_by=Person.ReachBy.NOBODY)
    add_contact_point(samira, by=elena, kind="email", value="samira@example.org")
    return [samira, omar]


@pytest.fixture
def asked(mazzini: Lab, elena: User, institution: Organisation, people: list[Person]) -> Asked:
    home = make_term("Casa")
    mould, school, isee = make_term("Muffa", parent=home), make_term("Scuola"), make_term("ISEE")
    house = make_building(mazzini, civic="5")
    samira, omar = people
    record(mazzini, elena, mould, 2, person=samira)
    record(mazzini, elena, mould, 1, person=omar)
    record(mazzini, elena, mould, 9, building=house)
    record(mazzini, elena, school, 2)
    record(mazzini, elena, isee, 6)
    services.assign_topic(mazzini, by=elena, term=home, organisation=institution, source="riunione")
    sheet = services.build_sheets(publish_month(mazzini, OCTOBER))[0]
    return Asked(mazzini, institution, sheet, sheet.lines.get())


def send(asked: Asked, by: User) -> QuestionLine:
    """Word the question and send the sheet; give its line as it stands."""
    words = {asked.line.pk: "Quando si toglie la muffa?"}
    asked.sheet = services.send_sheet(asked.sheet, by=by, version=asked.sheet.version, questions=words)
    return asked.sheet.lines.get()


SAID: dict[str, Any] = {"answered_by": "Ente case", "answered_on": date(2026, 11, 20)}


def answer(asked: Asked, by: User, text: str = "Dal 3 dicembre.") -> QuestionLine:
    line = send(asked, by)
    asked.sheet = services.answer_questions(
        asked.sheet, by=by, version=asked.sheet.version, answers={line.pk: text}, **SAID
    )
    return asked.sheet.lines.get()


def works_for(organisation: Organisation | None, lab: Lab) -> User:
    """Give somebody who reads for an institution."""
    user = make_user("Ivo", lab, Role.INSTITUTION)
    Membership.objects.filter(user=user).update(organisation=organisation)
    return user


def page_of(asked: Asked, end: str = "") -> str:
    return f"{ROOT}{asked.sheet.pk}/{end}"


def test_a_sheet_asks_what_was_published_and_nothing_else(asked: Asked) -> None:
    """School is nobody's, ISEE neither; of the house at least five asked."""
    lines = [(line.topic, line.asked, line.houses, line.question) for line in asked.sheet.lines.all()]
    assert lines == [("Muffa", 12, ["via Panigarola 5"], "")]


def test_a_sheet_is_made_once_and_remembers_the_words_of_last_time(asked: Asked, elena: User) -> None:
    again = services.build_sheets(publish_month(asked.lab, OCTOBER))
    send(asked, elena)
    mould = asked.line.terms.get()
    with time_machine.travel("2026-12-03 12:00+01:00"):
        record(asked.lab, elena, mould, 7, month=11)
        later = services.build_sheets(publish_month(asked.lab, date(2026, 11, 1)))
    assert (again, [sheet.lines.get().question for sheet in later]) == ([], ["Quando si toglie la muffa?"])


def test_the_rest_of_a_topic_is_asked_only_of_one_who_answers_for_all_of_it(asked: Asked, elena: User) -> None:
    home, damp = make_term("Casa"), make_term("Tetto", parent=make_term("Casa"))
    other = make_organisation(asked.lab, name="Ente tetti", kind=Organisation.Kind.INSTITUTION)
    record(asked.lab, elena, damp, 3, month=9)
    record(asked.lab, elena, make_term("Ascensore", parent=home), 4, month=9)
    september = publish_month(asked.lab, date(2026, 9, 1))
    services.assign_topic(asked.lab, by=elena, term=damp, organisation=other)
    assert services.build_sheets(september) == []
    services.assign_topic(asked.lab, by=elena, term=damp, organisation=asked.owner)
    made = services.build_sheets(september)
    assert [(line.topic, line.asked) for sheet in made for line in sheet.lines.all()] == [("Casa", 7)]


def test_a_question_without_words_is_not_sent(asked: Asked, elena: User) -> None:
    with pytest.raises(services.QuestionIsEmpty):
        services.send_sheet(asked.sheet, by=elena, version=1)
    services.drop_question(asked.line, by=elena, version=1, questions={})
    with pytest.raises(services.NothingToAsk):
        services.send_sheet(asked.sheet, by=elena, version=2)


def test_a_sheet_that_was_sent_is_fixed(asked: Asked, elena: User) -> None:
    line = send(asked, elena)
    before = print_questions(asked.sheet)
    version = asked.sheet.version
    for refused in (
        lambda: services.word_questions(asked.sheet, by=elena, version=version, questions={line.pk: "Altro"}),
        lambda: services.drop_question(line, by=elena, version=version, questions={}),
        lambda: services.add_question(asked.sheet, by=elena, term=make_term("ISEE"), question="E l’ISEE?"),
        lambda: services.send_sheet(asked.sheet, by=elena, version=version),
    ):
        with pytest.raises(services.SheetIsSent):
            refused()
    Organisation.objects.filter(pk=asked.owner.pk).update(name="Un altro nome")
    NeedTerm.objects.update(name="Un altro argomento")
    Need.objects.all().delete()
    assert words_of(print_questions(QuestionSheet.objects.get(pk=asked.sheet.pk))) == words_of(before)


def words_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_the_institution_gets_an_email_without_anybody_in_it(asked: Asked, elena: User) -> None:
    send(asked, elena)
    delivery = Delivery.objects.get(kind=services.NOTICE_UP)
    texts = open_texts(delivery)
    assert (texts["to"], "Muffa (12 richieste; almeno 5 da: via Panigarola 5)" in texts["body"]) == (
        "domande@ente.example.org",
        True,
    )
    assert [word for word in ("Samira", "Omar", "Haddad") if word in f"{texts['subject']}{texts['body']}"] == []


def test_an_institution_without_email_gets_paper(asked: Asked, elena: User) -> None:
    asked.owner.email = ""
    asked.owner.save()
    send(asked, elena)
    assert (Delivery.objects.count(), asked.sheet.state) == (0, State.SENT)


def test_answers_move_the_sheet_on(asked: Asked, elena: User) -> None:
    services.add_question(asked.sheet, by=elena, term=make_term("ISEE"), question="Chi aiuta con l’ISEE?")
    sheet = services.send_sheet(asked.sheet, by=elena, version=2, questions={asked.line.pk: "Quando?"})
    first, second = sheet.lines.all()
    states = []
    for answers in ({}, {first.pk: "Sì."}, {second.pk: "No."}, {first.pk: "Sì, subito."}):
        sheet = services.answer_questions(sheet, by=elena, version=sheet.version, answers=answers, **SAID)
        states.append(sheet.state)
    assert states == [State.SENT, State.PARTLY_ANSWERED, State.ANSWERED, State.ANSWERED]
    assert [line.answer for line in sheet.lines.all()] == ["Sì, subito.", "No."]
    with pytest.raises(ChangedElsewhere):
        services.answer_questions(sheet, by=elena, version=1, answers={first.pk: "Forse."}, **SAID)


def test_nobody_answers_a_draft(asked: Asked, elena: User) -> None:
    with pytest.raises(services.SheetIsNotSent):
        services.answer_questions(asked.sheet, by=elena, version=1, answers={asked.line.pk: "Sì"}, **SAID)
    with pytest.raises(services.NotAnswered):
        services.return_answer(asked.line, by=elena, version=1)


def test_the_answer_comes_back_to_whoever_asked_once(asked: Asked, elena: User, people: list[Person]) -> None:
    """Twelve open needs get it, Samira one message for her two, Omar none; ISEE and school get nothing."""
    line = answer(asked, elena)
    returned = services.return_answer(line, by=elena, version=line.version)
    with pytest.raises(services.AnswerIsReturned):
        services.return_answer(returned, by=elena, version=returned.version)
    with pytest.raises(services.AnswerIsReturned):
        services.answer_questions(asked.sheet, by=elena, version=asked.sheet.version, answers={line.pk: "No"}, **SAID)
    for _turn in range(2):
        services.bring_answer(QuestionLine.objects.select_related("returned_by", "sheet").get(pk=line.pk))
    answered = Need.objects.filter(state=Need.State.ANSWERED)
    assert {need.term.name for need in answered.select_related("term") if need.term} == {"Muffa"}
    assert [(need.answers.count(), need.owner) for need in answered] == [(1, elena)] * 12
    assert open_texts(answered[0].answers.get())["text"] == "Ente case risponde (20 novembre 2026): Dal 3 dicembre."
    messages = Delivery.objects.filter(kind=services.NOTICE_BACK)
    assert [(message.person, message.channel) for message in messages] == [(people[0], "email")]
    assert (ReturnedAnswer.objects.count(), ReturnedAnswer.objects.filter(is_told=True).count()) == (12, 2)


def test_the_message_to_a_person_does_not_say_what_they_asked(asked: Asked, elena: User) -> None:
    line = answer(asked, elena)
    services.bring_answer(services.return_answer(line, by=elena, version=line.version))
    texts = open_texts(Delivery.objects.get(kind=services.NOTICE_BACK))
    whole = " ".join(texts[name] for name in ("subject", "body", "short")).lower()
    assert [word for word in ("muffa", "casa", "dicembre", "ente") if word in whole.split()] == []
    assert asked.lab.phone in texts["body"]


@pytest.mark.parametrize(("tells_closed", "messages"), [(False, 0), (True, 1)])
def test_a_closed_need_stays_closed_and_its_person_is_told_when_the_lab_says_so(
    asked: Asked, elena: User, people: list[Person], tells_closed: bool, messages: int
) -> None:
    for need in Need.objects.filter(person=people[0]):
        tell_need(need, by=elena, version=need.version, how=Need.Told.PHONE)
    line = answer(asked, elena)
    services.bring_answer(services.return_answer(line, by=elena, version=line.version, tells_closed=tells_closed))
    states = list(Need.objects.filter(person=people[0]).values_list("state", flat=True))
    told = Delivery.objects.filter(kind=services.NOTICE_BACK).count()
    assert (states, told) == ([Need.State.CLOSED] * 2, messages)


def test_the_job_brings_the_answer_and_says_how_far_it_is(asked: Asked, elena: User) -> None:
    line = answer(asked, elena)
    services.return_answer(line, by=elena, version=line.version)
    work = DueWork.objects.get(kind="reporting.bring_answer")
    DueWork.objects.exclude(pk=work.pk).delete()
    do_next_work()
    work.refresh_from_db()
    assert (work.done_at is not None, work.progress, work.total) == (True, 12, 12)


# --- Who sees what -------------------------------------------------------------------------------------


def test_an_institution_finds_its_own_sheets_once_they_are_sent(asked: Asked, elena: User, client: Client) -> None:
    sign_in(client, works_for(asked.owner, asked.lab))
    before = (client.get(ROOT).content.decode().count("ottobre 2026"), client.get(page_of(asked)).status_code)
    send(asked, elena)
    after = (client.get(ROOT).content.decode().count("ottobre 2026"), client.get(page_of(asked)).status_code)
    assert (before, after) == ((0, 404), (1, 200))


@pytest.mark.parametrize("organisation", ["another", "none"])
def test_an_institution_finds_nobody_elses(asked: Asked, elena: User, client: Client, organisation: str) -> None:
    line = send(asked, elena)
    other = make_organisation(asked.lab, name="Un altro ente") if organisation == "another" else None
    sign_in(client, works_for(other, asked.lab))
    answers = [
        client.get(page_of(asked)).status_code,
        client.get(page_of(asked, "foglio.pdf")).status_code,
        client.post(page_of(asked, "risposte/"), typed_of(asked, line, "x")).status_code,
    ]
    assert (answers, "ottobre" in client.get(ROOT).content.decode()) == ([404, 404, 404], False)
    assert QuestionLine.objects.get(pk=line.pk).answer == ""


def typed_of(asked: Asked, line: QuestionLine, text: str, **other: str) -> dict[str, Any]:
    """Give what a browser sends of the form of a sheet."""
    fields = {"version": asked.sheet.version, f"testo_{line.pk.hex}": text}
    return fields | {"answered_by": "Ivo", "answered_on": "20/11/2026"} | other


def test_an_institution_of_another_lab_finds_nothing(asked: Asked, elena: User, milo: Lab, client: Client) -> None:
    send(asked, elena)
    sign_in(client, works_for(asked.owner, milo))
    assert client.get(page_of(asked)).status_code == 404
    assert client.get(page_of(asked).replace("/mazzini/", "/milo/")).status_code == 404


def test_the_institution_answers_on_its_page(asked: Asked, elena: User, client: Client) -> None:
    line = send(asked, elena)
    sign_in(client, works_for(asked.owner, asked.lab))
    nobody = client.post(page_of(asked, "risposte/"), typed_of(asked, line, "Dal 3 dicembre.", answered_by=""))
    assert (nobody.status_code, "Dal 3 dicembre." in nobody.content.decode()) == (422, True)
    client.post(page_of(asked, "risposte/"), typed_of(asked, line, "Dal 3 dicembre."))
    line.refresh_from_db()
    assert (line.answer, line.answered_by, line.answered_on) == ("Dal 3 dicembre.", "Ivo", date(2026, 11, 20))
    refused = [client.post(page_of(asked, end)).status_code for end in ("manda/", f"{line.pk}/riporta/", "parole/")]
    assert refused == [403, 403, 403]


def test_how_well_they_answer_is_for_the_staff(asked: Asked, elena: User, client: Client) -> None:
    answer(asked, elena)
    sign_in(client, works_for(asked.owner, asked.lab))
    outside = client.get(ROOT).context["progress"]
    sign_in(client, elena)
    inside = client.get(ROOT).context["progress"]
    assert (outside, inside.sent, inside.answered, inside.days) == (None, 1, 1, 0)


# --- Pages ---------------------------------------------------------------------------------------------


def test_a_coordinator_words_sends_and_brings_back(asked: Asked, elena: User, client: Client) -> None:
    sign_in(client, elena)
    line = asked.line
    unsent = client.post(page_of(asked, "manda/"), typed_of(asked, line, ""))
    assert (unsent.status_code, "senza parole" in unsent.content.decode()) == (422, True)
    client.post(page_of(asked, "parole/"), typed_of(asked, line, "Quando si toglie?"))
    asked.sheet.refresh_from_db()
    client.post(page_of(asked, "manda/"), typed_of(asked, line, "Quando si toglie la muffa?"))
    asked.sheet.refresh_from_db()
    client.post(page_of(asked, "risposte/"), typed_of(asked, line, "Presto."))
    page = client.get(page_of(asked))
    assert [row["waiting"].is_open for row in page.context["rows"]] == [12]
    line.refresh_from_db()
    client.post(page_of(asked, f"{line.pk}/riporta/"), {"version": line.version})
    line.refresh_from_db()
    assert (line.question, line.answer, line.returned_by) == ("Quando si toglie la muffa?", "Presto.", elena)
    assert DueWork.objects.filter(kind="reporting.bring_answer").count() == 1


def test_two_who_word_one_sheet_lose_nothing(asked: Asked, elena: User, client: Client) -> None:
    services.word_questions(asked.sheet, by=elena, version=1, questions={asked.line.pk: "Della collega"})
    page = sign_in(client, elena).post(page_of(asked, "parole/"), typed_of(asked, asked.line, "Mia"))
    assert (page.status_code, "Mia" in page.content.decode()) == (422, True)
    asked.line.refresh_from_db()
    assert asked.line.question == "Della collega"


def test_what_is_typed_beside_is_kept_when_a_question_is_taken_away(asked: Asked, elena: User, client: Client) -> None:
    other = services.add_question(asked.sheet, by=elena, term=make_term("ISEE"), question="Chi aiuta con l’ISEE?")
    asked.sheet.refresh_from_db()
    typed = typed_of(asked, asked.line, "Quando si toglie?") | {f"testo_{other.pk.hex}": "via"}
    sign_in(client, elena).post(page_of(asked, f"{other.pk}/togli/"), typed)
    assert [line.question for line in asked.sheet.lines.all()] == ["Quando si toglie?"]


def test_tomorrow_nobody_has_answered(asked: Asked, elena: User, client: Client) -> None:
    line = send(asked, elena)
    typed = typed_of(asked, line, "Sì", answered_on="23/11/2026")
    response = sign_in(client, elena).post(page_of(asked, "risposte/"), typed)
    assert (response.status_code, "deve ancora venire" in response.content.decode()) == (422, True)


def test_who_answers_for_what_is_said_on_a_page(mazzini: Lab, elena: User, client: Client) -> None:
    make_term("Casa")
    institution = make_organisation(mazzini, name="Ente case", kind=Organisation.Kind.INSTITUTION)
    sign_in(client, elena)
    page = f"{ROOT}chi-risponde/"
    client.post(page, {"argomento": "casa", "ente": str(institution.pk), "accordo": "riunione del 3 ottobre"})
    recipients = client.get(page).context["recipients"]
    assert [(str(found.term), found.organisation, found.source) for found in recipients] == [
        ("Casa", institution, "riunione del 3 ottobre")
    ]
    client.post(f"{page}{recipients[0].pk}/togli/")
    assert list(client.get(page).context["recipients"]) == []
    assert client.post(page, {"argomento": "nessuno"}).status_code == 422


@pytest.mark.parametrize("lines", [1, 30])
def test_the_page_of_a_sheet_asks_the_same_whatever_it_holds(
    asked: Asked, elena: User, client: Client, lines: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(lines):
        services.add_question(asked.sheet, by=elena, term=make_term("ISEE"), question=f"Domanda {number}")
    sign_in(client, elena)
    with django_assert_max_num_queries(10):
        client.get(page_of(asked))
    with django_assert_max_num_queries(10):
        client.get(ROOT)
