"""The part of services.py that sends somebody on: what is checked, agreed to, kept, and said to the service."""

from django.db import transaction
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.core.ids import new_code
from ballatoio.base.directory.models import Service
from ballatoio.base.jobs.services import submit_once
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import record_consent
from ballatoio.base.vault.services import seal_texts
from ballatoio.care.desk.models import Answer, Contact, Need
from ballatoio.care.desk.need_services import answer_need, refer_need
from ballatoio.care.desk.services import AnswerGiven

from .clock import expiry_day, reminder_day
from .consent import SCOPE, TEXT_VERSION, Agreed, Told, consent_words_in
from .models import Referral, ReferralEvent
from .rules import can_be_sent_to, may_give_phone, must_be_confirmed
from .services import Way, tell_service, way_to, write_down

REFERENCE_LENGTH = 6


class ServiceIsGone(Exception):
    """The service is no longer there: somebody sent to it would find nobody."""


class ServiceIsClosed(Exception):
    """The service is shut for now: whoever sends somebody there has to say that they know."""


class NobodyToReach(Exception):
    """Neither the service nor its organisation has an e-mail, a telephone or an address."""


class PhoneIsNotSafe(Exception):
    """This number must not be given to anybody: it is not safe to call this person on it."""


class NothingIsTold(Exception):
    """The service would be told nothing at all: it could not do anything."""


def check_service(service: Service, *, confirmed: bool) -> Way:
    """Give the way to a service; raise ServiceIsGone, ServiceIsClosed (unless `confirmed`) or NobodyToReach."""
    if not can_be_sent_to(service):
        raise ServiceIsGone
    way = way_to(service)
    if way is None:
        raise NobodyToReach
    if must_be_confirmed(service) and not confirmed:
        raise ServiceIsClosed
    return way


def check_told(told: Told, person: Person | None) -> None:
    """Raise NothingIsTold or PhoneIsNotSafe for what must not leave the lab."""
    if not told.texts():
        raise NothingIsTold
    phone = told.texts().get("phone", "")
    if phone and person and not may_give_phone(person, person.contact_points.all(), phone):
        raise PhoneIsNotSafe


@transaction.atomic
def send_referral(
    need: Need,
    *,
    by: User,
    version: int,
    service: Service,
    told: Told,
    agreed: Agreed,
    closed_is_known: bool = False,
    once: str = "",
) -> Referral:
    """Send whoever has a need on to a service, which is told what they agreed to, and wait for its answer.

    All at once: the consent with its words, the answer of the desk, the referral, the message to the service.
    Raise AlreadySubmitted (its result is the referral's id), ServiceIsGone, ServiceIsClosed, NobodyToReach,
    NothingIsTold, PhoneIsNotSafe, ChangedElsewhere, NeedIsClosed.
    """
    today, person, lab = timezone.localdate(), need.person, need.lab
    check_service(service, confirmed=closed_is_known)
    check_told(told, person)
    referral = Referral(lab=lab, need=need, person=person, service=service, sent_by=by, language=told.language)
    submit_once(once, str(referral.pk))
    _lock_need(need)
    referral.reference = _free_reference(lab)
    referral.service_name, referral.organisation_name = service.name, service.organisation.name
    referral.shares = sorted(told.shares)
    referral.expires_on = expiry_day(lab, today)
    referral.next_reminder_on = reminder_day(lab, today, referral.expires_on)
    referral.consent_version, referral.consent_how = TEXT_VERSION, agreed.how
    referral.consent_language = agreed.language
    words = consent_words_in(agreed.language, lab, service, told, expires_on=referral.expires_on)
    if person is not None:
        referral.consent = record_consent(
            person,
            by=by,
            scope=SCOPE,
            text_version=TEXT_VERSION,
            how=agreed.how,
            language=agreed.language,
            ends_on=referral.expires_on,
        )
    referral.answer = refer_need(
        need,
        by=by,
        version=version,
        service=service,
        reference=referral.reference,
        next_on=referral.next_reminder_on or referral.expires_on,
    )
    seal_texts([(referral, told.texts() | {"consent": words})])
    write_down(referral, ReferralEvent.Kind.SENT, by=by, channel=ReferralEvent.Channel.DESK, shares=referral.shares)
    tell_service(referral, by=by)
    return referral


def _lock_need(need: Need) -> None:
    """Lock what the services called below lock, before the first of them holds the audit of the lab.

    The person first, as whoever merges two files does.
    """
    if need.person_id is not None:
        Person.objects.select_for_update(of=("self",), no_key=True).get(pk=need.person_id)
    Contact.objects.select_for_update(of=("self",), no_key=True).get(pk=need.contact_id)
    Need.objects.select_for_update(of=("self",), no_key=True).get(pk=need.pk)


def _free_reference(lab: Lab) -> str:
    """Give a reference that no referral of the lab has; of 29⁶ one that is taken is drawn once in a lifetime."""
    while True:
        reference = new_code(REFERENCE_LENGTH)
        if not Referral.objects.filter(lab=lab, reference=reference).exists():
            return reference


def orient_instead(need: Need, *, by: User, version: int, service: Service) -> Need:
    """Answer with the way to a service, because the person did not agree to a referral: nothing about them leaves.

    Raise ChangedElsewhere, NeedIsClosed.
    """
    answer = AnswerGiven(kind=Answer.Kind.ORIENTATION, service=service)
    return answer_need(need, by=by, version=version, answer=answer)
