"""What each service is found by: worked out from its texts, its organisation and its needs, in all their languages."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Q

from ballatoio.base.labs.models import Lab

from .models import LocalTerm, NeedSynonym, NeedTerm, Service, Translation
from .search import search_key
from .texts import SERVICE_FIELDS

Words = dict[tuple[uuid.UUID, uuid.UUID | None], list[str]]


def index_services(services: Iterable[Service]) -> None:
    """Write anew what each service is found by: its texts, its organisation, its needs and those above them.

    To be called after the needs, their words or the translations of a service change behind its back.
    """
    listed = list(services)
    models.prefetch_related_objects(listed, "organisation", models.Prefetch("needs", to_attr="indexed_needs"))
    terms = {term.pk: term for service in listed for term in service.indexed_needs}  # type: ignore[attr-defined]
    terms |= NeedTerm.objects.in_bulk({term.parent_id for term in terms.values() if term.parent_id} - set(terms))
    translated: dict[Any, list[str]] = {}
    for translation in Translation.objects.of([*listed, *terms.values()]).order_by("pk"):
        translated.setdefault(translation.object_id, []).append(translation.text)
    said = _words_of(terms, {service.lab_id for service in listed})
    for service in listed:
        texts = [str(getattr(service, name)) for name in SERVICE_FIELDS if name != "alert"]
        texts += [service.organisation.name, service.organisation.short_name, *translated.get(service.pk, [])]
        for term in service.indexed_needs:  # type: ignore[attr-defined]
            for each in filter(None, (term, terms.get(term.parent_id))):
                texts += [each.name, *translated.get(each.pk, [])]
                texts += said.get((each.pk, None), []) + said.get((each.pk, service.lab_id), [])
        service.search_key = search_key(texts)
    Service.objects.bulk_update(listed, ["search_key"], batch_size=200)


def _words_of(terms: Iterable[uuid.UUID], labs: Iterable[uuid.UUID]) -> Words:
    """Give the words of terms by term and by lab (None: shared): two queries."""
    said: Words = {}
    synonyms = NeedSynonym.objects.filter(Q(lab__isnull=True) | Q(lab__in=labs), term__in=terms)
    for row in synonyms.exclude(state=NeedSynonym.State.WITHDRAWN).order_by("pk"):
        said.setdefault((row.term_id, row.lab_id), []).append(row.text)
    for local in LocalTerm.objects.in_use().filter(lab__in=labs, term__in=terms).order_by("pk"):
        said.setdefault((local.term_id, local.lab_id), []).extend([local.name, *local.other_words])
    return said


def index_term(term: NeedTerm, lab: Lab | None = None) -> None:
    """Write anew what the services are found by that answer a need or one under it: in one lab, or in all of them."""
    services = Service.objects.filter(Q(needs=term) | Q(needs__parent=term)).distinct()
    index_services(services if lab is None else services.of_lab(lab))
