"""Builders of what the directory is about."""

from collections.abc import Iterable
from typing import Any

from ballatoio.base.directory.models import NeedSynonym, NeedTerm, Service
from ballatoio.base.directory.schedules import parse_hours, parse_special_days
from ballatoio.base.directory.services import ServiceSheet, add_service
from ballatoio.base.directory.words import fold
from ballatoio.base.labs.models import Lab, Organisation
from ballatoio.base.territory.models import Building


def make_organisation(lab: Lab | None = None, name: str = "Patronato", **fields: Any) -> Organisation:
    organisation, _ = Organisation.objects.get_or_create(
        lab=lab, name=name, defaults={"kind": Organisation.Kind.UNION} | fields
    )
    return organisation


def make_term(code: str, name: str, parent: NeedTerm | None = None, synonyms: str = "") -> NeedTerm:
    term = NeedTerm.objects.create(code=code, name=name, parent=parent)
    for word in synonyms.split():
        NeedSynonym.objects.create(term=term, language="it", text=word, normalised=fold(word))
    return term


def make_sheet(lab: Lab, name: str, hours: str = "", special_days: str = "", **fields: Any) -> ServiceSheet:
    """Give a sheet of a service of `lab`, with its hours as people write them."""
    return ServiceSheet(
        **{"organisation": make_organisation(lab), "description": f"Che cosa fa {name}"}
        | fields
        | {"name": name, "hours": parse_hours(hours), "special_days": parse_special_days(special_days)}
    )


def make_service(lab: Lab, name: str, *, slug: str = "", needs: Iterable[NeedTerm] = (), **fields: Any) -> Service:
    return add_service(lab, make_sheet(lab, name, needs=list(needs), **fields), by=None, slug=slug)


def make_building(lab: Lab, street: str, civic: str, lon: float, lat: float) -> Building:
    key = street.lower()
    return Building.objects.create(
        lab=lab,
        slug=f"{key.replace(' ', '-')}-{civic}",
        street=street,
        civic=civic,
        street_key=key,
        civic_key=civic,
        lon=lon,
        lat=lat,
    )
