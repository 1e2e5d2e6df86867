"""The calendar of an operator for their own program (RFC 5545): when and what, never who."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vUri

from ballatoio.base.accounts.models import User
from ballatoio.base.core.languages import SPOKEN
from ballatoio.base.core.links import absolute_url
from ballatoio.base.labs.models import Lab

from .models import Appointment
from .timetable import place_of

# How far back a calendar shows, and no more events than a program reads at once.
DAYS_BACK = timedelta(days=30)
MOST_EVENTS = 1000
NAMES = {code: name for code, _own, name in SPOKEN}
State = Appointment.State
STATUS = {
    State.BOOKED: "CONFIRMED",
    State.KEPT: "CONFIRMED",
    State.NO_SHOW: "CONFIRMED",
    State.CANCELLED_BY_PERSON: "CANCELLED",
    State.CANCELLED_BY_LAB: "CANCELLED",
    State.MOVED: "CANCELLED",
}


def appointments_in_calendar(user: User, lab: Lab) -> list[Appointment]:
    """Give the events of somebody's calendar in a lab: the latest state of each, one query."""
    rows = Appointment.objects.filter(
        lab=lab, slot__operator=user, slot__starts_at__gte=timezone.now() - DAYS_BACK
    ).select_related("slot__rota", "kind")
    latest: dict[object, Appointment] = {}
    for row in rows.defer("sealed").order_by("slot__starts_at", "pk")[:MOST_EVENTS]:
        known = latest.get(row.calendar_uid)
        if known is None or _standing(known) < _standing(row):
            latest[row.calendar_uid] = row
    return sorted(latest.values(), key=lambda row: (row.slot.starts_at, str(row.pk)))


def _standing(appointment: Appointment) -> tuple[bool, int]:
    return appointment.state in Appointment.HOLDING_STATES, appointment.sequence


def calendar_tag(appointments: Sequence[Appointment]) -> str:
    """Give a mark that differs whenever the calendar does (RFC 9110, 8.8.3)."""
    marks = (f"{a.calendar_uid}{a.sequence}{a.state}{a.changed_at.timestamp()}{a.slot.place}" for a in appointments)
    return f'"{hashlib.sha256("|".join(marks).encode()).hexdigest()[:32]}"'


def calendar_of(appointments: Sequence[Appointment], lab: Lab) -> bytes:
    """Give a calendar with these events. Each keeps its UID however often it moves; its SEQUENCE only grows."""
    calendar = Calendar()
    calendar.add("prodid", "-//Ballatoio//Appuntamenti//IT")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _("Appuntamenti · %(lab)s") % {"lab": lab.name})
    calendar.add("refresh-interval", timedelta(minutes=30), parameters={"VALUE": "DURATION"})
    for appointment in appointments:
        calendar.add_component(_event(appointment, lab))
    return bytes(calendar.to_ical())


def _event(appointment: Appointment, lab: Lab) -> Event:
    slot, event = appointment.slot, Event()
    event.add("uid", f"{appointment.calendar_uid}@ballatoio")
    event.add("dtstamp", appointment.changed_at.astimezone(UTC))
    event.add("last-modified", appointment.changed_at.astimezone(UTC))
    event.add("sequence", appointment.sequence)
    event.add("dtstart", slot.starts_at.astimezone(UTC))
    event.add("dtend", slot.ends_at.astimezone(UTC))
    event.add("summary", _summary(appointment))
    event.add("location", place_of(slot, lab))
    event.add("status", STATUS[State(appointment.state)])
    event.add("class", "CONFIDENTIAL")
    link = absolute_url("appointments:appointment_detail", lab=lab.slug, appointment=appointment.pk)
    event.add("url", vUri(link))
    return event


def _summary(appointment: Appointment) -> str:
    """«Appuntamento · casa · arabo con interprete»: nobody who looks over a shoulder learns who comes."""
    parts = [_("Appuntamento"), appointment.kind.name.lower()]
    if appointment.language != "it":
        name = str(NAMES.get(appointment.language, appointment.language))
        rota = appointment.slot.rota
        if rota is not None and appointment.language in rota.languages:
            parts.append(name)
        elif rota is not None and appointment.language in rota.interpreter_languages:
            parts.append(_("%(language)s con interprete") % {"language": name})
        else:
            parts.append(_("%(language)s, interprete da trovare") % {"language": name})
    return " · ".join(parts)
