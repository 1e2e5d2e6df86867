"""The authorisation matrix: every route × every role × own and other lab × method.

What each probe must answer is worked out from the table of access alone; what it must never show is a canary:
a word that stands in the confidential records of one lab.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from ballatoio.base.accounts.models import INSTALLATION_ROLES, Role, User
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard, leave_message
from ballatoio.config.access import ACCESS, Access, Who
from tests import factories

VISITOR, RESIDENT = "visitor", "resident"
WHO = [VISITOR, RESIDENT, *Role.values]
METHODS = ("GET", "POST", "DELETE")

# Routes whose GET answers another thing than 200 to those who may use them.
ANSWERS: dict[str, tuple[int, ...]] = {
    "readyz": (200,),
    "metrics": (404,),  # exists only with METRICS_TOKEN
    "security_txt": (404,),  # exists only with SECURITY_CONTACT
}
# allauth's pages decide by themselves, within what the table lets through.
OF_ALLAUTH = ("account_", "mfa_")


@dataclass(frozen=True)
class World:
    """What one lab has that a route may ask for, each thing with the lab's canary in its confidential part."""

    lab: Lab
    canary: str
    things: dict[str, Any]

    def kwargs(self, names: list[str]) -> dict[str, Any]:
        """Give the arguments of a route; raise KeyError when nobody said what one of them is."""
        return {name: self.lab.slug if name == "lab" else self.things[name] for name in names}


def make_world(slug: str) -> World:
    """Build a lab with one record of each kind."""
    lab = factories.make_lab(slug)
    canary = f"canarino{slug}{uuid.uuid4().hex[:6]}"
    worker = factories.make_user(f"worker-{slug}", lab, Role.COORDINATOR, demo_name=f"worker-{slug}")
    person = factories.make_person(lab, given_name=canary)
    building = factories.make_building(lab)
    service = factories.make_service(lab)
    answer = AnswerGiven(kind="information", text=canary)
    contact = factories.make_contact(
        lab,
        worker,
        NeedHeard(term=factories.make_term(), words=canary, answers=(answer,)),
        person=person,
        building=building,
        words=canary,
        note=canary,
    )
    need: Need = contact.needs.get()
    message = leave_message(person, by=worker, text=canary)
    delivery = message.deliveries.create(user=worker)
    things = {
        "building": building.slug,
        "service": service.slug,
        "person": person.pk,
        "contact": contact.pk,
        "need": need.pk,
        "answer": need.answers.get().pk,
        "delivery": delivery.pk,
        "message": message.pk,
        "name": worker.demo_name,
    }
    return World(lab, canary, things)


def walk(patterns: list[URLPattern | URLResolver], space: str = "", names: tuple[str, ...] = ()) -> Iterator[Any]:
    """Give each route's name and the names of its arguments."""
    for pattern in patterns:
        here = names + tuple(pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space, here)
        else:
            yield f"{space}{pattern.name}", list(dict.fromkeys(here))


ROUTES: dict[str, list[str]] = dict(walk(get_resolver().url_patterns))


@pytest.fixture
def worlds(db: None) -> tuple[World, World]:
    """The lab where the user works, and another."""
    return make_world("mazzini"), make_world("milo")


def client_as(who: str, lab: Lab) -> tuple[Client, User | None]:
    """Give a browser in the hands of `who`, with the second factor where staff needs one."""
    client = Client(raise_request_exception=True)
    if who == VISITOR:
        return client, None
    role = None if who == RESIDENT else who
    user = factories.make_user(who, None if role in INSTALLATION_ROLES else lab, role)
    return factories.sign_in(client, user), user


def expected(access: Access, method: str, user: User | None, lab: Lab | None) -> str:
    """What the table says: "in", or how the request is refused."""
    if method not in access.methods:
        return "405"
    if access.who is Who.EVERYBODY:
        return "in"
    if user is None:
        return "sign in"
    if access.who is Who.SIGNED_IN:
        return "in"
    roles = user.roles_in(lab.pk if lab else None)
    return "404" if not roles else "in" if roles & access.roles else "403"


