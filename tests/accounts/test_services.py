"""Codes open once, memberships begin and end, nobody gives a role that is not theirs to give."""

from datetime import date, timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, Membership, Role, User
from ballatoio.base.accounts.services import (
    AlreadyAMember,
    CodeDoesNotWork,
    EndsBeforeItBegan,
    EndsLaterThanBefore,
    InvitationNotNeeded,
    RoleIsNotOfALab,
    TooManyWrongCodes,
    accept_invitation,
    end_membership,
    forget_expired_codes,
    invite_member,
    issue_code,
    redeem_code,
    renew_invitation,
    revoke_codes,
    shut_account,
    start_membership,
)
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.labs.models import Lab
from tests.factories import make_user

pytestmark = pytest.mark.django_db

SIGN_IN = AccessCode.Purpose.SIGN_IN


def issue(lab: Lab, user: User, **fields: object) -> str:
    _, code = issue_code(user, purpose=SIGN_IN, lab=lab, valid_for=timedelta(days=1), by=None, **fields)  # type: ignore[arg-type]
    return code


def redeem(code: str, lab: Lab, source: str = "192.0.2.1") -> AccessCode:
    return redeem_code(code, purpose=SIGN_IN, lab=lab, source=source)


def test_a_code_opens_once_however_it_is_typed(mazzini: Lab, farid: User) -> None:
    code = issue(mazzini, farid)
    assert redeem(f" {code[:5].lower()}-{code[5:]} ", mazzini).object_id == farid.pk
    with pytest.raises(CodeDoesNotWork):
        redeem(code, mazzini)


def test_the_code_itself_is_nowhere_in_the_database(mazzini: Lab, farid: User) -> None:
    code = issue(mazzini, farid)
    row = AccessCode.objects.values().get()
    assert code not in str(row) and code.encode() not in bytes(row["digest"])
    assert code not in str(list(AuditEntry.objects.values()))


def test_a_code_for_many_uses_stops_at_the_last(mazzini: Lab, farid: User) -> None:
    code = issue(mazzini, farid, max_uses=2)
    redeem(code, mazzini)
    redeem(code, mazzini)
    with pytest.raises(CodeDoesNotWork):
        redeem(code, mazzini)


def test_a_code_does_not_open_in_another_lab_or_for_another_purpose(mazzini: Lab, milo: Lab, farid: User) -> None:
    code = issue(mazzini, farid)
    with pytest.raises(CodeDoesNotWork):
        redeem(code, milo)
    with pytest.raises(CodeDoesNotWork):
        redeem_code(code, purpose=AccessCode.Purpose.INVITATION, lab=mazzini, source="192.0.2.1")
    assert redeem(code, mazzini).uses == 0


def test_an_expired_code_does_not_open(mazzini: Lab, farid: User) -> None:
    code = issue(mazzini, farid)
    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=1)), pytest.raises(CodeDoesNotWork):
        redeem(code, mazzini)


def test_a_new_code_stops_the_one_before(mazzini: Lab, farid: User) -> None:
    first, second = issue(mazzini, farid), issue(mazzini, farid)
    with pytest.raises(CodeDoesNotWork):
        redeem(first, mazzini)
    redeem(second, mazzini)


def test_a_revoked_code_does_not_open(mazzini: Lab, farid: User) -> None:
    code = issue(mazzini, farid)
    assert revoke_codes(farid, by=None, lab_id=mazzini.pk) == 1
    with pytest.raises(CodeDoesNotWork):
        redeem(code, mazzini)


def test_after_ten_wrong_codes_even_the_right_one_has_to_wait(mazzini: Lab, farid: User) -> None:
    code = issue(mazzini, farid)
    for _ in range(10):
        with pytest.raises(CodeDoesNotWork):
            redeem("AAAAAAAAAA", mazzini)
    with pytest.raises(TooManyWrongCodes):
        redeem(code, mazzini)
    assert redeem(code, mazzini, source="192.0.2.2").object_id == farid.pk


