"""Accounts, memberships and codes: who may come in, as what, until when."""

import uuid
from datetime import date, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Model
from django.utils import timezone

from ballatoio.base.audit.services import record_act
from ballatoio.base.core import keys
from ballatoio.base.core.ids import clean_code, new_code
from ballatoio.base.labs.models import Lab, Organisation

from .models import AccessCode, Membership, User

WRONG_CODES_ALLOWED = 10
WRONG_CODES_WINDOW = timedelta(minutes=15)


class CodeDoesNotWork(Exception):
    """The code is wrong, expired, used up or revoked: whoever tries it is not told which."""


class TooManyWrongCodes(Exception):
    """Too many wrong codes came from the same place: wait before trying again."""


def start_membership(
    user: User,
    *,
    lab: Lab | None,
    role: str,
    organisation: Organisation | None = None,
    since: date | None = None,
    until: date | None = None,
    receives_requests: bool = False,
    by: User | None,
) -> Membership:
    """Let `user` work in `lab` (None: the whole installation) in a role, for an organisation, between two dates."""
    membership = Membership.objects.create(
        user=user,
        lab=lab,
        role=role,
        organisation=organisation,
        since=since or timezone.localdate(),
        until=until,
        receives_requests=receives_requests,
    )
    record_act("membership.start", membership, by=by, lab_id=lab.pk if lab else None, detail={"role": role})
    return membership


@transaction.atomic
def end_membership(membership: Membership, *, on: date, by: User) -> None:
    """End a membership with the day `on`: from the next day its user sees nothing of the lab."""
    membership.until = on
    membership.save(update_fields=["until"])
    record_act("membership.end", membership, by=by, lab_id=membership.lab_id, detail={"on": on.isoformat()})


@transaction.atomic
def issue_code(
    obj: Model,
    *,
    purpose: str,
    lab: Lab | None,
    valid_for: timedelta,
    max_uses: int = 1,
    by: User | None,
    subject_id: uuid.UUID | None = None,
) -> tuple[AccessCode, str]:
    """Make a code that opens `obj` for `purpose`; give its record and the code itself, which is kept nowhere.

    Codes of the same purpose for the same object that were handed out before stop working.
    """
    earlier = AccessCode.objects.filter(
        purpose=purpose, object_type=obj._meta.label_lower, object_id=obj.pk, revoked_at__isnull=True
    )
    earlier.update(revoked_at=timezone.now())
    code = new_code()
    access_code = AccessCode.objects.create(
        lab=lab,
        purpose=purpose,
        digest=_digest(code, purpose, keys.newest_key_id()),
        key_id=keys.newest_key_id(),
        object_type=obj._meta.label_lower,
        object_id=obj.pk,
        created_by=by,
        expires_at=timezone.now() + valid_for,
        max_uses=max_uses,
    )
    record_act("code.issue", access_code, by=by, lab_id=lab.pk if lab else None, subject_id=subject_id)
    return access_code, code


def redeem_code(code: str, *, purpose: str, lab: Lab | None, source: str) -> AccessCode:
    """Use a code once and give its record, with the object that it opens.

    `source` is the network address that tries (counted, never stored). Raise CodeDoesNotWork for any reason that
    the code does not open, TooManyWrongCodes after ten wrong ones from the same source in a quarter of an hour.
    """
    counter = f"wrong-codes:{keys.mac('rate', source.encode()).hex()[:32]}"
    if cache.get(counter, 0) >= WRONG_CODES_ALLOWED:
        raise TooManyWrongCodes
    digests = [_digest(clean_code(code), purpose, key_id) for key_id in keys.master_keys()]
    with transaction.atomic():
        found = (
            AccessCode.objects.usable()
            .select_for_update(of=("self",))
            .filter(digest__in=digests, purpose=purpose, lab=lab)
            .first()
        )
        if found is not None and AccessCode.objects.usable().filter(pk=found.pk).update(uses=F("uses") + 1):
            record_act("code.redeem", found, by=None, lab_id=lab.pk if lab else None)
            return found
    cache.add(counter, 0, WRONG_CODES_WINDOW.total_seconds())
    cache.incr(counter)
    raise CodeDoesNotWork


@transaction.atomic
def revoke_codes(obj: Model, *, by: User | None, lab_id: uuid.UUID | None) -> int:
    """Stop every code that opens `obj`; give how many were stopped."""
    stopped = AccessCode.objects.filter(
        object_type=obj._meta.label_lower, object_id=obj.pk, revoked_at__isnull=True
    ).update(revoked_at=timezone.now())
    if stopped:
        record_act("code.revoke", obj, by=by, lab_id=lab_id, detail={"codes": stopped})
    return stopped


def _digest(code: str, purpose: str, key_id: str) -> bytes:
    return keys.mac("code", f"{purpose}:{code}".encode(), key_id)
