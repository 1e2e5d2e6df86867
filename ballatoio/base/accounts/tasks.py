"""Background housekeeping of the accounts."""

from ballatoio.base.accounts import services


def forget_expired_codes(work: object) -> None:
    """Delete the codes that stopped working long ago."""
    services.forget_expired_codes()
