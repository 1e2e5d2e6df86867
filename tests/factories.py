"""Plain functions that build what tests are about: the least that the database accepts, the rest by name."""

import itertools
from typing import Any

from django.test import Client
from django.utils import timezone

from ballatoio.base.accounts.middleware import DEMO_SECOND_FACTOR
from ballatoio.base.accounts.models import Membership, User
from ballatoio.base.core.text import normalise
from ballatoio.base.directory.models import NeedTerm, Service
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.people.models import Person
from ballatoio.base.territory.models import Building
from ballatoio.care.desk.models import Contact, Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard, record_contact

number = itertools.count(1)


def make_lab(slug: str, **fields: Any) -> Lab:
    """Give the lab with this slug, made now if it is not there."""
    defaults = {
        "name": slug.title(),
        "city": "Milano",
        "province": "MI",
        "address": "via di prova 1",
        "phone": "02 0000 0000",
    }
    lab, _ = Lab.objects.get_or_create(slug=slug, defaults=defaults | fields)
    return lab


def make_user(name: str, lab: Lab | None = None, role: str | None = None, **fields: Any) -> User:
    """Give a new user; with a role, a member of `lab` (of the whole installation when there is none)."""
    user = User.objects.create_user(f"{name.lower()}{next(number)}@example.org", name=name, **fields)
    if role:
        Membership.objects.create(user=user, lab=lab, role=role)
    return user


def sign_in(client: Client, user: User) -> Client:
    """Sign `user` in, second factor included."""
    client.force_login(user)
    session = client.session
    session[DEMO_SECOND_FACTOR] = True
    session.save()
    return client


def make_building(lab: Lab, street: str = "via Panigarola", civic: str = "", **fields: Any) -> Building:
    """Give a new building of `lab`."""
    civic = civic or str(next(number))
    keys = {"street_key": normalise(street), "civic_key": normalise(civic)}
    slug = normalise(f"{street} {civic}").replace(" ", "-")
    return Building.objects.create(lab=lab, street=street, civic=civic, **{"slug": slug} | keys | fields)


def make_person(lab: Lab, given_name: str = "Amina", family_name: str = "Haddad", **fields: Any) -> Person:
    """Give a new person known to `lab`."""
    return Person.objects.create(lab=lab, given_name=given_name, family_name=family_name, **fields)


def make_organisation(lab: Lab | None = None, name: str = "", **fields: Any) -> Organisation:
    """Give a new association."""
    defaults = {"name": name or f"Associazione {next(number)}", "kind": Organisation.Kind.ASSOCIATION}
    return Organisation.objects.create(lab=lab, **defaults | fields)


def make_term(name: str = "Affitto", **fields: Any) -> NeedTerm:
    """Give a term of the taxonomy of needs, made now if it is not there."""
    term, _ = NeedTerm.objects.get_or_create(code=normalise(name).replace(" ", "-"), defaults={"name": name} | fields)
    return term


def make_service(lab: Lab, name: str = "Sportello casa", **fields: Any) -> Service:
    """Give a new service in the directory of `lab`."""
    organisation = fields.pop("organisation", None) or make_organisation(lab)
    defaults = {"slug": f"{normalise(name).replace(' ', '-')}-{next(number)}", "description": "Aiuta con la casa."}
    return Service.objects.create(lab=lab, organisation=organisation, name=name, **defaults | fields)


def make_contact(lab: Lab, by: User, *needs: NeedHeard, **fields: Any) -> Contact:
    """Record a contact at the desk of `lab`, as the desk does: with one open need unless others are given."""
    given = {"channel": Contact.Channel.WALK_IN, "started_at": timezone.now()} | fields
    return record_contact(lab, by=by, needs=needs or (NeedHeard(term=make_term()),), **given)


def make_need(lab: Lab, by: User, *answers: AnswerGiven, **fields: Any) -> Need:
    """Give the one need of a new contact at the desk of `lab`, answered or not."""
    heard = NeedHeard(term=fields.pop("term", None) or make_term(), answers=answers, told=fields.pop("told", False))
    return make_contact(lab, by, heard, **fields).needs.get()
