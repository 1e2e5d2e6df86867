"""The part of services.py about who receives when: hours, days off, closing days, kinds, the calendar's link."""

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import AccessCode, Membership, User
from ballatoio.base.accounts.services import (
    LINK_CODE,
    CodeDoesNotWork,
    issue_code,
    look_up_code,
    revoke_codes,
)
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.models import Translation
from ballatoio.base.directory.services import mark_stale, set_translations
from ballatoio.base.jobs.services import submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.labs.services import close_lab_on, open_lab_on
from ballatoio.care.desk.models import DESK_ROLES
from ballatoio.care.desk.services import check_owner

from .models import Absence, Agenda, AppointmentKind, Rota
from .slot_services import refresh_slots
from .turns import lock_agenda

# The link is renewed once a year at the latest: an old telephone stops reading it.
CALENDAR_LIFE = timedelta(days=365)
ROTA_FIELDS = frozenset(
    (
        *("weekday", "opens", "closes", "languages", "interpreter_languages"),
        *("place", "is_public", "valid_from", "valid_to"),
    )
)
KIND_FIELDS = frozenset(("name", "minutes", "bring", "term", "is_public", "is_active"))


class RotaOverlaps(Exception):
    """The operator receives at these hours already; the message says when."""


class KindNameTaken(Exception):
    """The lab has a kind with this name already."""


class NotAtThisDesk(Exception):
    """Only who works at the desk has a calendar here."""


# --- Hours ---------------------------------------------------------------------------------------------------


@transaction.atomic
def add_rota(
    lab: Lab, *, operator: User, kinds: list[AppointmentKind], by: User, once: str = "", **fields: Any
) -> Rota:
    """Let an operator receive on a weekday (`fields`: those of ROTA_FIELDS) and open the times that come of it.

    Raise OwnerCannotWorkHere, RotaOverlaps, AlreadySubmitted.
    """
    check_owner(lab, operator)
    rota = Rota(lab=lab, operator=operator)
    submit_once(once, str(rota.pk))
    _write_rota(rota, fields)
    rota.save(force_insert=True)
    rota.kinds.set(kinds)
    record_act("rota.add", rota, by=by, lab_id=lab.pk, detail={"operator": str(operator.pk)})
    refresh_slots(lab, by=by)
    return rota


@transaction.atomic
def amend_rota(rota: Rota, *, version: int, kinds: list[AppointmentKind], by: User, **fields: Any) -> Rota:
    """Change some hours; appointments that no longer fall into any are to be moved. The operator stays the same.

    Raise ChangedElsewhere, RotaOverlaps.
    """
    current = Rota.objects.select_for_update(of=("self",), no_key=True).select_related("lab").get(pk=rota.pk)
    if current.version != version:
        raise ChangedElsewhere(current)
    _write_rota(current, fields)
    current.version += 1
    current.save()
    current.kinds.set(kinds)
    record_act("rota.amend", current, by=by, lab_id=current.lab_id, detail={"fields": sorted(fields)})
    refresh_slots(current.lab, by=by)
    return current


def _write_rota(rota: Rota, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name not in ROTA_FIELDS:
            raise TypeError(name)
        setattr(rota, name, value)
    last = rota.valid_to or date.max
    same = Rota.objects.filter(lab=rota.lab, operator=rota.operator, weekday=rota.weekday).exclude(pk=rota.pk)
    same = same.filter(opens__lt=rota.closes, closes__gt=rota.opens, valid_from__lte=last)
    other = same.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=rota.valid_from)).first()
    if other is not None:
        raise RotaOverlaps(
            _("Riceve già dalle %(opens)s alle %(closes)s di quel giorno: cambia gli orari o chiudi l’altro turno.")
            % {"opens": f"{other.opens:%H:%M}", "closes": f"{other.closes:%H:%M}"}
        )


