"""The pages of those who keep the directory true."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token

from .doubts import open_doubts
from .forms import ManageFilter, ServiceForm, TranslationForm
from .models import Service, ServiceQuerySet, Translation
from .rules import can_approve_translations, can_edit_services, can_translate_services
from .schedules import write_hours, write_special_days
from .search import matching
from .services import (
    ServiceChangedElsewhere,
    ServiceSheet,
    TranslationCannotBecome,
    TranslationChangedElsewhere,
    add_service,
    amend_service,
    set_translations,
    translation_mark,
    translation_states,
    verify_service,
)
from .texts import LANGUAGE_NAMES, SERVICE_FIELDS, SOURCE_LANGUAGE

PER_PAGE = 25
# What the form and the sheet call by the same name.
PLAIN_FIELDS = (
    *("name", "description", "eligibility_description", "application_process", "fees_description", "phone", "email"),
    *("url", "address", "lat", "lon", "service_area", "languages", "interpretation_services", "accessibility"),
    *("alert", "status"),
)


def service_manage(request: StaffRequest) -> HttpResponse:
    """All services of the lab, with those that nobody has checked for half a year."""
    form = ManageFilter(request.GET)
    services = chosen_services(request, form)
    mine = Service.objects.of_lab(request.lab).visible_to(request.user)
    page = Paginator(services, PER_PAGE).get_page(request.GET.get("pagina"))
    states, doubts = translation_states(page.object_list), open_doubts(page.object_list)
    context = {
        "form": form,
        "page": page,
        "rows": [(service, language_marks(states.get(service.pk, {})), doubts.get(service.pk)) for service in page],
        "to_verify": mine.to_verify().count(),
        "may_edit": can_edit_services(request.user, request.lab),
        "may_translate": can_translate_services(request.user, request.lab),
    }
    return render(request, "directory/service_manage.html", context)


def chosen_services(request: StaffRequest, form: ManageFilter) -> ServiceQuerySet:
    """Give the services of the lab that pass the filters, in the order of the page."""
    form.is_valid()
    asked = form.cleaned_data
    mine = Service.objects.of_lab(request.lab).visible_to(request.user)
    services = matching(mine, asked.get("q", "")).select_related("organisation").order_by("name", "pk")
    if asked.get("stato"):
        services = services.filter(status=asked["stato"])
    return services.to_verify() if asked.get("da_verificare") else services


def language_marks(states: dict[str, Any]) -> list[dict[str, str]]:
    """Give, for each language with texts, its worst state: one stale text makes the language stale."""
    worst_first = [
        (Translation.State.STALE, "late"),
        (Translation.State.MACHINE, "warn"),
        (Translation.State.DRAFT, "info"),
        (Translation.State.REVIEWED, "ok"),
        (Translation.State.APPROVED, "ok"),
    ]
    marks = []
    for language in LANGUAGE_NAMES:
        for state, tone in worst_first:
            if states.get(language, {}).get(state):
                marks.append(
                    {
                        "language": language,
                        "name": str(LANGUAGE_NAMES[language]),
                        "state": str(state.label),
                        "tone": tone,
                    }
                )
                break
    return marks


def service_of_lab(request: StaffRequest, slug: str) -> Service:
    """Give the service of the lab at this address, published or not, or answer 404."""
    services = Service.objects.of_lab(request.lab).visible_to(request.user).select_related("organisation")
    return get_object_or_404(services, slug=slug)


def service_new(request: StaffRequest) -> HttpResponse:
    """Write a new service."""
    form = ServiceForm(request.POST or None, request.lab)
    if request.method == "POST" and form.is_valid():
        once = request.POST.get("once", "")
        try:
            service = add_service(request.lab, sheet_of(form), by=request.user, once=once)
        except AlreadySubmitted as sent:
            return redirect("directory:service_edit", lab=request.lab.slug, slug=sent.result)
        messages.success(request, _("Servizio salvato. Ora si può tradurre."))
        return redirect("directory:service_edit", lab=request.lab.slug, slug=service.slug)
    return render(request, "directory/service_form.html", {"form": form, "service": None, "once": new_once_token()})


def service_edit(request: StaffRequest, slug: str) -> HttpResponse:
    """Amend the sheet of a service."""
    service = service_of_lab(request, slug)
    form = ServiceForm(request.POST or None, request.lab, initial=initial_of(service))
    if request.method == "POST" and form.is_valid():
        version = form.cleaned_data["version"] or 0
        try:
            amend_service(service, sheet_of(form, service), by=request.user, version=version)
        except ServiceChangedElsewhere:
            form.add_error(
                None,
                _("Intanto qualcun altro ha salvato questa scheda. Aprila in un’altra finestra, confronta e riscrivi."),
            )
        else:
            messages.success(request, _("Scheda salvata."))
            return redirect("directory:service_manage", lab=request.lab.slug)
    languages = [(code, name) for code, name in LANGUAGE_NAMES.items() if code != SOURCE_LANGUAGE]
    context = {"form": form, "service": service, "once": "", "languages": languages}
    return render(request, "directory/service_form.html", context)


def initial_of(service: Service) -> dict[str, Any]:
    """Give the sheet of a service as the form shows it."""
    ahead = [day for day in service.schedule_exceptions.all() if day.on >= timezone.localdate()]
    return {name: getattr(service, name) for name in PLAIN_FIELDS} | {
        "organisation": service.organisation,
        "needs": list(service.needs.all()),
        "hours": write_hours(service.schedules.all()),
        "special_days": write_special_days(ahead),
        "version": service.version,
    }


def sheet_of(form: ServiceForm, service: Service | None = None) -> ServiceSheet:
    """Give the sheet that a valid form holds."""
    clean = form.cleaned_data
    verified_before = service.last_verified_on if service else None
    return ServiceSheet(
        organisation=clean["organisation"],
        new_organisation=clean["new_organisation"].strip(),
        needs=list(clean["needs"]),
        hours=clean["hours"],
        special_days=clean["special_days"],
        last_verified_on=timezone.localdate() if clean["verified"] else verified_before,
        **{name: clean[name] for name in PLAIN_FIELDS},
    )


def service_verify(request: StaffRequest, slug: str) -> HttpResponse:
    """Note that the sheet was checked today and is still true."""
    service = verify_service(service_of_lab(request, slug), by=request.user)
    messages.success(request, _("«%(name)s» è controllato oggi.") % {"name": service.name})
    return redirect("directory:service_manage", lab=request.lab.slug)


def service_translate(request: StaffRequest, slug: str, language: str) -> HttpResponse:
    """Write the texts of a service in another language, beside the Italian ones."""
    if language not in LANGUAGE_NAMES or language == SOURCE_LANGUAGE:
        raise Http404
    service = service_of_lab(request, slug)
    standing = {row.field: row for row in Translation.objects.of([service]).filter(language=language)}
    initial = {name: row.text for name, row in standing.items()} | {"seen": translation_mark(service, language)}
    may_approve = can_approve_translations(request.user, request.lab)
    form = TranslationForm(request.POST or None, service, language, initial, may_approve)
    if request.method == "POST" and form.is_valid() and write_texts(request, form, service, language):
        messages.success(request, _("Traduzione salvata."))
        return redirect("directory:service_translate", lab=request.lab.slug, slug=service.slug, language=language)
    context = {
        "form": form,
        "service": service,
        "language": language,
        "language_name": LANGUAGE_NAMES[language],
        "pairs": [
            (form[name], getattr(service, name), standing.get(name)) for name in SERVICE_FIELDS if name in form.fields
        ],
    }
    return render(request, "directory/service_translate.html", context)


def write_texts(request: StaffRequest, form: TranslationForm, service: Service, language: str) -> bool:
    """Save what the form holds; when it cannot be, say why on the form and give False."""
    clean = form.cleaned_data
    try:
        set_translations(
            service,
            form.texts(),
            language=language,
            state=clean["state"],
            by=request.user,
            lab=request.lab,
            seen=clean["seen"],
        )
    except TranslationChangedElsewhere:
        form.add_error(
            None, _("Intanto qualcun altro ha salvato questa traduzione. Aprila in un’altra finestra e confronta.")
        )
    except TranslationCannotBecome:
        form.add_error("state", _("Prima qualcuno che parla la lingua deve rileggere il testo; poi si approva."))
    else:
        return True
    return False
