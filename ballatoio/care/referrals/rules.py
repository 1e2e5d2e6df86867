"""What is refused by nature, whoever asks; the gate decides who may ask."""

from collections.abc import Iterable

from ballatoio.base.directory.models import Service
from ballatoio.base.people.models import ContactPoint, Person

from .models import Referral


def can_be_sent_to(service: Service) -> bool:
    """Nobody is sent to a service that is gone."""
    return service.status != Service.Status.DEFUNCT


def must_be_confirmed(service: Service) -> bool:
    """A service that is shut for now may still take a request, but whoever sends must know that it is shut."""
    return service.status in (Service.Status.TEMPORARILY_CLOSED, Service.Status.INACTIVE)


def may_give_phone(person: Person, points: Iterable[ContactPoint], phone: str) -> bool:
    """A number that is not safe leaves the lab for nobody: the service would call it.

    Of a protected person only a number that is in their file, safe, and theirs alone.
    """
    known = [point for point in points if is_same_number(point.value, phone)]
    if person.is_protected:
        return any(point.safe_to_call and not point.is_shared for point in known)
    return all(point.safe_to_call for point in known)


def is_same_number(one: str, other: str) -> bool:
    """With or without the prefix of the country and spaces, it rings in the same place."""
    first, second = ("".join(filter(str.isdigit, number)) for number in (one, other))
    shortest = min(len(first), len(second))
    return shortest > 5 and first[-shortest:] == second[-shortest:]


def may_answer_by_link(referral: Referral, state: str) -> bool:
    """The link opens what the service still has to answer, and nothing that is over."""
    return state in Referral.OPEN_BY_LINK.get(referral.state, ())
