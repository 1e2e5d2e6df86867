"""The authorisation matrix: every route × every role × own and other lab × method.

What each probe must answer is worked out from the table of access alone; what it must never show is a canary:
a word that stands in the confidential records of one lab.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.converters import UUIDConverter
from django.urls.resolvers import URLPattern, URLResolver

from ballatoio.base.accounts.models import INSTALLATION_ROLES, Role, User
from ballatoio.base.directory.term_services import add_local_term
from ballatoio.base.jobs.services import save_draft
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.doubles import pair_of
from ballatoio.base.people.merging import merge_people
from ballatoio.base.people.models import Person, ProbableDuplicate
from ballatoio.base.people.services import (
    add_contact_point,
    record_consent,
    record_entry_snapshot,
    set_identifier,
)
from ballatoio.base.territory.building_services import add_dwelling, add_stair
from ballatoio.care.desk.models import Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard, leave_message
from ballatoio.care.referrals.consent import Told
from ballatoio.config.access import ACCESS, Access, Who
from ballatoio.oversight.hours.models import WeekSheet
from ballatoio.oversight.hours.services import start_activity
from ballatoio.oversight.reporting.models import TopicRecipient
from tests import factories
from tests.referrals.post import link_of

VISITOR, RESIDENT = "visitor", "resident"
WHO = [VISITOR, RESIDENT, *Role.values]
METHODS = ("GET", "POST", "DELETE")

# Routes that answer something else than a page to those who may use them.
ANSWERS = {
    "metrics": 404,  # exists only with METRICS_TOKEN
    "security_txt": 404,  # exists only with SECURITY_CONTACT
    "home:own_work": 302,  # leads to one’s desk, or to the open pages
    "directory:term_words": 302,  # without a need to show, leads to the list of them
    "referrals:referral_of_answer": 302,  # leads to the referral
    "referrals:link_answer": 302,  # without the code that came by e-mail, leads to where it is asked for
    "spreadsheets:import_undo": 302,  # nothing came in with this sheet yet
    "appointments:own_enter": 302,  # a link of a message leads to a page whose address says nothing
    "appointments:own_slip": 404,  # for whoever opened their appointment with its code
    "appointments:calendar_feed": 404,  # the code is wrong
    "people:protection_lift": 302,  # nothing to lift from somebody who is not protected
}
# Pages about oneself: for whoever signed in and has a file in that lab, and for nobody else.
OWN_FILE = ("receipts:receipt_keep", "privacy:resident_home", "privacy:resident_audit")
# One's own hours, or the coordinator's business: those of the worlds belong to a coordinator.
OWN_HOURS = ("appointments:rota_edit", "appointments:rota_end", "appointments:absence_remove")
# allauth's pages decide by themselves, within what the table lets through.
OF_ALLAUTH = ("account_", "mfa_")


Arguments = dict[str, Any]


@dataclass(frozen=True)
class World:
    """What one lab has that a route may ask for, each thing with the lab's canary in its confidential part."""

    lab: Lab
    canary: str
    worker: User
    person: Person
    things: dict[str, Any]

    def kwargs(self, arguments: Arguments) -> dict[str, Any]:
        """Give the arguments of a route; raise KeyError when nobody said what one of them is."""
        return {name: self.argument(name, converter) for name, converter in arguments.items()}

    def argument(self, name: str, converter: object) -> object:
        """Give one argument as its route wants it: the id of a thing, its slug, or a plain word."""
        thing = self.lab if name == "lab" else self.things[name]
        if isinstance(thing, str):
            return thing
        return thing.pk if isinstance(converter, UUIDConverter) else thing.slug

    def with_things_of(self, user: User | None) -> "World":
        """Give the same world with a message and a draft that are this user's own."""
        if user is None:
            return self
        message = leave_message(self.person, by=self.worker, text=self.canary)
        line = factories.make_questions(self.lab, self.canary)
        # Whoever reads for an institution finds the sheets of that one alone.
        user.memberships.filter(role=Role.INSTITUTION).update(organisation=line.sheet.organisation)
        own = {
            "questions": line.sheet,
            "line": line,
            "delivery": message.deliveries.create(user=user),
            "message": message,
            "draft": save_draft(by=user, lab=self.lab, kind="contact", key="new", fields={"words": "in corso"}),
        }
        return replace(self, things=self.things | own)


