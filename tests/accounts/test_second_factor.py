"""Staff work with a second factor, or not at all."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.labs.models import Lab
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "quattro parole a caso"
TEAM = "/mazzini/squadra/"


@pytest.fixture
def gaia(mazzini: Lab) -> User:
    """Coordinates Mazzini, with a password and no second factor yet."""
    return make_user("Gaia", mazzini, Role.COORDINATOR, password=PASSWORD)


def code_for(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def enter(client: Client, user: User, password: str = PASSWORD) -> str:
    """Give the page to which signing in leads."""
    response = client.post(reverse("account_login"), {"login": user.email, "password": password})
    return response.headers.get("Location", "")


def test_the_middleware_stands_behind_the_one_that_it_needs() -> None:
    names = settings.MIDDLEWARE
    ours = names.index("ballatoio.base.accounts.middleware.SecondFactorMiddleware")
    assert names.index("allauth.account.middleware.AccountMiddleware") < ours
    assert ours < names.index("ballatoio.config.gate.GateMiddleware")


def test_staff_without_a_second_factor_is_sent_to_make_one_and_then_works(client: Client, gaia: User) -> None:
    enter(client, gaia)
    assert client.get(TEAM).headers["Location"] == reverse("mfa_index")
    assert "Scegline una adesso" in client.get(reverse("mfa_index")).content.decode()
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    secret = client.session["mfa.totp.secret"]
    client.post(reverse("mfa_activate_totp"), {"code": code_for(secret)})
    assert client.get(TEAM).status_code == 200
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored and stored.startswith("test:")


def test_staff_with_a_second_factor_is_asked_for_it(client: Client, gaia: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(gaia, secret)
    assert enter(client, gaia).startswith(reverse("mfa_authenticate"))
    assert client.get(TEAM).headers["Location"].startswith(reverse("account_login"))
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert client.get(TEAM).status_code == 302
    client.post(reverse("mfa_authenticate"), {"code": code_for(secret)})
    assert client.get(TEAM).status_code == 200


def test_a_recovery_code_works_once(client: Client, gaia: User) -> None:
    TOTP.activate(gaia, generate_totp_secret())
    code = RecoveryCodes.activate(gaia).get_unused_codes()[0]
    enter(client, gaia)
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert client.get(TEAM).status_code == 200
    other = Client()
    enter(other, gaia)
    other.post(reverse("mfa_authenticate"), {"code": code})
    assert other.get(TEAM).status_code == 302


def test_signing_in_by_mailed_code_does_not_go_around_the_second_factor(client: Client, gaia: User) -> None:
    TOTP.activate(gaia, generate_totp_secret())
    client.post(reverse("account_request_login_code"), {"email": gaia.email})
    found = re.search(r"^\s*([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})\s*$", str(mail.outbox[0].body), re.M)
    assert found
    response = client.post(reverse("account_confirm_login_code"), {"code": found[1]})
    assert response.headers["Location"].startswith(reverse("mfa_authenticate"))
    assert client.get(TEAM).status_code == 302


def test_a_session_opened_without_the_second_factor_that_one_has_is_closed(client: Client, gaia: User) -> None:
    TOTP.activate(gaia, generate_totp_secret())
    client.force_login(gaia)
    assert client.get(TEAM).headers["Location"] == reverse("account_login")
    assert "_auth_user_id" not in client.session


def test_whoever_is_not_staff_needs_no_second_factor(client: Client, mazzini: Lab, farid: User) -> None:
    client.force_login(farid)
    assert client.get(TEAM).status_code == 404


def test_nobody_signs_up_alone(client: Client) -> None:
    page = client.get(reverse("account_signup"))
    assert b"<form" not in page.content.split(b"</header>")[-1].split(b"<main")[-1].split(b"</main>")[0]
    client.post(reverse("account_signup"), {"email": "x@example.org", "password1": PASSWORD})
    assert not User.objects.filter(email="x@example.org").exists()


def test_wrong_passwords_are_limited(client: Client, gaia: User) -> None:
    statuses = [
        client.post(reverse("account_login"), {"login": gaia.email, "password": "sbagliata"}).status_code
        for _ in range(12)
    ]
    assert statuses[0] == 200
    assert enter(client, gaia) == "", "the right password is refused, too, while the limit holds"
