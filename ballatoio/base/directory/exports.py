"""The services of a lab as they leave the program in a file."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from ballatoio.base.core.sheets.export import Cell, ExportTable

from .models import ServiceQuerySet
from .schedules import write_hours

CHUNK = 200


def service_table(services: ServiceQuerySet) -> ExportTable:
    """Give services as a table, under the names that `ballatoio import services` reads."""
    titles = (
        *(
            "code",
            "name",
            "organisation",
            "description",
            "eligibility",
            "application_process",
            "fees",
            "needs",
            "hours",
        ),
        *("address", "lat", "lon", "phone", "email", "url", "languages", "interpretation", "accessibility", "area"),
        *("alert", "status", "verified_on"),
    )
    return ExportTable(_("servizi"), titles, _service_rows(services), services.order_by().count())


def _service_rows(services: ServiceQuerySet) -> Iterator[Sequence[Cell]]:
    rows = services.select_related("organisation").prefetch_related("needs", "schedules").defer("search_key")
    for service in rows.iterator(chunk_size=CHUNK):
        yield (
            service.slug,
            service.name,
            service.organisation.name,
            service.description,
            service.eligibility_description,
            service.application_process,
            service.fees_description,
            " ".join(term.code for term in service.needs.all()),
            write_hours(service.schedules.all()),
            service.address,
            "" if service.lat is None else service.lat,
            "" if service.lon is None else service.lon,
            service.phone,
            service.email,
            service.url,
            " ".join(service.languages),
            "sì" if service.interpretation_services else "no",
            service.accessibility,
            service.service_area,
            service.alert,
            service.status,
            service.last_verified_on.isoformat() if service.last_verified_on else "",
        )
