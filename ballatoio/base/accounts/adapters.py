"""What the sign-in library asks of us."""

import base64

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ballatoio.base.core import keys


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are opened by a lab, for somebody whom it knows."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody opens an account alone."""
        return False


class SecondFactorAdapter(DefaultMFAAdapter):
    """Keeps the secret of each second factor locked with the master key."""

    def encrypt(self, text: str) -> str:
        """Lock a secret, naming the key that locks it."""
        key_id = keys.newest_key_id()
        return f"{key_id}:{_lock(key_id).encrypt(text.encode()).decode('ascii')}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Say to the device for whom it keeps a passkey: this installation's name and its address without a port."""
        return {**super().get_public_key_credential_rp_entity(), "name": "Ballatoio"}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002
        """Give the name that a new passkey has until its owner finds a better one."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return _("Passkey %(number)d") % {"number": number}

    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret; raise ImproperlyConfigured when its master key is gone."""
        key_id, _, locked = encrypted_text.partition(":")
        return _lock(key_id).decrypt(locked.encode("ascii")).decode()


def _lock(key_id: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(keys.derived_key("second-factor", key_id)))
