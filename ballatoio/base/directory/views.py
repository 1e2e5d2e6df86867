"""The public pages of the directory: find a service, read its sheet, print it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from ballatoio.base import core
from ballatoio.base.accounts.http import LabRequest
from ballatoio.base.accounts.models import Role
from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.addresses import Match, find_buildings
from ballatoio.base.territory.models import Building

from .forms import Asked, ServiceSearch
from .hours import DoorState, door_state, load_hours
from .models import NeedTerm, Service
from .schedules import spoken_date
from .search import FoundService, NeedCount, NeedFamily, Point, find_services, need_family, need_tops
from .sheets import print_sheet
from .texts import LANGUAGE_NAMES, SERVICE_FIELDS, SOURCE_LANGUAGE, RecordTexts, language_notice, translated

PER_PAGE = 20
LIST_FIELDS = ("name", "description", "alert")
ICONS = frozenset(path.stem for path in (Path(core.__file__).parent / "templates/core/icons").glob("*.svg"))
PICTOGRAMS = frozenset(path.stem for path in (Path(__file__).parent / "templates/directory/icons").glob("*.svg"))


@dataclass(frozen=True)
class Row:
    """A service as a list shows it."""

    service: Service
    texts: RecordTexts
    door: DoorState
    distance: str


def service_list(request: LabRequest) -> HttpResponse:
    """Find a service by words, by need, by address, by the clock."""
    form = ServiceSearch(request.GET)
    asked = form.asked()
    matches = find_buildings(request.lab, asked.address, limit=6) if asked.address else []
    if matches and (len(matches) == 1 or matches[0].exact):
        return redirect(beside(request, matches[0]))
    here = building_asked(request, asked.building)
    found = search(request, asked, here)
    family = need_family(request.lab, asked.need) if asked.need else None
    tops = [] if asked.is_narrow else need_tops(request.lab)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("pagina"))
    texts = texts_of([hit.service for hit in page], terms_shown(tops, family))
    context = {
        "form": form,
        "asked": asked,
        "page": page,
        "rows": rows_of(page, request.lab, texts, timezone.now()),
        "total": len(found),
        "needs": [(node, texts[node.term.pk]["name"], icon_of(node.term)) for node in tops],
        "chosen": need_shown(family, texts) if family else None,
        "here": here,
        "choices": [(match.building, beside(request, match)) for match in matches],
        "address_unknown": bool(asked.address and not matches) or bool(asked.building and here is None),
        "notice": language_notice(
            [text for hit in page for text in texts[hit.service.pk].values()], get_language() or SOURCE_LANGUAGE
        ),
    }
    return render(request, "directory/service_list.html", context)


def search(request: LabRequest, asked: Asked, here: Building | None) -> list[FoundService]:
    """Look up what was asked for."""
    return find_services(
        request.lab,
        text=asked.text,
        need=asked.need,
        open_at=timezone.now() if asked.open_now else None,
        near=point_of(here),
        language=asked.spoken,
    )


def beside(request: LabRequest, match: Match) -> str:
    """Give the address of the same search, near the building of `match`."""
    query = request.GET.copy()
    query.pop("indirizzo", None)
    query.pop("pagina", None)
    query["casa"] = match.building.slug
    return f"{request.path}?{query.urlencode()}"


def building_asked(request: LabRequest, slug: str) -> Building | None:
    """Give the building that the visitor chose, if the lab has it."""
    return Building.objects.of_lab(request.lab).filter(slug=slug).defer("geometry").first() if slug else None


def point_of(building: Building | None) -> Point | None:
    """Give where a building stands, if that is known."""
    if building is None or building.lon is None or building.lat is None:
        return None
    return building.lon, building.lat


def terms_shown(tops: Iterable[NeedCount], family: NeedFamily | None) -> list[NeedTerm]:
    """Give the needs that the list names: the first level, or the chosen one and those beside it."""
    if family is None:
        return [node.term for node in tops]
    return [family.chosen, *(node.term for node in family.below)]


def texts_of(services: Iterable[Service], terms: Iterable[NeedTerm]) -> dict[UUID, RecordTexts]:
    """Give the texts of a page in the language of the page: one query."""
    return translated([*services, *terms], get_language() or SOURCE_LANGUAGE, LIST_FIELDS)


def icon_of(term: NeedTerm) -> str:
    """Give the template of a need's pictogram: its own, else the plain one that it names, else a list."""
    if term.code in PICTOGRAMS:
        return f"directory/icons/{term.code}.svg"
    return f"core/icons/{term.icon if term.icon in ICONS else 'list'}.svg"


