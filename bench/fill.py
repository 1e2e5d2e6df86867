"""Fills the product's database for measuring: the demonstration, then many more contacts and people of one lab.

Usage: python -m bench.fill CONTACTS PEOPLE, with the settings of the installation in the environment.
Prints what the measures need to know as JSON.
"""

import contextlib
import io
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from typing import Any
from uuid import UUID, uuid5

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import override

from ballatoio.base.accounts.middleware import NEW_SECOND_FACTOR
from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.core.ids import new_id
from ballatoio.base.directory.models import NeedTerm, Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import ContactPoint, Person, PersonKey
from ballatoio.base.people.names import person_keys
from ballatoio.base.territory.models import Building
from ballatoio.base.vault.services import seal_texts
from ballatoio.care.desk.models import Answer, Contact, Need
from ballatoio.care.desk.services import words_of_contact
from ballatoio.oversight.reporting.tally_services import tally_due_months

LAB = "milo"
CHUNK = 5000
DISTINCT = 250_000
CHANNELS = ("walk_in", "walk_in", "walk_in", "phone", "phone", "message", "home_visit", "event", "third_party")
LANGUAGES = ("it", "it", "it", "ar", "es", "zh-hans", "tl", "bn", "en")
GIVEN_NAMES = (
    "Ahmed Fatima Mohamed Maria Giuseppe Anna Hassan Amina Li Wei Chen Rosa Carlo Lucia Omar Nadia Ivan Olena Carmen "
    "Jose Miguel Elena Paolo Giulia Marco Sara Youssef Khadija Ibrahim Aisha Rahim Nusrat Kamal Shanti Raj Priya "
    "Dusan Mirela Ion Ana Luca Chiara Franco Silvia Pietro Rita Bruno Teresa Aldo Ines"
)
PARTS = (
    "ba be bi bo bru ca ce chi co da de di do fa fe fi fo ga ge gi go la le li lo ma me mi mo na ne ni no "
    "pa pe pi po ra re ri ro sa se si so ta te ti to tri va ve vi vo za ze zi zo"
)
GIVEN, SYLLABLES = GIVEN_NAMES.split(), PARTS.split()
ENDS = ("ni", "li", "tti", "ri", "sso", "ndo", "ra", "schi", "no", "lla")


