"""Plain functions that build what tests are about: the least that the database accepts, the rest by name."""

import io
import itertools
from datetime import date, time, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from ballatoio.base.accounts.middleware import DEMO_SECOND_FACTOR
from ballatoio.base.accounts.models import Membership, User
from ballatoio.base.core.text import normalise
from ballatoio.base.directory.models import NeedSynonym, NeedTerm, Service
from ballatoio.base.directory.words import fold
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.services import Text, notify_address
from ballatoio.base.people.models import Person
from ballatoio.base.territory.models import Building
from ballatoio.care.appointments.booking import Booker, book_slot
from ballatoio.care.appointments.models import Absence, AppointmentKind, Rota, Slot
from ballatoio.care.appointments.waiting_services import join_waiting
from ballatoio.care.desk.models import Contact, Need
from ballatoio.care.desk.services import AnswerGiven, NeedHeard, record_contact
from ballatoio.care.issues.models import BuildingIssue
from ballatoio.care.issues.services import open_issue
from ballatoio.care.referrals.consent import Agreed, Told
from ballatoio.care.referrals.models import Referral
from ballatoio.care.referrals.sending import send_referral
from ballatoio.oversight.reporting.models import QuestionLine, QuestionSheet
from ballatoio.oversight.spreadsheets.models import SheetImport
from ballatoio.oversight.spreadsheets.services import upload_sheet

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


def make_term(name: str = "Affitto", synonyms: str = "", **fields: Any) -> NeedTerm:
    """Give a term of the taxonomy of needs, made now if it is not there, with its synonyms of one word in Italian."""
    term, _ = NeedTerm.objects.get_or_create(code=normalise(name).replace(" ", "-"), defaults={"name": name} | fields)
    for word in synonyms.split():
        NeedSynonym.objects.create(term=term, language="it", text=word, normalised=fold(word))
    return term


def make_service(lab: Lab, name: str = "Sportello casa", **fields: Any) -> Service:
    """Give a new service in the directory of `lab`."""
    organisation = fields.pop("organisation", None) or make_organisation(lab)
    defaults = {"slug": f"{normalise(name).replace(' ', '-')}-{next(number)}", "description": "Aiuta con la casa."}
    return Service.objects.create(lab=lab, organisation=organisation, name=name, **defaults | fields)


def make_notice(person: Person, words: str = "Ti aspettiamo giovedì alle 10", **fields: Any) -> Delivery:
    """Give a new call to make to somebody: a message in the outbox, as an app above queues it."""
    count = next(number)
    given = {"channel": "call", "to": "+39 333 123 4567", "kind": "prova", "key": f"notice{count}", "name": words}
    compose = lambda: Text(words, words, words)  # noqa: E731
    return notify_address(person.lab, compose=compose, about=person, by=None, **given | fields)


def make_contact(lab: Lab, by: User, *needs: NeedHeard, **fields: Any) -> Contact:
    """Record a contact at the desk of `lab`, as the desk does: with one open need unless others are given."""
    given = {"channel": Contact.Channel.WALK_IN, "started_at": timezone.now()} | fields
    return record_contact(lab, by=by, needs=needs or (NeedHeard(term=make_term()),), **given)


def make_need(lab: Lab, by: User, *answers: AnswerGiven, **fields: Any) -> Need:
    """Give the one need of a new contact at the desk of `lab`, answered or not."""
    heard = NeedHeard(term=fields.pop("term", None) or make_term(), answers=answers, told=fields.pop("told", False))
    return make_contact(lab, by, heard, **fields).needs.get()


def make_referral(lab: Lab, by: User, service: Service | None = None, **fields: Any) -> Referral:
    """Send somebody to a service that has an e-mail, as the desk does; `told` and `need` may be given."""
    need = fields.pop("need", None) or make_need(lab, by, person=fields.pop("person", None))
    told = Told(shares=("name", "words"), name=str(need.person or "Nadia"), words="aiuto con la bolletta")
    given = {"told": told, "agreed": Agreed(how="spoken"), "version": need.version} | fields
    return send_referral(need, by=by, service=service or make_service(lab, email="sportello@example.org"), **given)


def make_issue(building: Building, by: User, *needs: Need, **fields: Any) -> BuildingIssue:
    """Give a new issue of a building with the needs that it begins with."""
    next_on = timezone.localdate() + timedelta(days=5)
    given: dict[str, Any] = {"term": make_term(), "title": "Ascensore fermo", "owner": by, "next_on": next_on}
    return open_issue(building, by=by, needs=needs, **given | fields)


def make_spreadsheet(lab: Lab, by: User, name: str = "Amina") -> SheetImport:
    """Give a desk log of one row that was uploaded and waits for somebody to say what its columns are."""
    raw = f"Data;Nome e cognome\r\n3/5/2025;{name} Haddad\r\n".encode()
    return upload_sheet(lab, io.BytesIO(raw), kind="desk_log", by=by)


def make_questions(lab: Lab, words: str, organisation: Organisation | None = None) -> QuestionLine:
    """Give the one question of a sheet that was sent to an institution."""
    sheet = QuestionSheet.objects.create(
        lab=lab,
        organisation=organisation or make_organisation(lab, kind=Organisation.Kind.INSTITUTION),
        month=date(2026, 10, 1),
        state=QuestionSheet.State.SENT,
        sent_at=timezone.now(),
    )
    line = QuestionLine.objects.create(sheet=sheet, topic="Casa", asked=12, question=words)
    sheet.content = {"sent_on": "2026-11-02", "lines": [line.as_sent()]}
    sheet.save()
    return line


def make_agenda(person: Person, by: User, words: str = "") -> dict[str, Any]:
    """Give a kind of appointment, hours of `by`, their day off, an appointment of a person, and their place in line."""
    lab = person.lab
    kind = AppointmentKind.objects.create(lab=lab, slug=f"casa-{next(number)}", name=f"Casa {next(number)}")
    rota = Rota.objects.create(lab=lab, operator=by, weekday=0, opens=time(9), closes=time(10), languages=["it"])
    rota.kinds.set([kind])
    day = timezone.localdate() + timedelta(days=2)
    starts_at = timezone.now() + timedelta(days=2)
    slot = Slot.objects.create(
        lab=lab, operator=by, rota=rota, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1)
    )
    booker = Booker(person, words=words)
    common: dict[str, Any] = {"kind": kind, "booker": booker, "language": "it", "channel": "desk", "by": by}
    return {
        "kind": kind,
        "rota": rota,
        "absence": Absence.objects.create(lab=lab, operator=by, first_on=day, last_on=day),
        "appointment": book_slot(slot, **common),
        "place": join_waiting(lab, only_language=False, **common),
    }