def need_shown(family: NeedFamily, texts: dict[UUID, RecordTexts]) -> dict[str, object]:
    """Give the chosen need with its name and the needs beside it, for the template."""
    return {
        "code": family.chosen.code,
        "name": texts[family.chosen.pk]["name"],
        "children": [(node, texts[node.term.pk]["name"]) for node in family.below],
    }


def rows_of(found: Iterable[FoundService], lab: Lab, texts: dict[UUID, RecordTexts], at: datetime) -> list[Row]:
    """Give what the list shows of each service: texts, door, distance."""
    hits = list(found)
    hours = load_hours((hit.service for hit in hits), lab)
    return [
        Row(
            hit.service,
            texts[hit.service.pk],
            door_state(hit.service, hours[hit.service.pk], at),
            distance_text(hit.metres),
        )
        for hit in hits
    ]


def distance_text(metres: int | None) -> str:
    """Give a distance as people say it: to fifty metres, then to a tenth of a kilometre; "" when unknown."""
    if metres is None:
        return ""
    if metres < 50:
        return _("a meno di 50 m")
    if metres < 975:
        return _("a %(metres)s m") % {"metres": round(metres / 50) * 50}
    return _("a %(km)s km") % {"km": number_format(metres / 1000, 1)}


def published_service(request: LabRequest, slug: str) -> Service:
    """Give the service that anybody may read at this address, or answer 404."""
    services = Service.objects.of_lab(request.lab).published().select_related("organisation")
    return get_object_or_404(services, slug=slug)


def service_detail(request: LabRequest, slug: str) -> HttpResponse:
    """The sheet of a service: what, for whom, how, cost, when, where."""
    service = published_service(request, slug)
    language = get_language() or SOURCE_LANGUAGE
    terms = list(service.needs.filter(is_active=True).only("code", "name"))
    texts = translated([service, *terms], language, SERVICE_FIELDS)
    hours = load_hours([service], request.lab)[service.pk]
    context = {
        "service": service,
        "texts": texts[service.pk],
        "needs": [(term, texts[term.pk]["name"]) for term in terms],
        "hours": hours,
        "today": timezone.localdate().weekday(),
        "door": door_state(service, hours, timezone.now()),
        "languages": _(", ").join(str(LANGUAGE_NAMES[code]) for code in service.languages if code in LANGUAGE_NAMES),
        "notice": language_notice(texts[service.pk].values(), language),
        "may_edit": Role.COORDINATOR in request.roles,
        "verified_on": spoken_date(service.last_verified_on) if service.last_verified_on else "",
    }
    return render(request, "directory/service_detail.html", context)


def service_sheet(request: LabRequest, slug: str) -> HttpResponse:
    """The sheet on paper: A5, accessible PDF, in the language of `?lingua=` (the page's own otherwise)."""
    service = published_service(request, slug)
    language = request.GET.get("lingua") or get_language() or SOURCE_LANGUAGE
    with override(language if language in LANGUAGE_NAMES else SOURCE_LANGUAGE):
        path = reverse("directory:service_detail", kwargs={"lab": request.lab.slug, "slug": service.slug})
    sheet = print_sheet(service, lab=request.lab, language=language, address=request.build_absolute_uri(path))
    response = HttpResponse(sheet.pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{service.slug}-{sheet.language}.pdf"'
    response["Content-Language"] = sheet.language
    return response