def as_stored(value: Any) -> Any:
    """Give a value as the SQLite backend stores it; PostgreSQL takes it as it is."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    if connection.vendor != "sqlite":
        return value
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, date) else value


def pour(model: type[models.Model], rows: Iterable[models.Model]) -> int:
    """Write rows as fast as the database takes them (COPY, executemany); give how many."""
    skip = isinstance(model._meta.pk, models.AutoField)
    fields = [field for field in model._meta.concrete_fields if not (skip and field.primary_key)]
    names = ", ".join(f'"{field.column}"' for field in fields)
    stored = ([as_stored(getattr(row, field.attname)) for field in fields] for row in rows)
    written = 0
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {model._meta.db_table} ({names}) FROM STDIN") as copy:
                for values in stored:
                    copy.write_row(values)
                    written += 1
            return written
        marks = ", ".join("?" * len(fields))
        sql = f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({marks})"
        while chunk := list(islice(stored, CHUNK)):
            cursor.cursor.executemany(sql, chunk) if hasattr(cursor, "cursor") else cursor.executemany(sql, chunk)
            written += len(chunk)
    return written


def surname(rng: random.Random) -> str:
    """Give a name that sounds like one."""
    return ("".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) + rng.choice(ENDS)).title()


def fill_people(lab: Lab, wanted: int, rng: random.Random) -> list[Person]:
    """Add people until the lab has `wanted` or a little more; give some of them for the contacts.

    The first DISTINCT are made one by one; the rest has the same names and telephones again, under other ids.
    """
    have = Person.objects.filter(lab=lab).count()
    copies, wanted = max(0, -(-wanted // DISTINCT) - 1), min(wanted, DISTINCT)
    some: list[Person] = []
    number = count(3_000_000_000)
    for begin in range(have, wanted, CHUNK):
        people, keys, points = [], [], []
        for _ in range(min(CHUNK, wanted - begin)):
            # Half of those who come say when they were born.
            born = rng.randint(1935, 2015) if rng.random() < 0.5 else None
            person = Person(
                lab=lab, given_name=rng.choice(GIVEN), family_name=surname(rng), birth_year=born, synthetic=True
            )
            phone = f"+39{next(number)}"
            people.append(person)
            points.append(ContactPoint(person=person, kind="phone", value=phone))
            words = person_keys(person.given_name, person.family_name, "", [phone], born)
            keys += [PersonKey(lab=lab, person=person, key=key) for key in words]
        pour(Person, people)
        pour(ContactPoint, points)
        pour(PersonKey, keys)
        some += people[: max(1, 20_000 * CHUNK // max(wanted, 1))]
    if copies:
        copy_people(lab, copies)
    return some or list(Person.objects.filter(lab=lab).order_by("pk")[:2000])


def copy_people(lab: Lab, copies: int) -> None:
    """Copy every person of the lab, with keys and contact points, inside the database."""
    new_id = "md5(t.{0}::text || {1})::uuid"
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.create_function("copy_id", 2, lambda old, n: uuid5(UUID(old), str(n)).hex)
        new_id = "copy_id(t.{0}, {1})"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE originals AS SELECT id FROM people_person"
            " WHERE lab_id = %s AND data_key_id IS NULL AND user_id IS NULL",
            [as_stored(lab.pk)],
        )
        for number in range(1, copies + 1):
            for model, link in ((Person, "id"), (ContactPoint, "person_id"), (PersonKey, "person_id")):
                columns = [f.column for f in model._meta.concrete_fields if not isinstance(f, models.AutoField)]
                new = {name: new_id.format(name, number) for name in ("id", "person_id")}
                chosen = ", ".join(new.get(column, f't."{column}"') for column in columns)
                names, table = ", ".join(f'"{column}"' for column in columns), model._meta.db_table
                cursor.execute(
                    f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} t"
                    f" WHERE t.{link} IN (SELECT id FROM originals)"
                )
        cursor.execute("DROP TABLE originals")


def fill_contacts(lab: Lab, wanted: int, people: list[Person], rng: random.Random) -> None:
    """Add closed contacts of the last five years until the lab has `wanted`, texts sealed as the desk seals them."""
    staff = [m.user for m in Membership.objects.filter(lab=lab, role=Role.DESK).select_related("user")]
    buildings = list(Building.objects.filter(lab=lab))
    terms = list(NeedTerm.objects.exclude(parent=None))
    services = list(Service.objects.filter(lab=lab).select_related("organisation"))
    missing = wanted - Contact.objects.filter(lab=lab).count()
    now = timezone.now()
    for begin in range(0, missing, CHUNK):
        contacts, needs, answers, sealed = [], [], [], []
        for number in range(begin, min(begin + CHUNK, missing)):
            at = now - timedelta(minutes=(missing - number) * 5 * 365 * 24 * 60 / missing, seconds=rng.random() * 99)
            person = rng.choice(people) if rng.random() < 0.7 else None
            contact = Contact(
                id=new_id(), lab=lab, started_at=at, ended_at=at, recorded_by=rng.choice(staff),
                channel=rng.choice(CHANNELS), language=rng.choice(LANGUAGES), person=person,
                building=rng.choice(buildings) if rng.random() < 0.5 else None, synthetic=True,
            )  # fmt: skip
            need = Need(
                lab=lab, contact=contact, person=person, building=contact.building, term=rng.choice(terms),
                state="closed", owner=contact.recorded_by, opened_at=at, closed_at=at, told_how="face_to_face",
            )  # fmt: skip
            kind = rng.choice(["information", "orientation", "practical_help"])
            service = rng.choice(services) if kind == "orientation" else None
            answer = Answer(need=need, kind=kind, service=service, given_at=at, given_by=contact.recorded_by)
            contact.search_words = words_of_contact(contact, [need], [answer])
            sealed.append((contact, {"words": f"è venuta per la lettera numero {number}, con la vicina"}))
            contacts.append(contact)
            needs.append(need)
            answers.append(answer)
        seal_texts(sealed)
        pour(Contact, contacts)
        pour(Need, needs)
        pour(Answer, answers)


def open_session(user: User) -> str:
    """Give the cookie of a session that `user` opened with a second factor."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[NEW_SECOND_FACTOR] = True
    session.save()
    return session.session_key or ""


def names_to_type(people: list[Person], rng: random.Random) -> Iterator[str]:
    """Give what operators type, letter by letter from the third on, with a rare name and a telephone among them."""
    for person in rng.sample(people, min(60, len(people))):
        yield from (person.family_name[:length].lower() for length in (3, 4, 5))
        yield f"{person.given_name[:4]} {person.family_name[:4]}".lower()
    yield from ("mohamad", "qwxzk", "33300012", "giuseppe")


def main(contacts: int, people: int) -> None:
    """Fill, then say what is there."""
    rng = random.Random(20260101)
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        call_command("seed_demo")
    lab = Lab.objects.get(slug=LAB)
    with override("it"):
        some = fill_people(lab, people, rng)
        fill_contacts(lab, contacts, some, rng)
        # What the worker does every quarter of an hour.
        tally_due_months(lab)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    desk = Membership.objects.current().filter(lab=lab, role=Role.DESK).select_related("user").first()
    assert desk is not None
    building = Building.objects.filter(lab=lab).order_by("slug").first()
    service = Service.objects.filter(lab=lab).published().order_by("slug").first()
    assert building is not None and service is not None
    json.dump(
        {
            "lab": LAB,
            "cookie": open_session(desk.user),
            "building": building.slug,
            "service": service.slug,
            "term": NeedTerm.objects.filter(parent=None).order_by("code").values_list("code", flat=True)[0],
            "operator": str(desk.user_id),
            "family": some[0].family_name,
            "street": building.street,
            "whole": f"dal=01/01/{timezone.localdate().year - 6}&al={timezone.localdate():%d/%m/%Y}",
            "typed": list(names_to_type(some, rng)),
            "contacts": Contact.objects.filter(lab=lab).count(),
            "people": Person.objects.filter(lab=lab).count(),
            "seconds": round(time.perf_counter() - began, 1),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
