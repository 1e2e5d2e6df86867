"""The part of services.py that a service does by itself, without an account, behind the link in its post.

The link alone opens nothing: whoever forwards it, or finds it, sees the lab's name and may have a code sent to the
address of the service, which is in the directory. The code, used once, lets that browser read that one request.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode
from ballatoio.base.accounts.services import CodeDoesNotWork, issue_code, look_up_code, redeem_code
from ballatoio.base.audit.services import record_act
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.services import notify_address

from . import messages
from .models import Referral, ReferralEvent
from .services import (
    answer_referral,
    become,
    lock_referral,
    phone_became_unsafe,
    texts_of,
    way_to,
    write_down,
)

Purpose, State, Channel = AccessCode.Purpose, Referral.State, ReferralEvent.Channel
CHECK_LIFE = timedelta(minutes=15)
# Somebody who has the link must not fill the post of the service.
CHECKS_IN_AN_HOUR = 5


class TooManyChecks(Exception):
    """So many codes were sent within an hour that one of them must have arrived."""


def find_by_link(code: str, *, lab: Lab, source: str) -> Referral:
    """Give the referral that a link opens; nothing changes by looking.

    Raise CodeDoesNotWork for every reason that it opens nothing (forged, expired, replaced, withdrawn, answered,
    nowhere to send a code), TooManyWrongCodes after too many tries from the same place.
    """
    access_code = look_up_code(code, purpose=Purpose.REFERRAL, lab=lab, source=source)
    related = ("lab", "person", "service__organisation", "consent", "data_key")
    referral = Referral.objects.filter(pk=access_code.object_id, lab=lab).select_related(*related).first()
    if referral is None or not _opens(referral):
        raise CodeDoesNotWork
    return referral


def _opens(referral: Referral) -> bool:
    withdrawn = referral.consent is not None and referral.consent.withdrawn_on is not None
    return referral.state in Referral.OPEN_BY_LINK and not withdrawn and bool(address_of(referral))


def address_of(referral: Referral) -> str:
    """Give the e-mail address at which the directory knows the service today, "" when it knows none."""
    way = way_to(referral.service)
    return way.to if way is not None and way.channel == Delivery.Channel.EMAIL else ""


def masked_address(referral: Referral) -> str:
    """Give as much of the address as its owner recognises, and nobody else learns."""
    return f"{address_of(referral)[:1]}***@…"


@transaction.atomic
def ask_for_check(code: str, *, lab: Lab, source: str) -> None:
    """Send a code that works for CHECK_LIFE to the address of the service; the one sent before stops working.

    Raise as find_by_link does, and TooManyChecks.
    """
    referral = lock_referral(find_by_link(code, lab=lab, source=source).pk)
    since = timezone.now() - timedelta(hours=1)
    sent = referral.events.filter(kind=ReferralEvent.Kind.CODE, at__gt=since).count()
    if sent >= CHECKS_IN_AN_HOUR:
        raise TooManyChecks
    write_down(referral, ReferralEvent.Kind.CODE, by=None, channel=Channel.LINK)
    subject = referral.person_id
    access_code, check = issue_code(
        referral, purpose=Purpose.REFERRAL_CHECK, lab=lab, valid_for=CHECK_LIFE, by=None, subject_id=subject
    )
    minutes = int(CHECK_LIFE.total_seconds() // 60)
    notify_address(
        lab,
        channel=Delivery.Channel.EMAIL,
        to=address_of(referral),
        kind="referral.check",
        key=f"referral.check:{access_code.pk}",
        compose=lambda: messages.check_code(referral, check, minutes=minutes),
        about=referral,
        by=None,
        name=referral.organisation_name,
        expires_at=access_code.expires_at,
    )


@transaction.atomic
def open_with_check(code: str, check: str, *, lab: Lab, source: str) -> Referral:
    """Use the code that was sent; the service now reads the request, and it is SEEN. Give the referral.

    Raise as find_by_link does; CodeDoesNotWork also when the code is wrong, used, too old, or of another request.
    """
    referral = lock_referral(find_by_link(code, lab=lab, source=source).pk)
    access_code = redeem_code(check, purpose=Purpose.REFERRAL_CHECK, lab=lab, source=source)
    if access_code.object_id != referral.pk:
        raise CodeDoesNotWork
    if referral.state == State.SENT:
        become(referral, State.SEEN)
        write_down(referral, ReferralEvent.Kind.SEEN, by=None, channel=Channel.LINK)
    return referral


@transaction.atomic
def read_by_link(referral: Referral) -> dict[str, str]:
    """Give what the service is told; that it was read is recorded. The caller has checked who reads.

    A number that has become unsafe since it was given is told no more.
    """
    detail = {"channel": Channel.LINK}
    record_act("referral.open", referral, by=None, lab_id=referral.lab_id, subject_id=referral.person_id, detail=detail)
    texts = texts_of(referral)
    told = ("name", "words") if phone_became_unsafe(referral, texts) else ("name", "phone", "phone_note", "words")
    return {name: text for name, text in texts.items() if name in told}


def answer_by_link(referral: Referral, *, state: str, version: int, refusal: str = "", words: str = "") -> Referral:
    """Write down what a service answers by its link. Raise as answer_referral does."""
    return answer_referral(
        referral, state=state, channel=Channel.LINK, by=None, version=version, refusal=refusal, words=words
    )