@transaction.atomic
def end_rota(rota: Rota, *, on: date, by: User) -> None:
    """Let some hours end with a day; hours that would end before they begin are forgotten altogether."""
    current = Rota.objects.select_for_update(of=("self",), no_key=True).select_related("lab").get(pk=rota.pk)
    record_act("rota.end", current, by=by, lab_id=current.lab_id, detail={"on": on.isoformat()})
    if on < current.valid_from:
        current.delete()
    else:
        current.valid_to = on
        current.version += 1
        current.save(update_fields=["valid_to", "version"])
    refresh_slots(current.lab, by=by)


# --- Days off and closing days ---------------------------------------------------------------------------------


@transaction.atomic
def add_absence(
    lab: Lab,
    *,
    operator: User,
    first_on: date,
    last_on: date,
    from_time: time | None = None,
    until_time: time | None = None,
    by: User,
    once: str = "",
) -> Absence:
    """Take the free times of an operator away for some days; appointments there are to be moved.

    Raise OwnerCannotWorkHere, AlreadySubmitted.
    """
    check_owner(lab, operator)
    submit_once(once)
    absence = Absence.objects.create(
        lab=lab,
        operator=operator,
        first_on=first_on,
        last_on=last_on,
        from_time=from_time,
        until_time=until_time,
    )
    record_act("absence.add", absence, by=by, lab_id=lab.pk, detail={"from": str(first_on), "to": str(last_on)})
    refresh_slots(lab, by=by)
    return absence


@transaction.atomic
def remove_absence(absence: Absence, *, by: User) -> None:
    """The operator receives after all: the times come back."""
    lab = absence.lab
    record_act("absence.remove", absence, by=by, lab_id=lab.pk, detail={"from": str(absence.first_on)})
    Absence.objects.filter(pk=absence.pk).delete()
    refresh_slots(lab, by=by)


@transaction.atomic
def close_desk_on(lab: Lab, *, on: date, reason: str, by: User) -> None:
    """Close the lab on a day: nobody can book it any more, appointments there are to be moved."""
    close_lab_on(lab, on=on, reason=reason, by=by)
    refresh_slots(lab, by=by)


@transaction.atomic
def open_desk_on(lab: Lab, *, on: date, by: User) -> None:
    """Take a closing day back: the times of the day come back."""
    open_lab_on(lab, on=on, by=by)
    refresh_slots(lab, by=by)


# --- Kinds ---------------------------------------------------------------------------------------------------


Texts = Mapping[str, Mapping[str, str]]


@transaction.atomic
def add_kind(lab: Lab, *, by: User, texts: Texts | None = None, once: str = "", **fields: Any) -> AppointmentKind:
    """Add a kind of appointment (`fields`: those of KIND_FIELDS). `texts`: name and bring, by language.

    Raise KindNameTaken, AlreadySubmitted.
    """
    kind = AppointmentKind(lab=lab)
    submit_once(once, str(kind.pk))
    _write_kind(kind, fields)
    kind.slug = _free_slug(kind)
    kind.save(force_insert=True)
    record_act("kind.add", kind, by=by, lab_id=lab.pk)
    _translate(kind, texts or {}, by)
    return kind


@transaction.atomic
def amend_kind(
    kind: AppointmentKind, *, version: int, by: User, texts: Texts | None = None, **fields: Any
) -> AppointmentKind:
    """Change a kind; how long it takes counts for the times that nobody has yet. Its address stays the same.

    Raise ChangedElsewhere, KindNameTaken.
    """
    related = AppointmentKind.objects.select_related("lab")
    current = related.select_for_update(of=("self",), no_key=True).get(pk=kind.pk)
    if current.version != version:
        raise ChangedElsewhere(current)
    before = (current.minutes, current.is_active)
    _write_kind(current, fields)
    current.version += 1
    current.save()
    mark_stale(current)
    record_act("kind.amend", current, by=by, lab_id=current.lab_id, detail={"fields": sorted(fields)})
    _translate(current, texts or {}, by)
    if before != (current.minutes, current.is_active):
        refresh_slots(current.lab, by=by)
    return current