def test_old_codes_are_forgotten(mazzini: Lab, farid: User) -> None:
    issue(mazzini, farid)
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        assert forget_expired_codes() == 0
    with time_machine.travel(timezone.now() + timedelta(days=32)):
        assert forget_expired_codes() == 1


def test_a_membership_counts_from_its_first_day_to_its_last(mazzini: Lab, farid: User, elena: User) -> None:
    start_membership(farid, lab=mazzini, role=Role.DESK, since=date(2026, 3, 1), until=date(2026, 3, 31), by=elena)
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
    current = [Membership.objects.current(on=day).filter(user=farid).exists() for day in days]
    assert current == [False, True, True, False]
    assert AuditEntry.objects.get(verb="membership.start").detail == {"role": "desk"}


def test_a_membership_without_a_lab_is_only_for_roles_of_the_installation(farid: User) -> None:
    start_membership(farid, lab=None, role=Role.CITY_COORDINATOR, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        start_membership(farid, lab=None, role=Role.DESK, by=None)


def test_a_membership_ends_with_a_day_and_not_before_its_first(mazzini: Lab, anna: User, elena: User) -> None:
    membership = Membership.objects.get(user=anna)
    end_membership(membership, on=timezone.localdate(), by=elena)
    assert User.objects.get(pk=anna.pk).is_lab_staff
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert not User.objects.get(pk=anna.pk).is_lab_staff
    with pytest.raises(EndsBeforeItBegan):
        end_membership(membership, on=membership.since - timedelta(days=1), by=elena)


def test_ending_a_membership_never_makes_it_longer_or_brings_it_back(mazzini: Lab, anna: User, elena: User) -> None:
    membership, today = Membership.objects.get(user=anna), timezone.localdate()
    end_membership(membership, on=today + timedelta(days=9), by=elena)
    end_membership(membership, on=today + timedelta(days=3), by=elena)
    with time_machine.travel(timezone.now() + timedelta(days=5)):
        for on in (today + timedelta(days=4), date(9999, 12, 31)):
            with pytest.raises(EndsLaterThanBefore):
                end_membership(membership, on=on, by=elena)
    assert Membership.objects.get(user=anna).until == today + timedelta(days=3)


@pytest.mark.parametrize("role", [Role.CITY_COORDINATOR, Role.SYSTEM_ADMINISTRATOR, "nonsense"])
def test_nobody_is_invited_to_a_role_of_the_installation(mazzini: Lab, elena: User, role: str) -> None:
    with pytest.raises(RoleIsNotOfALab):
        invite_member(mazzini, name="X", email="x@example.org", role=role, by=elena)
    assert not User.objects.filter(email="x@example.org").exists()


def test_an_invitation_lets_its_owner_choose_the_first_password(mazzini: Lab, elena: User) -> None:
    membership, code = invite_member(mazzini, name="Gaia", email="Gaia@Example.org", role=Role.DESK, by=elena)
    assert (membership.user.email, membership.user.has_usable_password()) == ("gaia@example.org", False)
    user = accept_invitation(code, lab=mazzini, password="quattro parole a caso", source="192.0.2.1")
    assert (user.pk, user.check_password("quattro parole a caso")) == (membership.user_id, True)
    with pytest.raises(CodeDoesNotWork):
        accept_invitation(code, lab=mazzini, password="un’altra password lunga", source="192.0.2.1")


def test_an_invitation_never_hands_over_an_account_that_has_a_password(mazzini: Lab, bruno: User, elena: User) -> None:
    bruno.set_password("quattro parole a caso")
    bruno.save()
    membership, code = invite_member(mazzini, name="Bruno", email=bruno.email.upper(), role=Role.DESK, by=elena)
    assert (membership.user, code) == (bruno, "")
    with pytest.raises(AlreadyAMember):
        invite_member(mazzini, name="Bruno", email=bruno.email, role=Role.DESK, by=elena)


def test_no_other_lab_chooses_the_password_of_somebody_who_was_invited(
    mazzini: Lab, milo: Lab, bruno: User, elena: User
) -> None:
    invited, first = invite_member(mazzini, name="Vic", email="vic@example.org", role=Role.MEDIATOR, by=elena)
    membership, code = invite_member(milo, name="Vic", email="vic@example.org", role=Role.DESK, by=bruno)
    assert (membership.user, code) == (invited.user, "")
    # Nor does the first lab, which may still hold its own code, choose it for the second.
    with pytest.raises(CodeDoesNotWork):
        accept_invitation(first, lab=mazzini, password="quattro parole a caso", source="192.0.2.1")


def test_an_account_that_nobody_invited_keeps_its_own_way_in(mazzini: Lab, elena: User) -> None:
    dario = make_user("Dario")
    assert invite_member(mazzini, name="Dario", email=str(dario.email), role=Role.DESK, by=elena)[1] == ""


def test_whoever_lost_the_first_invitation_gets_another_from_the_same_lab(mazzini: Lab, elena: User) -> None:
    membership, _ = invite_member(mazzini, name="Gaia", email="gaia@example.org", role=Role.DESK, by=elena)
    again, code = invite_member(mazzini, name="Gaia", email="gaia@example.org", role=Role.MEDIATOR, by=elena)
    accept_invitation(code, lab=mazzini, password="quattro parole a caso", source="192.0.2.1")
    assert again.user == membership.user


def test_a_shut_account_has_no_way_in_left(mazzini: Lab, farid: User, anna: User) -> None:
    farid.set_password("quattro parole a caso")
    farid.save()
    EmailAddress.objects.create(user=farid, email=farid.email, primary=True)
    Authenticator.objects.create(user=farid, type=Authenticator.Type.TOTP, data={})
    issue(mazzini, farid)
    session = farid.get_session_auth_hash()
    shut_account(farid, by=anna, lab_id=mazzini.pk)
    farid.refresh_from_db()
    assert (farid.email, farid.has_usable_password(), farid.is_active) == (None, False, True)
    assert farid.get_session_auth_hash() != session
    left = [EmailAddress.objects.filter(user=farid), Authenticator.objects.filter(user=farid)]
    assert [rows.count() for rows in [*left, AccessCode.objects.usable()]] == [0, 0, 0]
    assert AuditEntry.objects.filter(verb="account.shut", object_id=farid.pk, actor_id=anna.pk).count() == 1


def test_many_accounts_without_e_mail_live_side_by_side() -> None:
    users = [User.objects.create_user(None) for _ in range(2)]
    assert [(user.email, str(user)) for user in users] == [(None, "Persona senza nome")] * 2


# --- an invitation that was lost --------------------------------------------------------------------------------


def test_a_lost_invitation_is_renewed_and_the_first_code_stops(mazzini: Lab, elena: User) -> None:
    membership, first = invite_member(mazzini, name="Ugo", email="ugo@example.org", role=Role.DESK, by=elena)
    second = renew_invitation(membership, by=elena)
    with pytest.raises(CodeDoesNotWork):
        accept_invitation(first, lab=mazzini, password="quattro parole a caso", source="1")
    user = accept_invitation(second, lab=mazzini, password="quattro parole a caso", source="1")
    assert (user, user.has_usable_password()) == (membership.user, True)
    with pytest.raises(InvitationNotNeeded):
        renew_invitation(membership, by=elena)


def test_an_account_of_another_lab_gets_no_new_code(mazzini: Lab, milo: Lab, elena: User) -> None:
    theirs = make_user("Gina", milo, Role.COORDINATOR)
    invite_member(milo, name="Ugo", email="ugo@example.org", role=Role.DESK, by=theirs)
    membership, code = invite_member(mazzini, name="Ugo", email="ugo@example.org", role=Role.DESK, by=elena)
    assert code == ""
    with pytest.raises(InvitationNotNeeded):
        renew_invitation(membership, by=elena)


def test_who_no_longer_works_here_is_not_invited_again(mazzini: Lab, elena: User) -> None:
    membership, _ = invite_member(mazzini, name="Ugo", email="ugo@example.org", role=Role.DESK, by=elena)
    Membership.objects.filter(pk=membership.pk).update(since="2020-01-01", until="2020-02-01")
    with pytest.raises(InvitationNotNeeded):
        renew_invitation(membership, by=elena)
