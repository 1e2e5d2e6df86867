"""Messages left for whoever follows a person: they can be read again."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import MessageDelivery
from ballatoio.care.desk.services import leave_message
from tests.factories import make_person, sign_in

LIST = "/mazzini/banco/messaggi/"


def deliver(lab: Lab, by: User, to: User, text: str = "richiama") -> MessageDelivery:
    person = make_person(lab, given_name=text.title())
    return leave_message(person, by=by, text=text).deliveries.create(user=to)


def test_a_message_stays_in_the_list_after_it_was_read(client: Client, mazzini: Lab, anna: User, carla: User) -> None:
    first, second = deliver(mazzini, anna, carla, "prima"), deliver(mazzini, anna, carla, "seconda")
    browser = sign_in(client, carla)
    assert [each.pk for each in browser.get(LIST).context["page"]] == [second.pk, first.pk]
    browser.get(f"{LIST}{second.pk}/")
    page = browser.get(LIST)
    assert [(each.pk, each.read_at is None) for each in page.context["page"]] == [(first.pk, True), (second.pk, False)]
    assert page.content.decode().count("da leggere") == 1
    assert browser.get(f"{LIST}{second.pk}/").status_code == 200


def test_a_colleague_and_another_lab_see_nothing_of_it(
    client: Client, mazzini: Lab, milo: Lab, anna: User, bruno: User, carla: User
) -> None:
    deliver(mazzini, anna, carla, "segreto")
    assert list(sign_in(client, anna).get(LIST).context["page"]) == []
    assert list(sign_in(Client(), bruno).get("/milo/banco/messaggi/").context["page"]) == []
    assert sign_in(Client(), bruno).get(LIST).status_code == 404


def test_the_list_shows_no_text_and_costs_the_same_with_many(
    client: Client, mazzini: Lab, anna: User, carla: User
) -> None:
    browser = sign_in(client, carla)

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            page = browser.get(LIST)
        assert "il vicino beve" not in page.content.decode()
        return len(captured)

    for _message in range(25):
        deliver(mazzini, anna, carla, "il vicino beve e urla")
    cost()
    few = cost()
    for _message in range(20):
        deliver(mazzini, anna, carla, "il vicino beve e urla").read_at = timezone.now()
    assert (cost(), few <= 10) == (few, True)
    assert len(browser.get(LIST).context["page"]) == 25
