"""Background work of the desk: thin, and safe to run twice."""

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.labs.models import Lab

from . import need_services, services
from .models import Contact, Message


def escalate_silent_needs(work: DueWork) -> None:
    """Pass the needs on which nobody has moved on to the coordinator of each lab."""
    for lab in Lab.objects.all():
        need_services.escalate_silent_needs(lab)


def deliver_message(work: DueWork) -> None:
    """Deliver a message to whoever follows its person, if anybody does."""
    message = Message.objects.filter(pk=work.payload["message"]).first()
    if message is not None:
        services.deliver_message(message)


def refresh_person(work: DueWork) -> None:
    """A person's name changed: the contacts are found by the new one."""
    contacts = Contact.objects.filter(person_id=work.payload["person"]).select_related("person", "building")
    services.refresh_search_words(contacts)


def refresh_building(work: DueWork) -> None:
    """The address of a house changed: the contacts about it are found by the new one."""
    contacts = Contact.objects.filter(building_id=work.payload["building"]).select_related("person", "building")
    services.refresh_search_words(contacts)
