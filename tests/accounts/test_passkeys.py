"""A passkey is a second factor like the codes of a telephone: after the password, never in its place."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import NoReverseMatch, reverse
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.labs.models import Lab
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "quattro parole a caso"
TEAM = "/mazzini/squadra/"
USER_PRESENT, NEW_CREDENTIAL = 0x01, 0x40


@dataclass
class Device:
    """A device with one key, as a browser at http://testserver would use it (WebAuthn Level 2, 6.1 and 6.5)."""

    origin: str = "http://testserver"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(16))
    uses: int = 0

    def make(self, options: dict[str, Any]) -> str:
        """Answer the question for a new passkey."""
        key = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        credential = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + key
        said = self._said("webauthn.create", options)
        attested = {"fmt": "none", "attStmt": {}, "authData": self._state(NEW_CREDENTIAL) + credential}
        return self._answer(said, attestationObject=cbor.encode(attested))

    def use(self, options: dict[str, Any]) -> str:
        """Answer the question who it is."""
        said, state = self._said("webauthn.get", options), self._state()
        signed = self.key.sign(state + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(said, authenticatorData=state, signature=signed)

    def _state(self, flags: int = 0) -> bytes:
        self.uses += 1
        return hashlib.sha256(b"testserver").digest() + bytes([USER_PRESENT | flags]) + self.uses.to_bytes(4, "big")

    def _said(self, kind: str, options: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["publicKey"]["challenge"], "origin": self.origin}
        return json.dumps(told).encode()

    def _answer(self, said: bytes, **parts: bytes) -> str:
        encoded = {name: websafe_encode(value) for name, value in {"clientDataJSON": said, **parts}.items()}
        name = websafe_encode(self.credential_id)
        answer = {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}, "response": encoded}
        return json.dumps(answer)


@pytest.fixture
def gaia(mazzini: Lab) -> User:
    """Coordinates Mazzini, with a password and no second factor yet."""
    return make_user("Gaia", mazzini, Role.COORDINATOR, password=PASSWORD)


def asked(client: Client, name: str) -> dict[str, Any]:
    """Give what a page asks of the device."""
    context = client.get(reverse(name)).context
    data: dict[str, Any] = json.loads(json.dumps(context["js_data"]))
    return next(iter(data.values()))


def enter(client: Client, user: User) -> str:
    """Sign in with the password; give the page to which that leads."""
    response = client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return response.headers.get("Location", "")


def confirm(client: Client, device: Device) -> Any:
    """Answer the question that comes after the password."""
    return client.post(reverse("mfa_authenticate"), {"credential": device.use(asked(client, "mfa_authenticate"))})


@pytest.fixture
def device(gaia: User) -> Device:
    """Gaia's, of which the program knows."""
    client, device = Client(), Device()
    enter(client, gaia)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    answer = device.make(asked(client, "mfa_add_webauthn"))
    response = client.post(reverse("mfa_add_webauthn"), {"name": "", "credential": answer})
    assert response.headers["Location"] == reverse("mfa_view_recovery_codes")
    # The session in which it was made goes on.
    assert client.get(TEAM).status_code == 200
    return device


def test_whoever_has_no_second_factor_chooses_one(client: Client, gaia: User) -> None:
    enter(client, gaia)
    assert client.get(TEAM).headers["Location"] == reverse("mfa_index")
    page = client.get(reverse("mfa_index")).content.decode()
    for name in ("mfa_add_webauthn", "mfa_activate_totp"):
        assert reverse(name) in page
    for name in ("mfa_list_webauthn", "account_change_password", "account_email"):
        assert client.get(reverse(name)).headers["Location"] == reverse("mfa_index"), name


def test_a_passkey_after_the_password_opens_the_desk(client: Client, gaia: User, device: Device) -> None:
    assert enter(client, gaia).startswith(reverse("mfa_authenticate"))
    assert client.get(TEAM).headers["Location"].startswith(reverse("account_login"))
    confirm(client, device)
    assert client.get(TEAM).status_code == 200


def test_the_first_passkey_has_a_name_and_brings_spare_codes(gaia: User, device: Device) -> None:
    kinds = Authenticator.objects.filter(user=gaia).order_by("type").values_list("type", flat=True)
    assert list(kinds) == ["recovery_codes", "webauthn"]
    assert Authenticator.objects.get(type="webauthn").wrap().name == "Passkey 1"


