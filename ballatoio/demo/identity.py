"""How people are found again: the words that they are looked up by, and codes that only a blind index finds."""

from ballatoio.base.core import keys
from ballatoio.base.core.text import words
from ballatoio.base.people.models import Person, PersonIdentifier


def keys_of(person: Person, phone: str) -> list[str]:
    """Give the words by which `person` is looked up: each of the names, and the telephone in any form."""
    found = words(f"{person.given_name} {person.family_name}")
    if phone:
        found += [phone.removeprefix("+"), phone.removeprefix("+39")]
    return list(dict.fromkeys(found))


def identifier_of(person: Person, code: str) -> tuple[PersonIdentifier, dict[str, str]]:
    """Give the sealed record of a codice fiscale, and the text to seal in it."""
    key_id = keys.newest_key_id()
    index = keys.mac("fiscal_code", code.encode(), key_id)
    kind = PersonIdentifier.Kind.FISCAL_CODE
    return PersonIdentifier(person=person, kind=kind, key_id=key_id, blind_index=index), {"value": code}
