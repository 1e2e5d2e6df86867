"""What the lab's hours offer today, read from the database in the form that times.py understands."""

import uuid
from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from django.db.models import Prefetch, Q
from django.utils import timezone

from ballatoio.base.labs.models import ClosingDay, Lab, Opening

from .models import Absence, Agenda, AppointmentKind, Rota, Slot, SlotQuerySet
from .times import HORIZON, DayOff, Hours, add_opening_hours

Timetable = dict[uuid.UUID, Hours]


def agenda_of(lab: Lab) -> Agenda:
    """Give how a lab gives appointments; the usual way when it never said."""
    return Agenda.objects.filter(lab=lab).first() or Agenda(lab=lab)


def read_timetable(lab: Lab, *, kind: AppointmentKind | None = None, ended: bool = False) -> Timetable:
    """Give the hours of a lab by the id of their rota: those that receive for `kind` alone, when it is given.

    Hours that are over are left out, unless `ended`: their times may still be somebody's.
    """
    rows = Rota.objects.filter(lab=lab)
    if not ended:
        rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=timezone.localdate()))
    if kind is not None:
        # The others that they receive for are not asked for: a public page has few queries.
        return {row.pk: hours_of(row, [kind] if kind.is_active else []) for row in rows.filter(kinds=kind)}
    kinds = Prefetch("kinds", AppointmentKind.objects.in_use().only("pk", "minutes"))
    return {row.pk: hours_of(row, row.kinds.all()) for row in rows.prefetch_related(kinds)}


def hours_of(rota: Rota, kinds: Collection[AppointmentKind]) -> Hours:
    """Give the hours of one rota as far as they concern some kinds in use."""
    return Hours(
        rota_id=rota.pk,
        operator_id=rota.operator_id,
        weekday=rota.weekday,
        opens=rota.opens,
        closes=rota.closes,
        valid_from=rota.valid_from,
        valid_to=rota.valid_to,
        # Hours whose kinds are all out of use offer nothing: one time as long as a day is never made.
        minutes=max((kind.minutes for kind in kinds), default=24 * 60),
        kinds=frozenset(kind.pk for kind in kinds),
        languages=frozenset(rota.languages),
        interpreter_languages=frozenset(rota.interpreter_languages),
        place=rota.place,
        is_public=rota.is_public,
    )


def read_days_off(lab: Lab, since: date) -> list[DayOff]:
    """Give the days off of a lab's operators from a day on."""
    rows = Absence.objects.filter(lab=lab, last_on__gte=since)
    return [DayOff(row.operator_id, row.first_on, row.last_on, row.from_time, row.until_time) for row in rows]


def read_closed_days(lab: Lab, first: date, last: date) -> frozenset[date]:
    """Give the lab's closing days between two days."""
    return frozenset(ClosingDay.objects.filter(lab=lab, on__range=(first, last)).values_list("on", flat=True))


def held_until(agenda: Agenda, start: datetime) -> datetime:
    """Give until when a time is held for whoever waits, from a moment on: the lab's hours of opening count."""
    openings: dict[int, list[tuple[time, time]]] = {}
    for row in Opening.objects.filter(lab=agenda.lab):
        openings.setdefault(row.weekday, []).append((row.opens, row.closes))
    today = timezone.localdate(start)
    closed = read_closed_days(agenda.lab, today, today + HORIZON)
    return add_opening_hours(openings, closed, start, agenda.hold_hours, agenda.lab.province)


def place_of(slot: Slot, lab: Lab) -> str:
    """Give where a time is, in words: its own place, or the lab's address."""
    return slot.place or lab.address


def free_slots(
    lab: Lab,
    timetable: Timetable,
    *,
    kind: AppointmentKind,
    language: str = "",
    operator_id: uuid.UUID | None = None,
    public: bool = False,
    after: datetime | None = None,
    before: datetime | None = None,
) -> SlotQuerySet:
    """Give the free times for a kind, in order: one query; `language` means that somebody there speaks it.

    `public` are those that one may book alone, from `after` on.
    """
    rotas = [
        hours.rota_id
        for hours in timetable.values()
        if hours.fits(kind.pk, language)
        and (not public or hours.is_public)
        and (operator_id is None or hours.operator_id == operator_id)
    ]
    found = Slot.objects.filter(lab=lab, rota__in=rotas).free(max(after or timezone.now(), timezone.now()))
    if before is not None:
        found = found.filter(starts_at__lt=before)
    return found.order_by("starts_at", "pk")


def lead_time(agenda: Agenda) -> datetime:
    """Give the first moment that the public may book."""
    return timezone.now() + timedelta(hours=agenda.lead_hours)