def make_world(slug: str) -> World:
    """Build a lab with one record of each kind."""
    lab = factories.make_lab(slug)
    canary = f"canarino{slug}{uuid.uuid4().hex[:6]}"
    worker = factories.make_user(f"worker-{slug}", lab, Role.COORDINATOR, demo_name=f"worker-{slug}")
    person = factories.make_person(lab, given_name=canary)
    building = factories.make_building(lab)
    service = factories.make_service(lab)
    answer = AnswerGiven(kind="information", text=canary)
    heard = NeedHeard(term=factories.make_term(), words=canary, answers=(answer,))
    contact = factories.make_contact(lab, worker, heard, person=person, building=building, words=canary, note=canary)
    need: Need = contact.needs.get()
    told = Told(shares=("name", "words"), name=canary, words=canary)
    referral = factories.make_referral(lab, worker, person=person, told=told)
    things = {
        "building": building,
        "service": service,
        "slug": service,
        "person": person,
        "contact": contact,
        "need": need,
        "answer": referral.answer,
        "referral": referral,
        "link": link_of(referral),
        "issue": factories.make_issue(building, worker, need),
        "point": add_contact_point(person, by=worker, kind="email", value=f"{canary}@example.org"),
        "identifier": set_identifier(person, by=worker, kind="document", value=canary),
        "consent": record_consent(person, by=worker, scope="contact", text_version="1", how="spoken"),
        "snapshot": record_entry_snapshot(person, by=worker, operation=canary, has_earlier_contact=True, values={}),
        "notice": factories.make_notice(person, canary),
        "membership": worker.memberships.get(),
        **second_files(person, worker),
        "pk": "1",  # of a passkey
        "dwelling": add_dwelling(add_stair(building, name="A", by=worker), number="1", floor=0, by=worker),
        "local": add_local_term(factories.make_term(), lab=lab, name=f"Bonus {slug}", by=worker),
        "week": WeekSheet.objects.create(lab=lab, user=worker, monday=date(2026, 11, 16)),
        "spreadsheet": factories.make_spreadsheet(lab, worker, canary),
        "recipient": TopicRecipient.objects.create(
            lab=lab, term=factories.make_term(), organisation=factories.make_organisation(lab)
        ),
        **factories.make_agenda(person, worker, canary),
        "code": "codice-sbagliato",
        "activity": start_activity(lab, by=worker, name="Sportello", since=date(2026, 1, 1)),
        "name": worker.demo_name,
        "key": "chiave-sbagliata",
        "language": "en",
    }
    return World(lab, canary, worker, person, things).with_things_of(worker)


def second_files(person: Person, by: User) -> dict[str, Any]:
    """Give another file of a person, the pair that the two make, and a merge of two more."""
    twin, kept, merged = (factories.make_person(person.lab, given_name=person.given_name) for _ in range(3))
    one, other = pair_of(person.pk, twin.pk)
    return {
        "other": twin,
        "double": ProbableDuplicate.objects.create(lab=person.lab, one_id=one, other_id=other, score=40, why=["name"]),
        "merge": merge_people(kept, merged, by=by, versions=(1, 1)),
    }