def _write_kind(kind: AppointmentKind, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name not in KIND_FIELDS:
            raise TypeError(name)
        setattr(kind, name, value)
    if AppointmentKind.objects.filter(lab=kind.lab, name__iexact=kind.name).exclude(pk=kind.pk).exists():
        raise KindNameTaken


def _free_slug(kind: AppointmentKind) -> str:
    base = slugify(kind.name)[:50] or "appuntamento"
    taken = set(AppointmentKind.objects.filter(lab=kind.lab, slug__startswith=base).values_list("slug", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (base, *numbered) if slug not in taken)


def _translate(kind: AppointmentKind, texts: Texts, by: User) -> None:
    for language, fields in texts.items():
        known = {name: text for name, text in fields.items() if name != "state"}
        state = fields.get("state") or Translation.State.DRAFT
        set_translations(kind, known, language=language, state=state, by=by, lab=kind.lab)


@transaction.atomic
def set_agenda(lab: Lab, *, version: int, weeks_ahead: int, lead_hours: int, hold_hours: int, by: User) -> Agenda:
    """Decide how a lab gives appointments: how far ahead, until when alone, how long a place is held.

    Raise ChangedElsewhere.
    """
    agenda = lock_agenda(lab)
    if agenda.version != version:
        raise ChangedElsewhere(agenda)
    agenda.weeks_ahead, agenda.lead_hours, agenda.hold_hours = weeks_ahead, lead_hours, hold_hours
    agenda.version += 1
    agenda.save()
    detail = {"weeks": weeks_ahead, "lead": lead_hours, "hold": hold_hours}
    record_act("agenda.set", lab, by=by, lab_id=lab.pk, detail=detail)
    refresh_slots(lab, by=by)
    return agenda


# --- The calendar's link -----------------------------------------------------------------------------------------


def membership_of(user: User, lab: Lab) -> Membership | None:
    """Give the membership for which somebody has a calendar in a lab: it ends with their work there."""
    here = Membership.objects.current().filter(lab=lab, user=user, role__in=DESK_ROLES)
    return here.order_by("since", "pk").first()


@transaction.atomic
def issue_calendar_code(user: User, *, lab: Lab) -> str:
    """Give a new secret code for the calendar of `user`; the one before stops working. Raise NotAtThisDesk."""
    membership = membership_of(user, lab)
    if membership is None:
        raise NotAtThisDesk
    _access_code, code = issue_code(
        membership,
        purpose=AccessCode.Purpose.CALENDAR,
        lab=lab,
        valid_for=CALENDAR_LIFE,
        length=LINK_CODE,
        by=user,
    )
    return code


def revoke_calendar_code(user: User, *, lab: Lab) -> None:
    """Stop the link of the calendar of `user`."""
    membership = membership_of(user, lab)
    if membership is not None:
        revoke_codes(membership, by=user, lab_id=lab.pk)


def calendar_code_of(user: User, lab: Lab) -> AccessCode | None:
    """Give the record of the link that works today, to say since when and until when; None when there is none."""
    membership = membership_of(user, lab)
    if membership is None:
        return None
    codes = AccessCode.objects.usable().filter(purpose=AccessCode.Purpose.CALENDAR, object_id=membership.pk)
    return codes.order_by("-created_at").first()


def operator_of_calendar(code: str, *, lab: Lab, source: str) -> User:
    """Give whose calendar a code opens: only while they work at the desk.

    Raise CodeDoesNotWork for any reason that it does not open, TooManyWrongCodes.
    """
    found = look_up_code(code, purpose=AccessCode.Purpose.CALENDAR, lab=lab, source=source)
    here = Membership.objects.current().filter(pk=found.object_id, lab=lab, role__in=DESK_ROLES)
    membership = here.select_related("user").filter(user__is_active=True).first()
    if membership is None:
        raise CodeDoesNotWork
    return membership.user
