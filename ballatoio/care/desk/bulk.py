"""The part of services.py about many contacts at once: those that a desk wrote in another log before this one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.services import record_act
from ballatoio.base.core.ids import new_id
from ballatoio.base.directory.models import NeedTerm, Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.territory.models import Building
from ballatoio.base.vault.erasing import erase_with_keys
from ballatoio.base.vault.services import seal_texts

from .models import Answer, Contact, Need
from .services import TOLD_BY_CHANNEL, words_of_contact


@dataclass(frozen=True)
class PastNeed:
    """A need as another log tells of it, with its answer. An open one (see Need.OPEN_STATES) has owner and date."""

    state: str
    term: NeedTerm | None = None
    words: str = ""
    answer_kind: str = ""
    answer: str = ""
    service: Service | None = None
    owner: User | None = None
    next_on: date | None = None


@dataclass(frozen=True)
class PastContact:
    """A contact as another log tells of it; `recorded_by` is None when who received is nobody of this lab's staff."""

    started_at: datetime
    channel: str
    language: str = "it"
    person: Person | None = None
    building: Building | None = None
    recorded_by: User | None = None
    texts: dict[str, str] = field(default_factory=dict)
    needs: tuple[PastNeed, ...] = ()


@transaction.atomic
def record_past_contacts(lab: Lab, past: Sequence[PastContact], *, by: User, about: models.Model) -> list[Contact]:
    """Record many contacts of the past at once, with the days on which they were, and give them.

    They are what `record_contact` would have written then: sealed texts, search words, needs opened that day, and
    closed the same day as told unless they are open. The audit has one row for all, about where they come from.
    """
    contacts, needs, answers = [], [], []
    sealed: list[tuple[Any, dict[str, str]]] = []
    for told in past:
        contact = Contact(
            pk=new_id(),
            lab=lab,
            recorded_by=told.recorded_by,
            channel=told.channel,
            started_at=told.started_at,
            ended_at=told.started_at,
            person=told.person,
            building=told.building,
            language=told.language,
            synthetic=lab.synthetic,
        )
        own_needs = [_past_need(contact, need) for need in told.needs]
        own_answers = [
            _past_answer(need, heard, told)
            for need, heard in zip(own_needs, told.needs, strict=True)
            if heard.answer_kind
        ]
        contact.search_words = words_of_contact(contact, own_needs, own_answers)
        contacts.append(contact)
        needs += own_needs
        answers += own_answers
        sealed.append((contact, told.texts))
        sealed += [(need, {"words": heard.words}) for need, heard in zip(own_needs, told.needs, strict=True)]
        texts = [heard.answer for heard in told.needs if heard.answer_kind]
        sealed += [(answer, {"text": text}) for answer, text in zip(own_answers, texts, strict=True)]
    seal_texts(sealed)
    Contact.objects.bulk_create(contacts)
    Need.objects.bulk_create(needs)
    Answer.objects.bulk_create(answers)
    counts = {"contacts": len(contacts), "needs": len(needs), "answers": len(answers)}
    record_act("contact.record_past", about, by=by, lab_id=lab.pk, detail=counts)
    return contacts


def _past_need(contact: Contact, heard: PastNeed) -> Need:
    need = Need(
        pk=new_id(),
        lab_id=contact.lab_id,
        contact=contact,
        person=contact.person,
        building=contact.building,
        term=heard.term,
        state=heard.state,
        opened_at=contact.started_at,
        owner=heard.owner,
    )
    if heard.state in Need.OPEN_STATES:
        need.next_on = heard.next_on
        return need
    need.closed_at = contact.started_at
    if heard.state == Need.State.CLOSED:
        need.told_how = TOLD_BY_CHANNEL[Contact.Channel(contact.channel)]
    return need


def _past_answer(need: Need, heard: PastNeed, told: PastContact) -> Answer:
    return Answer(
        pk=new_id(),
        need=need,
        kind=heard.answer_kind,
        service=heard.service,
        given_at=told.started_at,
        given_by=told.recorded_by,
    )


@transaction.atomic
def forget_contacts(lab: Lab, ids: Iterable[UUID], *, by: User, about: models.Model) -> int:
    """Erase contacts for good with their needs and answers, keys and all, because the log of them is taken back.

    Give how many. Raise ProtectedError, with nothing erased, when something that must stay needs one of them.
    """
    erased = erase_with_keys(Contact.objects.filter(lab=lab, pk__in=list(ids)))
    counts = {name: erased.get(f"desk.{model}", 0) for name, model in _COUNTED.items()}
    if counts["contacts"]:
        record_act("contact.take_back", about, by=by, lab_id=lab.pk, detail=counts)
    return counts["contacts"]


_COUNTED = {"contacts": "Contact", "needs": "Need", "answers": "Answer"}
