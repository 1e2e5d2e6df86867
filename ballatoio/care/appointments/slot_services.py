"""The part of services.py that makes the times: what hours, days off and closing days say, and no more."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ballatoio.base.accounts.models import Membership, User
from ballatoio.base.audit.services import record_act
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.models import DESK_ROLES

from .models import Appointment, Offer, Slot
from .times import Busy, DayOff, Hours, Planned, local_moment, plan_times
from .timetable import read_closed_days, read_days_off, read_timetable
from .turns import lock_agenda, offer_free_slots, take_back_offers

Key = tuple[uuid.UUID, datetime, datetime]


@dataclass(frozen=True)
class Plan:
    """What there should be from now on."""

    hours: tuple[Hours, ...]
    days_off: tuple[DayOff, ...]
    closed: frozenset[date]
    wanted: Mapping[Key, Planned]

    def planned(self, slot: Slot) -> Planned | None:
        """Give what the hours make of this very time, None when they do not make it."""
        return self.wanted.get((slot.operator_id, slot.starts_at, slot.ends_at))

    def is_lost(self, slot: Slot) -> bool:
        """Whether the lab is closed then, or the operator away."""
        if timezone.localdate(slot.starts_at) in self.closed:
            return True
        return any(day.takes(slot.operator_id, slot.starts_at, slot.ends_at) for day in self.days_off)

    def covers(self, slot: Slot) -> bool:
        """Whether the operator receives during the whole of a time, if not exactly from its beginning to its end."""
        on = timezone.localdate(slot.starts_at)
        return any(
            hours.operator_id == slot.operator_id
            and hours.holds_on(on)
            and local_moment(on, hours.opens) <= slot.starts_at
            and slot.ends_at <= local_moment(on, hours.closes)
            for hours in self.hours
        )


@transaction.atomic
def refresh_slots(lab: Lab, *, by: User | None) -> int:
    """Make the times of a lab what its hours, days off and closing days say, from now on; give how many are new.

    A time that somebody has stays theirs: if the hours no longer have it, it is stranded until it is moved or
    settled. A time that was held for whoever waits and is gone, is taken back. Doing it twice changes nothing.
    """
    agenda = lock_agenda(lab)
    plan = make_plan(lab, agenda.weeks_ahead)
    holding = Appointment.objects.holding().filter(slot=OuterRef("pk"))
    standing = Slot.objects.filter(lab=lab, starts_at__gt=timezone.now()).standing()
    there = list(standing.annotate(is_taken=Exists(holding)).order_by("starts_at", "pk"))
    taken, free = [s for s in there if s.is_taken], [s for s in there if not s.is_taken]
    _settle_taken(taken, plan)
    kept = _settle_free(free, plan, by)
    opened = _open_new([*taken, *kept], plan, lab)
    _forget_unused(lab)
    if opened:
        record_act("slots.open", lab, by=by, lab_id=lab.pk, detail={"count": opened})
    offer_free_slots(agenda, by=by)
    return opened


def make_plan(lab: Lab, weeks: int) -> Plan:
    """Give what there should be in a lab from now on, for so many weeks."""
    first = timezone.localdate()
    last = first + timedelta(weeks=weeks)
    days_off, closed = read_days_off(lab, first), read_closed_days(lab, first, last)
    hours = _of_who_works_here(read_timetable(lab).values(), lab)
    planned = plan_times(hours, days_off, closed, first, last, lab.province)
    now = timezone.now()
    wanted = {(p.operator_id, p.starts_at, p.ends_at): p for p in planned if p.starts_at > now}
    return Plan(tuple(hours), tuple(days_off), closed, wanted)


def _of_who_works_here(timetable: Iterable[Hours], lab: Lab) -> list[Hours]:
    """Give the hours of those who work at the desk today, no longer than they will."""
    members = Membership.objects.current().filter(lab=lab, role__in=DESK_ROLES, user__is_active=True)
    last_days: dict[uuid.UUID, date | None] = {}
    for user_id, until in members.values_list("user_id", "until"):
        known = last_days.get(user_id, until)
        last_days[user_id] = max(known, until) if known and until else None
    return [_until(hours, last_days[hours.operator_id]) for hours in timetable if hours.operator_id in last_days]


def _until(hours: Hours, last_day: date | None) -> Hours:
    if last_day is None or (hours.valid_to is not None and hours.valid_to <= last_day):
        return hours
    return Hours(**{**vars(hours), "valid_to": last_day})


def _settle_taken(slots: Sequence[Slot], plan: Plan) -> None:
    """Strand the times that somebody has and the hours no longer have; those that came back are as before."""
    for slot in slots:
        state, rota_id = slot.state, slot.rota_id
        if planned := plan.planned(slot):
            state, rota_id = Slot.State.OPEN, planned.rota_id
        elif plan.is_lost(slot):
            state = Slot.State.STRANDED
        elif rota_id is not None:
            # Inside the hours, which are cut in another way now: it stands as long as its appointment.
            state = Slot.State.SINGLE if plan.covers(slot) else Slot.State.STRANDED
        elif state == Slot.State.STRANDED:
            state = Slot.State.SINGLE
        if (state, rota_id) != (slot.state, slot.rota_id):
            slot.state, slot.rota_id = state, rota_id
            slot.save(update_fields=["state", "rota"])


def _settle_free(slots: Sequence[Slot], plan: Plan, by: User | None) -> list[Slot]:
    """Take away the free times that the hours no longer have; give those that stay."""
    kept, gone = [], []
    for slot in slots:
        planned = plan.planned(slot)
        if planned is None or slot.state != Slot.State.OPEN:
            gone.append(slot)
            continue
        kept.append(slot)
        if (slot.rota_id, slot.place) != (planned.rota_id, planned.place):
            slot.rota_id, slot.place = planned.rota_id, planned.place
            slot.save(update_fields=["rota", "place"])
    if gone:
        _withdraw(gone, by=by)
    return kept


def _open_new(there: Sequence[Slot], plan: Plan, lab: Lab) -> int:
    """Make the times that are missing, none over another of the same operator: whoever works in two labs, too."""
    busy: dict[uuid.UUID, Busy] = {}
    for slot in there:
        busy.setdefault(slot.operator_id, Busy()).add(slot.starts_at, slot.ends_at)
    operators = {planned.operator_id for planned in plan.wanted.values()}
    elsewhere = Slot.objects.filter(operator__in=operators, ends_at__gt=timezone.now()).standing().exclude(lab=lab)
    for operator_id, starts_at, ends_at in elsewhere.values_list("operator_id", "starts_at", "ends_at"):
        busy.setdefault(operator_id, Busy()).add(starts_at, ends_at)
    new = [
        Slot(
            lab=lab,
            operator_id=planned.operator_id,
            rota_id=planned.rota_id,
            starts_at=planned.starts_at,
            ends_at=planned.ends_at,
            place=planned.place,
        )
        for planned in plan.wanted.values()
        if not busy.setdefault(planned.operator_id, Busy()).overlaps(planned.starts_at, planned.ends_at)
    ]
    # Another lab may give the same operator a time in this very moment: then that one stands.
    Slot.objects.bulk_create(new, batch_size=500, ignore_conflicts=True)
    return len(new)


def _forget_unused(lab: Lab) -> None:
    """Forget the times gone by that nobody ever had: they are no record of anybody."""
    appointments = Appointment.objects.filter(slot=OuterRef("pk"))
    offers = Offer.objects.filter(slot=OuterRef("pk"))
    old = Slot.objects.filter(lab=lab, ends_at__lt=timezone.now() - timedelta(days=1))
    old.filter(~Exists(appointments), ~Exists(offers)).delete()


def _withdraw(slots: Sequence[Slot], *, by: User | None) -> None:
    """Take free times away, inside the caller's transaction; those that nobody ever had are forgotten altogether."""
    take_back_offers(slots, by=by)
    ids = [slot.pk for slot in slots]
    used = set(Appointment.objects.filter(slot__in=ids).values_list("slot", flat=True))
    used |= set(Offer.objects.filter(slot__in=ids).values_list("slot", flat=True))
    Slot.objects.filter(pk__in=used).update(state=Slot.State.WITHDRAWN)
    Slot.objects.filter(pk__in=set(ids) - used).delete()