def test_a_session_opened_without_the_passkey_that_one_has_is_closed(
    client: Client, gaia: User, device: Device
) -> None:
    client.force_login(gaia)
    assert client.get(TEAM).headers["Location"] == reverse("account_login")
    assert "_auth_user_id" not in client.session


def test_another_device_or_an_old_answer_does_not_open(client: Client, gaia: User, device: Device) -> None:
    enter(client, gaia)
    stranger = Device(credential_id=device.credential_id)
    page = confirm(client, stranger)
    assert "non è stata riconosciuta" in page.content.decode()
    old = device.use(asked(client, "mfa_authenticate"))
    asked(client, "mfa_authenticate")
    client.post(reverse("mfa_authenticate"), {"credential": old})
    for nonsense in ("", "{}", "[]", '{"response": {"userHandle": "x"}}', "\x00"):
        assert client.post(reverse("mfa_authenticate"), {"credential": nonsense}).status_code == 200
    assert client.get(TEAM).status_code == 302


def test_the_passkey_of_somebody_else_does_not_open(client: Client, gaia: User, device: Device, mazzini: Lab) -> None:
    other = make_user("Ugo", mazzini, Role.COORDINATOR, password=PASSWORD)
    TOTP.activate(other, generate_totp_secret())
    enter(client, other)
    confirm(client, device)
    assert client.get(TEAM).status_code == 302


def test_only_the_demo_believes_a_page_without_encryption(
    client: Client, gaia: User, device: Device, settings: Settings
) -> None:
    assert settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN is settings.DEMO
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False
    enter(client, gaia)
    confirm(client, device)
    assert client.get(TEAM).status_code == 302
    device.origin = "https://testserver"
    confirm(client, device)
    assert client.get(TEAM).status_code == 200


def test_a_passkey_alone_opens_nothing() -> None:
    for name in ("mfa_login_webauthn", "mfa_signup_webauthn"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


def test_whoever_is_not_staff_adds_none(client: Client, mazzini: Lab, farid: User) -> None:
    """Whoever holds a resident's telephone for a minute must not leave a key in their door."""
    client.force_login(farid)
    for name in ("mfa_index", "mfa_add_webauthn", "mfa_list_webauthn"):
        assert client.get(reverse(name)).status_code == 403, name


def test_who_has_codes_only_is_not_asked_for_a_passkey(client: Client, gaia: User) -> None:
    TOTP.activate(gaia, generate_totp_secret())
    enter(client, gaia)
    page = client.get(reverse("mfa_authenticate")).content.decode()
    assert "data-passkey" not in page
    assert "codice di sei cifre" in page


def test_a_passkey_is_named_and_taken_away_and_then_another_is_wanted(
    client: Client, gaia: User, device: Device
) -> None:
    enter(client, gaia)
    confirm(client, device)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    pk = Authenticator.objects.get(type="webauthn").pk
    assert "Passkey 1" in client.get(reverse("mfa_index")).content.decode()
    assert "mai usata" not in client.get(reverse("mfa_list_webauthn")).content.decode()
    assert client.get(reverse("mfa_edit_webauthn", args=[pk])).status_code == 200
    client.post(reverse("mfa_edit_webauthn", args=[pk]), {"name": "Il mio telefono"})
    assert "Il mio telefono" in client.get(reverse("mfa_remove_webauthn", args=[pk])).content.decode()
    client.post(reverse("mfa_remove_webauthn", args=[pk]))
    assert not Authenticator.objects.filter(user=gaia).exists()
    again = Client()
    enter(again, gaia)
    assert again.get(TEAM).headers["Location"] == reverse("mfa_index")


def test_the_passkey_confirms_who_is_there_before_something_grave(client: Client, gaia: User, device: Device) -> None:
    enter(client, gaia)
    confirm(client, device)
    add = reverse("mfa_add_webauthn")
    assert client.get(add).status_code == 302
    answer = device.use(asked(client, "mfa_reauthenticate_webauthn"))
    client.post(reverse("mfa_reauthenticate_webauthn"), {"credential": answer})
    assert client.get(add).status_code == 200
