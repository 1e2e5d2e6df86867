"""Accounts, memberships and codes: who may come in, as what, until when."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Model
from django.utils import timezone

from ballatoio.base.audit.services import record_act
from ballatoio.base.core import keys
from ballatoio.base.core.ids import clean_code, new_code
from ballatoio.base.labs.models import Lab, Organisation

from .models import LAB_ROLES, AccessCode, AccessCodeQuerySet, Membership, User

WRONG_CODES_ALLOWED = 10
# About 49 and 117 bits.
SPOKEN_CODE, LINK_CODE = 10, 24
CODE_RECORD_LIFE = timedelta(days=30)
INVITATION_LIFE = timedelta(days=7)
WRONG_CODES_WINDOW = timedelta(minutes=15)


class RoleIsNotOfALab(Exception):
    """The role is held for the whole installation: only who operates it can give it."""


class AlreadyAMember(Exception):
    """This person has this role in the lab already."""


class InvitationNotNeeded(Exception):
    """This person does not wait for an invitation of this lab."""


class EndsBeforeItBegan(Exception):
    """A membership cannot end before its first day."""


class EndsLaterThanBefore(Exception):
    """A membership that ends already can only end sooner: who comes back is invited again."""


class CodeDoesNotWork(Exception):
    """The code is wrong, expired, used up or revoked: whoever tries it is not told which."""


class TooManyWrongCodes(Exception):
    """Too many wrong codes came from the same place: wait before trying again."""


@transaction.atomic
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
def invite_member(
    lab: Lab,
    *,
    name: str,
    email: str,
    role: str,
    organisation: Organisation | None = None,
    until: date | None = None,
    by: User,
) -> tuple[Membership, str]:
    """Let somebody work in `lab` from today; give the membership and the code with which they choose a password.

    The code is "" for an account that has a password already, or that anybody else opened or invited: a password set
    through an invitation would hand it to whoever invites. Its owner signs in with their e-mail; invitations of other
    labs that they have not used stop working. Raise RoleIsNotOfALab for a role that is held for the whole
    installation, and AlreadyAMember when they have that role in the lab today.
    """
    if role not in LAB_ROLES:
        raise RoleIsNotOfALab
    user = User.objects.filter(email=email.lower()).first()
    is_of_this_lab = user is None or _is_only_of(user, lab)
    user = user or User.objects.create_user(email, name=name)
    if Membership.objects.current().of_lab(lab).filter(user=user, role=role).exists():
        raise AlreadyAMember
    membership = start_membership(user, lab=lab, role=role, organisation=organisation, until=until, by=by)
    if _signs_in(user):
        return membership, ""
    if not is_of_this_lab:
        revoke_codes(user, by=by, lab_id=lab.pk)
        return membership, ""
    _, code = issue_code(user, purpose=AccessCode.Purpose.INVITATION, lab=lab, valid_for=INVITATION_LIFE, by=by)
    return membership, code


@transaction.atomic
def renew_invitation(membership: Membership, *, by: User) -> str:
    """Give a new code to somebody who has not chosen a password yet: the one before was lost, or has expired.

    The earlier code stops working. Raise InvitationNotNeeded when they sign in already, no longer work here, or when
    another lab opened their account: a password set through an invitation would hand it to whoever invites.
    """
    current = (
        Membership.objects.select_for_update(of=("self",), no_key=True)
        .select_related("user", "lab")
        .get(pk=membership.pk)
    )
    if not can_be_invited_again(current):
        raise InvitationNotNeeded
    assert current.lab is not None
    _, code = issue_code(
        current.user, purpose=AccessCode.Purpose.INVITATION, lab=current.lab, valid_for=INVITATION_LIFE, by=by
    )
    return code


def can_be_invited_again(membership: Membership) -> bool:
    """Tell whether an invitation of this lab is what stands between its user and their work."""
    user, lab, today = membership.user, membership.lab, timezone.localdate()
    if lab is None or (membership.until and membership.until < today):
        return False
    return user.is_active and not _signs_in(user) and _is_only_of(user, lab)


def _signs_in(user: User) -> bool:
    return user.has_usable_password() or bool(user.demo_name)


def _is_only_of(user: User, lab: Lab) -> bool:
    memberships = Membership.objects.filter(user=user)
    return memberships.of_lab(lab).exists() and not memberships.exclude(lab=lab).exists()


@transaction.atomic
def accept_invitation(code: str, *, lab: Lab, password: str, source: str) -> User:
    """Use an invitation to choose the first password; give its user, who then signs in as everybody does.

    Raise CodeDoesNotWork and TooManyWrongCodes as redeem_code does.
    """
    access_code = redeem_code(code, purpose=AccessCode.Purpose.INVITATION, lab=lab, source=source)
    user = User.objects.select_for_update(of=("self",), no_key=True).get(pk=access_code.object_id)
    if user.has_usable_password() or not user.is_active:
        raise CodeDoesNotWork
    user.set_password(password)
    user.save(update_fields=["password"])
    record_act("invitation.accept", user, by=user, lab_id=lab.pk)
    return user


@transaction.atomic
def end_membership(membership: Membership, *, on: date, by: User) -> None:
    """End a membership with the day `on`: from the next day its user sees nothing of the lab.

    Raise EndsBeforeItBegan for a day before its first, EndsLaterThanBefore for one after the last that it has already.
    """
    current = Membership.objects.select_for_update(of=("self",), no_key=True).get(pk=membership.pk)
    if on < current.since:
        raise EndsBeforeItBegan
    if current.until and on > current.until:
        raise EndsLaterThanBefore
    current.until = on
    current.save(update_fields=["until"])
    record_act("membership.end", current, by=by, lab_id=current.lab_id, detail={"on": on.isoformat()})


@transaction.atomic
def shut_account(user: User, *, by: User | None, lab_id: uuid.UUID | None) -> None:
    """Close every way into an account: e-mail, password, second factor, codes, and the sessions that are open.

    The account stays: a new code from the desk opens it again.
    """
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    user.email = None
    # The new hash also ends the sessions that are open somewhere.
    user.set_unusable_password()
    user.save(update_fields=["email", "password"])
    revoke_codes(user, by=by, lab_id=lab_id)
    record_act("account.shut", user, by=by, lab_id=lab_id)


@transaction.atomic
def issue_code(
    obj: Model,
    *,
    purpose: str,
    lab: Lab | None,
    valid_for: timedelta,
    max_uses: int = 1,
    length: int = SPOKEN_CODE,
    by: User | None,
    subject_id: uuid.UUID | None = None,
) -> tuple[AccessCode, str]:
    """Make a code that opens `obj` for `purpose`; give its record and the code itself, which is kept nowhere.

    Codes of the same purpose for the same object that were handed out before stop working. `length` is SPOKEN_CODE
    for what is read aloud or copied by hand, LINK_CODE for what only ever travels in a link.
    """
    earlier = AccessCode.objects.filter(
        purpose=purpose, object_type=obj._meta.label_lower, object_id=obj.pk, revoked_at__isnull=True
    )
    earlier.update(revoked_at=timezone.now())
    code = new_code(length)
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
    with _counting_wrong_codes(source), transaction.atomic():
        found = _with_code(code, purpose, lab).select_for_update(of=("self",), no_key=True).first()
        if found is None or not AccessCode.objects.usable().filter(pk=found.pk).update(uses=F("uses") + 1):
            raise CodeDoesNotWork
        record_act("code.redeem", found, by=None, lab_id=lab.pk if lab else None)
        return found


def look_up_code(code: str, *, purpose: str, lab: Lab | None, source: str) -> AccessCode:
    """Give the record of a code that may be looked at as often as its holder likes, without using it up.

    Raise as redeem_code does; wrong codes count together with those of redeem_code.
    """
    with _counting_wrong_codes(source):
        found = _with_code(code, purpose, lab).first()
        if found is None:
            raise CodeDoesNotWork
        return found


def _with_code(code: str, purpose: str, lab: Lab | None) -> AccessCodeQuerySet:
    digests = [_digest(clean_code(code), purpose, key_id) for key_id in keys.master_keys()]
    return AccessCode.objects.usable().filter(digest__in=digests, purpose=purpose, lab=lab)


@contextmanager
def _counting_wrong_codes(source: str) -> Iterator[None]:
    counter = f"wrong-codes:{keys.mac('rate', source.encode()).hex()[:32]}"
    wrong = cache.get(counter, 0)
    if wrong >= WRONG_CODES_ALLOWED:
        raise TooManyWrongCodes
    try:
        yield
    except CodeDoesNotWork:
        # Set anew, not incremented: the file cache forgets the timeout of a counter that it increments.
        cache.set(counter, wrong + 1, WRONG_CODES_WINDOW.total_seconds())
        raise


@transaction.atomic
def revoke_codes(obj: Model, *, by: User | None, lab_id: uuid.UUID | None) -> int:
    """Stop every code that opens `obj`; give how many were stopped."""
    stopped = AccessCode.objects.filter(
        object_type=obj._meta.label_lower, object_id=obj.pk, revoked_at__isnull=True
    ).update(revoked_at=timezone.now())
    if stopped:
        record_act("code.revoke", obj, by=by, lab_id=lab_id, detail={"codes": stopped})
    return stopped


@transaction.atomic
def forget_expired_codes() -> int:
    """Delete the codes that stopped working more than thirty days ago; give how many."""
    deleted, _ = AccessCode.objects.filter(expires_at__lt=timezone.now() - CODE_RECORD_LIFE).delete()
    return deleted


def _digest(code: str, purpose: str, key_id: str) -> bytes:
    return keys.mac("code", f"{purpose}:{code}".encode(), key_id)
