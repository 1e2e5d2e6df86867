"""Identifiers: time-ordered keys for records, random codes for people."""

import secrets
import uuid

import uuid6

# No 0/O, 1/I/L, U/V: a code is read aloud on the phone and copied by hand.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"


def new_id() -> uuid.UUID:
    """Give a UUIDv7 (RFC 9562), so that primary keys follow time and indexes stay compact."""
    return uuid.UUID(int=uuid6.uuid7().int)


def random_id() -> uuid.UUID:
    """Give a random UUID for what must not tell the time: public addresses and statistics rows."""
    return uuid.uuid4()


def new_code(length: int = 10) -> str:
    """Give a random code of `length` characters that can be read aloud (about 4.9 bits each)."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))


def clean_code(text: str) -> str:
    """Take a code as somebody typed it (spaces, dashes, lower case) and give it as it was issued."""
    return "".join(character for character in text.upper() if character in CODE_ALPHABET)