def ask(client: Client, method: str, url: str) -> Any:
    """Send one request and undo whatever it changed: records, and the browser's own session."""
    cookies = deepcopy(client.cookies)
    with transaction.atomic():
        response = client.generic(method, url)
        transaction.set_rollback(True)
    client.cookies = cookies
    return response


def is_answer(outcome: str, route: str, method: str, response: Any) -> bool:
    """Does the response say what the table says?"""
    if outcome == "sign in":
        return response.status_code == 302 and response.url.startswith(reverse("account_login"))
    if outcome != "in":
        return response.status_code == int(outcome)
    if route.startswith(OF_ALLAUTH):
        return response.status_code < 500
    if method == "GET":
        return response.status_code in ANSWERS.get(route, (200,))
    # A form sent empty: shown again, refused as a bad request, or done.
    return response.status_code in (200, 204, 302, 303, 400, 422) or route in ANSWERS


@pytest.mark.parametrize("who", WHO)
def test_matrix(who: str, worlds: tuple[World, World], record_property: Callable[[str, object], None]) -> None:
    own, other = worlds
    client, user = client_as(who, own.lab)
    openings, probes = [], Counter[str]()
    for route, names in ROUTES.items():
        access = ACCESS[route]
        for place in (own, other) if "lab" in names else (own,):
            url = reverse(route, kwargs=place.kwargs(names))
            for method in METHODS:
                outcome = expected(access, method, user, place.lab if "lab" in names else None)
                response = ask(client, method, url)
                probes[outcome] += 1
                text = b"" if response.streaming else response.content
                may_read = outcome == "in" and access.who is Who.MEMBERS
                shown = [w.canary for w in worlds if w.canary.encode() in text and not (may_read and w is place)]
                if shown or not is_answer(outcome, route, method, response):
                    openings.append(f"{who} {method} {url}: {response.status_code}, expected {outcome}; shows {shown}")
    record_property("probes", dict(probes))
    assert openings == []
    assert probes["in"] > 0


@pytest.mark.parametrize("who", Role.values)
def test_a_record_of_another_lab_answers_like_one_that_is_missing(who: str, worlds: tuple[World, World]) -> None:
    own, other = worlds
    client, user = client_as(who, own.lab)
    different = []
    for route, names in ROUTES.items():
        access = ACCESS[route]
        if access.who is not Who.MEMBERS or set(names) <= {"lab"}:
            continue
        foreign = other.kwargs(names) | {"lab": own.lab.slug}
        missing = {
            name: own.lab.slug if name == "lab" else uuid.uuid4() if isinstance(value, uuid.UUID) else "non-esiste"
            for name, value in foreign.items()
        }
        for method in sorted(access.methods & {"GET", "POST"}):
            if expected(access, method, user, own.lab) != "in":
                continue
            one, two = (ask(client, method, reverse(route, kwargs=kwargs)) for kwargs in (foreign, missing))
            if (one.status_code, one.content) != (404, two.content):
                different.append(f"{who} {method} {route}: {one.status_code} and {two.status_code}")
    assert different == []


@pytest.mark.parametrize("who", WHO)
def test_every_role_has_pages_that_answer(who: str, worlds: tuple[World, World]) -> None:
    own, _ = worlds
    client, user = client_as(who, own.lab)
    answered = [
        route
        for route, names in ROUTES.items()
        if not route.startswith(OF_ALLAUTH)
        and expected(ACCESS[route], "GET", user, own.lab) == "in"
        and client.get(reverse(route, kwargs=own.kwargs(names))).status_code == 200
    ]
    assert answered != []


def test_figures_of_the_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    """Say how large the matrix is."""
    probes = sum(len(METHODS) * (2 if "lab" in names else 1) for names in ROUTES.values()) * len(WHO)
    with capsys.disabled():
        print(f"\nauthorisation matrix: {len(ROUTES)} routes, {len(WHO)} roles, {probes} probes")
    assert set(ROUTES) == set(ACCESS)
