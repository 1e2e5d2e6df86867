"""Telephone numbers, as people write them and as they are kept."""

import re

import phonenumbers
from django.utils.translation import gettext as _
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

# A number without a country code is read as one of this country.
REGION = "IT"
COUNTRY_CODE = "39"


class NotAPhone(Exception):
    """What was typed is no telephone number; the message says what to write."""


def read_phone(text: str) -> str:
    """Give a typed number in the form that is kept, «+39 333 123 4567». Raise NotAPhone with one clear sentence."""
    typed = " ".join(text.split())[:40]
    if any(character.isalpha() for character in typed):
        raise NotAPhone(
            _("Il numero «%(typed)s» contiene lettere: scrivi solo le cifre, per esempio 333 123 4567.")
            % {"typed": typed}
        )
    number = _parse(text)
    if number is None or not phonenumbers.is_possible_number(number):
        raise NotAPhone(
            _("Il numero «%(typed)s» ha troppe cifre o troppo poche: ricontrollalo, per esempio 333 123 4567.")
            % {"typed": typed}
        )
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def _parse(text: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, REGION)
    except NumberParseException:
        return None


def phone_keys(kept: str) -> set[str]:
    """Give the digits that a kept number is looked up by: without its country code, and with it if it is foreign."""
    number = _parse(kept)
    if number is None:
        return set()
    national = phonenumbers.national_significant_number(number)
    if str(number.country_code) == COUNTRY_CODE:
        return {national}
    return {national, f"{number.country_code}{national}"}


def is_landline(kept: str) -> bool:
    """Tell whether a kept number is a telephone on a table: no text message reaches it."""
    number = _parse(kept)
    return number is not None and phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE


def is_phone_like(text: str) -> bool:
    """Tell whether a search is for a telephone number: at least three digits, and nothing but what goes with them."""
    return bool(re.fullmatch(r"[\s+\d().\-/]+", text)) and sum(c.isdigit() for c in text) >= 3


def typed_digits(text: str) -> str:
    """Give the beginning of a number in the form of phone_keys, from any way of writing it.

    >>> typed_digits("+39 333 12.34"), typed_digits("0039333"), typed_digits("333 1234")
    ('3331234', '333', '3331234')
    """
    digits = "".join(character for character in text if character.isdecimal() and character.isascii())
    abroad = text.strip().startswith("+") or digits.startswith("00")
    if digits.startswith("00"):
        digits = digits[2:]
    # «39» in front of a whole number is the country code even without a plus.
    if digits.startswith(COUNTRY_CODE) and (abroad or len(digits) >= 11):
        return digits[len(COUNTRY_CODE) :]
    return digits