def walk(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[tuple[str, Arguments]]:
    """Give each route's name, and what its path asks for with how it is written."""
    for pattern in patterns:
        here: Arguments = dict.fromkeys(pattern.pattern.regex.groupindex) | pattern.pattern.converters
        if isinstance(pattern, URLResolver):
            inside = f"{space}{pattern.namespace}:" if pattern.namespace else space
            for name, arguments in walk(pattern.url_patterns, inside):
                yield name, here | arguments
        else:
            yield f"{space}{pattern.name}", here


ROUTES = dict(walk(get_resolver().url_patterns))


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
    factories.make_person(lab, user=user)
    return factories.sign_in(client, user), user


def expected(route: str, method: str, user: User | None, lab: Lab | None) -> str:
    """What the table says: "in", or how the request is refused."""
    access: Access = ACCESS[route]
    if method not in access.methods:
        return "405"
    if access.who is Who.EVERYBODY:
        return "in"
    if user is None:
        return "sign in"
    if route in OWN_FILE:
        return "in" if Person.objects.filter(user=user, lab=lab).exists() else "404"
    if access.who is Who.SIGNED_IN:
        return "in"
    if access.who is Who.STAFF:
        return "in" if user.is_lab_staff else "403"
    roles = user.roles_in(lab.pk if lab else None)
    if route in OWN_HOURS and roles and Role.COORDINATOR not in roles:
        return "403"
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
        return response.status_code == ANSWERS.get(route, 200)
    # A form sent empty: shown again, refused as a bad request, or done.
    return response.status_code in (200, 204, 302, 303, 400, 422)


@pytest.mark.parametrize("who", WHO)
def test_matrix(who: str, worlds: tuple[World, World], record_property: Callable[[str, object], None]) -> None:
    own, other = worlds
    client, user = client_as(who, own.lab)
    own = own.with_things_of(user)
    openings, probes = [], Counter[str]()
    for route, names in ROUTES.items():
        access = ACCESS[route]
        for place in (own, other) if "lab" in names else (own,):
            url = reverse(route, kwargs=place.kwargs(names))
            for method in METHODS:
                outcome = expected(route, method, user, place.lab if "lab" in names else None)
                response = ask(client, method, url)
                probes[outcome] += 1
                text = b"" if response.streaming else response.content
                may_read = outcome == "in" and access.who is Who.MEMBERS
                shown = [
                    w.canary for w in worlds if w.canary.encode() in text and not (may_read and w.lab == place.lab)
                ]
                if shown or not is_answer(outcome, route, method, response):
                    openings.append(f"{who} {method} {url}: {response.status_code}, expected {outcome}; shows {shown}")
    record_property("probes", dict(probes))
    assert openings == []
    assert probes["in"] > 0


def page(response: Any, kwargs: dict[str, Any]) -> str:
    """Give the page without what must differ: the id that was asked for, which stands in the language menu."""
    text: str = response.content.decode()
    for value in kwargs.values():
        text = text.replace(f"/{value}/", "/…/")
    return text


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
        missing = foreign | {
            name: uuid.uuid4() if isinstance(value, uuid.UUID) else "non-esiste"
            for name, value in foreign.items()
            if name != "lab" and not isinstance(other.things[name], str)
        }
        for method in sorted(access.methods & {"GET", "POST"}):
            if expected(route, method, user, own.lab) != "in":
                continue
            one, two = (ask(client, method, reverse(route, kwargs=kwargs)) for kwargs in (foreign, missing))
            if (one.status_code, page(one, foreign)) != (404, page(two, missing)):
                different.append(f"{who} {method} {route}: {one.status_code} and {two.status_code}")
    assert different == []


@pytest.mark.parametrize("who", WHO)
def test_every_role_has_pages_that_answer(who: str, worlds: tuple[World, World]) -> None:
    client, user = client_as(who, worlds[0].lab)
    own = worlds[0].with_things_of(user)
    answered = [
        route
        for route, names in ROUTES.items()
        if not route.startswith(OF_ALLAUTH)
        and expected(route, "GET", user, own.lab) == "in"
        and client.get(reverse(route, kwargs=own.kwargs(names))).status_code == 200
    ]
    assert answered != []


def test_figures_of_the_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    """Say how large the matrix is."""
    probes = sum(len(METHODS) * (2 if "lab" in names else 1) for names in ROUTES.values()) * len(WHO)
    with capsys.disabled():
        print(f"\nauthorisation matrix: {len(ROUTES)} routes, {len(WHO)} roles, {probes} probes")
    assert set(ROUTES) == set(ACCESS)
