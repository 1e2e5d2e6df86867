"""A resident's own access, and the end of data: how long it is kept, what is left when it goes."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Max, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, Membership, User
from ballatoio.base.accounts.services import CodeDoesNotWork, issue_code, redeem_code, shut_account
from ballatoio.base.audit.services import record_act
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.people.indexing import merged_files
from ballatoio.base.people.models import (
    EntrySnapshot,
    Household,
    Person,
    PersonIdentifier,
    PersonMerge,
    SensitiveSnapshot,
)
from ballatoio.base.people.services import note_seen
from ballatoio.base.vault.models import SealedRecord
from ballatoio.base.vault.services import forget_keys
from ballatoio.care.appointments.models import Appointment, Offer, WaitingPlace
from ballatoio.care.desk.models import Answer, Contact, Message, Need
from ballatoio.care.referrals.models import Referral

from .models import MonthStatistic, RetentionRule

SIGN_IN_CODE_LIFE = timedelta(days=7)
# How long a rule that erases more waits, so that a wrong number can be taken back.
TIME_TO_THINK = timedelta(days=7)
BATCH = 200
Kind = RetentionRule.Kind


class WorksHere(Exception):
    """This person also works in a lab: they enter as staff, with their second factor, not with a code."""


@dataclass(frozen=True)
class Expired:
    """What a rule lets go: how many records of a kind, all older than the month that begins on `before`.

    `waits`: the rule has its effect later, and this is what it will let go on that day.
    """

    rule: RetentionRule
    before: date
    count: int
    waits: bool


class ErasesMore(Exception):
    """This rule keeps records for a shorter time than today: whoever decides must have seen how many would go."""

    def __init__(self, expired: Expired) -> None:
        super().__init__(expired)
        self.expired = expired


def issue_sign_in_code(person: Person, *, by: User) -> tuple[AccessCode, str]:
    """Make the one-time code with which `person` opens their own page; the one given before stops working.

    Raise WorksHere when the person's account belongs to somebody of the staff.
    """
    if person.user and person.user.is_lab_staff:
        raise WorksHere
    return issue_code(
        person,
        purpose=AccessCode.Purpose.SIGN_IN,
        lab=person.lab,
        valid_for=SIGN_IN_CODE_LIFE,
        by=by,
        subject_id=person.pk,
    )


@transaction.atomic
def open_resident_session(code: str, *, lab: Lab, source: str) -> User:
    """Use a one-time code and give the user of its person, made now when it is their first time.

    Raise CodeDoesNotWork for every reason that it does not open (the person works here, too), TooManyWrongCodes
    after too many tries.
    """
    access_code = redeem_code(code, purpose=AccessCode.Purpose.SIGN_IN, lab=lab, source=source)
    person = (
        Person.objects.select_for_update(of=("self",), no_key=True).filter(pk=access_code.object_id, lab=lab).first()
    )
    if person is None:
        raise CodeDoesNotWork
    if person.user is None:
        # No e-mail and no password: only a code from the desk opens this account.
        person.user = User.objects.create_user(None, language=(person.languages_read or ["it"])[0])
        person.save(update_fields=["user"])
        record_act("person.link_account", person, by=person.user, lab_id=lab.pk, subject_id=person.pk)
    if person.user.is_lab_staff or not person.user.is_active:
        raise CodeDoesNotWork
    note_seen(person, timezone.localdate())
    return person.user


@transaction.atomic
def set_retention_rule(
    lab: Lab, *, kind: str, months: int, source: str, by: User | None, confirmed: bool = False
) -> RetentionRule:
    """Decide how many months `lab` keeps records of `kind`; `source` names the decision or the law.

    A first rule, or a shorter time, raises ErasesMore unless it is `confirmed`, and has its effect after
    TIME_TO_THINK; until then nothing of the kind is erased. A longer time shortens no such wait.
    """
    today = timezone.localdate()
    Lab.objects.select_for_update(of=("self",), no_key=True).get(pk=lab.pk)
    there = RetentionRule.objects.filter(lab=lab, kind=kind).first()
    rule = there or RetentionRule(lab=lab, kind=kind)
    is_shorter = there is None or months < there.months
    rule.months, rule.source, rule.decided_on = months, source, today
    if is_shorter:
        rule.effective_on = today + TIME_TO_THINK
        if not confirmed:
            raise ErasesMore(_find(rule, today))
    rule.save()
    detail = {"kind": kind, "months": months, "from": str(rule.effective_on)}
    record_act("retention.set", rule, by=by, lab_id=lab.pk, detail=detail)
    return rule


def first_month_kept(months: int, on: date) -> date:
    """Give the first day of the oldest month that is kept whole: what is older goes.

    >>> first_month_kept(24, date(2026, 11, 22))
    datetime.date(2024, 11, 1)
    """
    month = on.year * 12 + on.month - 1 - months
    return date(month // 12, month % 12 + 1, 1)


def find_expired(lab: Lab, *, on: date | None = None) -> list[Expired]:
    """Give what each rule of `lab` lets go on a day (today), or when it has its effect: nothing is changed."""
    day = on or timezone.localdate()
    return [_find(rule, day) for rule in RetentionRule.objects.filter(lab=lab).order_by("kind")]


def _find(rule: RetentionRule, day: date) -> Expired:
    before = first_month_kept(rule.months, max(day, rule.effective_on))
    count = sum(records.count() for records in _expired(rule, before))
    return Expired(rule, before, count, waits=day < rule.effective_on)


def erase_expired(lab: Lab, *, on: date | None = None, at_most: int = BATCH) -> int:
    """Erase up to `at_most` records of each kind that a rule of `lab` lets go; give how many (0: nothing is left).

    In one transaction each: count what is going into MonthStatistic, delete it, destroy its keys, record the act.
    A contact with an open need stays until the need is closed.
    """
    return sum(_erase(found, at_most) for found in find_expired(lab, on=on) if found.count and not found.waits)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _expired(rule: RetentionRule, before: date) -> "list[QuerySet[Model]]":
    """Give the records that `rule` lets go when only those from `before` on are kept."""
    moment = _midnight(before)
    if rule.kind == Kind.CONTACT:
        still_open = Need.objects.still_open().filter(contact=OuterRef("pk"))
        contacts = Contact.objects.filter(~Exists(still_open), lab=rule.lab, started_at__lt=moment)
        # What is still to be said about something to come is not old.
        notices = Delivery.objects.filter(lab=rule.lab, created_at__lt=moment, not_before__lt=moment)
        appointments = Appointment.objects.filter(lab=rule.lab, slot__ends_at__lt=moment)
        # Whoever still waits is kept: nothing of theirs is over.
        places = WaitingPlace.objects.filter(lab=rule.lab, ended_at__lt=moment)
        messages = Message.objects.filter(lab=rule.lab, left_at__lt=moment)
        return [contacts, messages, notices, appointments, places]
    if rule.kind == Kind.PERSON:
        people = Person.objects.filter(
            ~Exists(Contact.objects.filter(person=OuterRef("pk"))),
            ~Exists(Need.objects.filter(person=OuterRef("pk"))),
            ~Exists(Message.objects.filter(person=OuterRef("pk"))),
            ~Exists(EntrySnapshot.objects.filter(person=OuterRef("pk"))),
            ~Exists(Appointment.objects.filter(person=OuterRef("pk"))),
            ~Exists(WaitingPlace.objects.filter(person=OuterRef("pk"))),
            lab=rule.lab,
            last_seen_on__lt=before,
            # A file that became part of another goes with it.
            merged_into__isnull=True,
        )
        return [people]
    if rule.kind == Kind.FUND:
        return [EntrySnapshot.objects.filter(person__lab=rule.lab, entered_on__lt=before)]
    left = Membership.objects.filter(lab=rule.lab, until__lt=before, user__is_active=True)
    gone = User.objects.filter(pk__in=left.values("user")).annotate(last=Max("memberships__until"))
    still_here = Membership.objects.current().filter(user=OuterRef("pk"))
    return [gone.filter(~Exists(still_here), last__lt=before)]


def _erase(found: Expired, at_most: int) -> int:
    erased = 0
    for records in _expired(found.rule, found.before):
        with transaction.atomic():
            ids = list(records.order_by("pk").values_list("pk", flat=True)[:at_most])
            if not ids:
                continue
            ERASERS[records.model](ids, found.rule.lab)
            record_act(
                "retention.erase",
                found.rule,
                by=None,
                lab_id=found.rule.lab_id,
                detail={"records": records.model._meta.label_lower, "count": len(ids), "before": str(found.before)},
            )
            erased += len(ids)
    return erased


def _count_months(lab: Lab, measure: str, rows: Iterable[tuple[datetime, str]]) -> None:
    """Write how many rows there were for each month and value: nothing that ties two values of one record."""
    counts: Counter[tuple[date, str]] = Counter()
    for moment, value in rows:
        counts[timezone.localtime(moment).date().replace(day=1), value] += 1
    MonthStatistic.objects.bulk_create(
        MonthStatistic(lab=lab, month=month, measure=measure, value=value[:60], count=count)
        for (month, value), count in counts.items()
    )


def _erase_contacts(ids: list[UUID], lab: Lab) -> None:
    contacts = Contact.objects.filter(pk__in=ids)
    needs = Need.objects.filter(contact__in=ids)
    answers = Answer.objects.filter(need__contact__in=ids)
    for measure in ("channel", "language", "interpreter"):
        _count_months(lab, measure, contacts.values_list("started_at", measure))
    terms = needs.values_list("opened_at", "term__code")
    _count_months(lab, "need", ((opened_at, code or "") for opened_at, code in terms))
    _count_months(lab, "need_state", needs.values_list("opened_at", "state"))
    _count_months(lab, "answer", answers.values_list("given_at", "kind"))
    referrals = Referral.objects.filter(need__contact__in=ids)
    about = [Delivery.objects.about(records) for records in (contacts, needs, answers, referrals)]
    said = [pk for notices in about for pk in notices.values_list("pk", flat=True)]
    _erase_notices(Delivery.objects.filter(pk__in=said), lab)
    _count_months(lab, "referral", referrals.values_list("sent_at", "state"))
    AccessCode.objects.filter(object_type=Contact._meta.label_lower, object_id__in=ids).delete()
    referred = list(referrals.values_list("pk", flat=True))
    AccessCode.objects.filter(object_type=Referral._meta.label_lower, object_id__in=referred).delete()
    for records in (referrals, answers, needs, contacts):
        _erase_sealed(records)


def _erase_sealed(records: "QuerySet[SealedRecord]") -> None:
    key_ids = list(records.filter(data_key__isnull=False).values_list("data_key_id", flat=True))
    records.delete()
    forget_keys(key_ids)


def _erase_people(ids: list[UUID], lab: Lab) -> None:
    people = Person.objects.filter(pk__in=ids)
    _count_months(lab, "person", ((created_at, "") for created_at in people.values_list("created_at", flat=True)))
    # With the files that became part of theirs, and what was kept in order to undo it.
    ids = [*ids, *(file.pk for file in merged_files(ids))]
    people = Person.objects.filter(pk__in=ids)
    _erase_sealed(PersonMerge.objects.filter(Q(kept__in=ids) | Q(merged__in=ids)))
    _erase_notices(Delivery.objects.filter(person__in=ids), lab)
    accounts = list(people.filter(user__isnull=False, user__memberships=None).values_list("user_id", flat=True))
    AccessCode.objects.filter(object_type=Person._meta.label_lower, object_id__in=ids).delete()
    _erase_sealed(PersonIdentifier.objects.filter(person__in=ids))
    households = list(Household.objects.filter(members__person__in=ids).values_list("pk", flat=True))
    _erase_sealed(people)
    Household.objects.filter(pk__in=households, members=None).delete()
    User.objects.filter(pk__in=accounts).delete()


def _erase_messages(ids: list[UUID], lab: Lab) -> None:
    _erase_sealed(Message.objects.filter(pk__in=ids))


def _erase_notices(notices: "QuerySet[Delivery]", lab: Lab) -> None:
    """Forget messages with their texts and keys; how many there were in a month, on which channel, stays."""
    _count_months(lab, "notice", notices.order_by().values_list("created_at", "channel"))
    _erase_sealed(notices)


def _erase_appointments(ids: list[UUID], lab: Lab) -> None:
    """Forget who had which time; how many there were in a month, and how they went, stays."""
    appointments = Appointment.objects.filter(pk__in=ids)
    rows = appointments.order_by().values_list("slot__starts_at", "state", "missed")
    _count_months(lab, "appointment", ((starts_at, missed or state) for starts_at, state, missed in rows))
    _forget_what_is_about(appointments, lab)


def _erase_places(ids: list[UUID], lab: Lab) -> None:
    places = WaitingPlace.objects.filter(pk__in=ids)
    _count_months(lab, "waiting", places.order_by().values_list("joined_at", "state"))
    offered = list(Delivery.objects.about(Offer.objects.filter(place__in=ids)).values_list("pk", flat=True))
    _erase_notices(Delivery.objects.filter(pk__in=offered), lab)
    _forget_what_is_about(places, lab)


def _forget_what_is_about(records: "QuerySet[Any]", lab: Lab) -> None:
    """Erase sealed records with their codes, and with the messages that repeated what they said."""
    ids, kind = list(records.values_list("pk", flat=True)), records.model._meta.label_lower
    said = list(Delivery.objects.about(records).values_list("pk", flat=True))
    _erase_notices(Delivery.objects.filter(pk__in=said), lab)
    AccessCode.objects.filter(object_type=kind, object_id__in=ids).delete()
    _erase_sealed(records)


def _erase_snapshots(ids: list[UUID], lab: Lab) -> None:
    _erase_sealed(SensitiveSnapshot.objects.filter(snapshot__in=ids))
    EntrySnapshot.objects.filter(pk__in=ids).delete()


def _forget_users(ids: list[UUID], lab: Lab) -> None:
    """Keep the account, which the lab's records point to, without anything that says whose it was."""
    for user in User.objects.filter(pk__in=ids):
        shut_account(user, by=None, lab_id=lab.pk)
        user.name, user.is_active = "", False
        user.save(update_fields=["name", "is_active"])


ERASERS: dict[type[Model], Callable[[list[UUID], Lab], None]] = {
    Contact: _erase_contacts,
    Message: _erase_messages,
    Delivery: lambda ids, lab: _erase_notices(Delivery.objects.filter(pk__in=ids), lab),
    Person: _erase_people,
    EntrySnapshot: _erase_snapshots,
    Appointment: _erase_appointments,
    WaitingPlace: _erase_places,
    User: _forget_users,
}
