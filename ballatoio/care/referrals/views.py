"""The desk's side of a referral: sending one, following it, writing down what the service said."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language_bidi, gettext_lazy, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.doubts import open_doubts
from ballatoio.base.directory.models import Service
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.notices.models import Delivery
from ballatoio.care.desk.lists import COUNTED, CountedPaginator
from ballatoio.care.desk.models import Answer, Need
from ballatoio.care.desk.need_services import NeedIsClosed
from ballatoio.care.desk.services import read_contact

from .clock import expiry_day
from .consent import consent_words_in, how_to_call, lines_of, written_language
from .forms import AgreedForm, DeskAnswerForm, ReferralForm
from .lists import FIGURES_DAYS, PAGE_SIZE, ReferralFilter, figures_by_service
from .models import Referral
from .sending import (
    NobodyToReach,
    NothingIsTold,
    PhoneIsNotSafe,
    ServiceIsClosed,
    ServiceIsGone,
    check_service,
    check_told,
    orient_instead,
    send_referral,
)
from .services import (
    ReferralIsOver,
    RefusalSaysNoReason,
    answer_referral,
    phone_became_unsafe,
    read_referral,
    remind_service,
    way_to,
    withdraw_referral,
)

# What a service refuses, beside which field, in a sentence that says what to do.
REFUSALS: dict[type[Exception], tuple[str | None, Any]] = {
    ServiceIsGone: ("service", gettext_lazy("Questo servizio non c’è più. Scegline un altro.")),
    ServiceIsClosed: ("closed_is_known", gettext_lazy("Questo servizio adesso è chiuso. Se invii lo stesso, segnalo.")),
    NobodyToReach: (
        "service",
        gettext_lazy("Questo servizio non ha e-mail, telefono o indirizzo: prima completa la sua scheda."),
    ),
    PhoneIsNotSafe: ("phone", gettext_lazy("Questo numero non è sicuro per la persona: non va dato a nessuno.")),
    NothingIsTold: ("shares", gettext_lazy("La lingua da sola non basta: scegli che cosa dire al servizio.")),
    ChangedElsewhere: (None, gettext_lazy("Un collega ha appena cambiato questo bisogno. Rileggi, poi ripeti.")),
    NeedIsClosed: (None, gettext_lazy("Questo bisogno è chiuso. Se il problema non è risolto, riaprilo.")),
}
OVER = gettext_lazy("Intanto questo invio è cambiato: guarda com’è adesso, poi ripeti se serve.")
OVER_EXCEPTIONS = (ChangedElsewhere, ReferralIsOver, RefusalSaysNoReason)


@never_cache
def referral_list(request: StaffRequest) -> HttpResponse:
    """The referrals of the lab, and what came of those to each service."""
    form = ReferralFilter(request.GET, lab=request.lab, user=request.user)
    page = CountedPaginator(form.referrals(), PAGE_SIZE).get_page(request.GET.get("pagina"))
    figures = figures_by_service(request.lab, request.user)
    context = {"form": form, "page": page, "figures": figures, "figures_days": FIGURES_DAYS, "counted": COUNTED}
    return render(request, "referrals/referral_list.html", context)


# --- Sending ------------------------------------------------------------------------------------------------


@never_cache
def referral_new(request: StaffRequest, need: UUID) -> HttpResponse:
    """Send somebody on to a service, in two steps: what it is told, then their yes once it was read to them."""
    found = need_of_lab(request, need)
    if not found.is_open:
        messages.error(request, REFUSALS[NeedIsClosed][1])
        return redirect("desk:need_detail", request.lab.slug, found.pk)
    services = services_of(request)
    if request.method != "POST":
        return render_first(request, found, ReferralForm(initial=first_values(request, found), services=services))
    do, form = request.POST.get("do"), ReferralForm(request.POST, services=services)
    if do == "change":
        typed = {**request.POST.dict(), "shares": request.POST.getlist("shares")}
        return render_first(request, found, ReferralForm(initial=typed, services=services))
    if not (form.is_valid() and fits(form, found)):
        return render_first(request, found, form, status=422)
    if do == "orient":
        return orient(request, found, form)
    agreed = AgreedForm(request.POST if do == "send" else None, initial={"asked_in": form.cleaned_data["language"]})
    if do != "send" or not agreed.is_valid():
        return render_second(request, found, form, agreed, status=422 if do == "send" else 200)
    return send(request, found, form, agreed)


def need_of_lab(request: StaffRequest, need: UUID) -> Need:
    """Give the need of this lab that the operator may see; raise Http404 for any other."""
    seen = Need.objects.visible_to(request.user).filter(lab=request.lab)
    return get_object_or_404(seen.select_related("contact__data_key", "person", "term", "lab"), pk=need)


def services_of(request: StaffRequest) -> list[Service]:
    """Give all the services of the lab, also those that are gone: whoever names one is told so."""
    services = Service.objects.of_lab(request.lab).visible_to(request.user)
    return list(services.select_related("organisation").order_by("name", "pk"))


def first_values(request: StaffRequest, need: Need) -> dict[str, Any]:
    """Give what is known already; only what the person needs, and their language, is ticked beforehand."""
    texts = read_contact(need.contact, by=request.user)
    points = list(need.person.contact_points.all()) if need.person else []
    safe = [point for point in points if point.kind == "phone" and point.safe_to_call and not point.is_shared]
    noted = need.answers.filter(kind=Answer.Kind.REFERRAL, has_referral=False, outcome="").select_related("service")
    answer = noted.order_by("-given_at").first()
    return {
        "version": need.version,
        "once": new_once_token(),
        "service": answer.service.name if answer and answer.service else "",
        "shares": ["language", "words"],
        "name": str(need.person or texts.contact.get("name", "")),
        "phone": safe[0].value if safe else texts.contact.get("phone", "") if not need.person else "",
        "language": need.contact.language,
        "words": texts.needs.get(need.pk, {}).get("words", "") or str(need.term or ""),
    }


def fits(form: ReferralForm, need: Need) -> bool:
    """Tell whether what was typed may be sent; say on the form why not."""
    try:
        check_service(form.cleaned_data["service"], confirmed=form.cleaned_data["closed_is_known"])
        check_told(form.told(), need.person)
    except tuple(REFUSALS) as refusal:
        form.add_error(*REFUSALS[type(refusal)])
        return False
    return True


def render_first(request: StaffRequest, need: Need, form: ReferralForm, status: int = 200) -> HttpResponse:
    """Draw the first step: to whom, and what the service is told."""
    shown = [service for service in form.services if service.status != Service.Status.DEFUNCT]
    asks_again = "closed_is_known" in form.errors or bool(form["closed_is_known"].value() not in (None, "", False))
    context = {"need": need, "form": form, "services": shown, "asks_again": asks_again}
    return render(request, "referrals/referral_new.html", context, status=status)


def render_second(
    request: StaffRequest, need: Need, form: ReferralForm, agreed: AgreedForm, status: int = 200
) -> HttpResponse:
    """Draw the second step: what to read to the person, in Italian and in their language, and how they said yes."""
    service, told = form.cleaned_data["service"], told_about(form, need)
    expires_on = expiry_day(request.lab, timezone.localdate())
    readings = []
    for language in dict.fromkeys(["it", written_language(told.language)]):
        with override(language):
            direction = "rtl" if get_language_bidi() else "ltr"
        words = consent_words_in(language, request.lab, service, told, expires_on=expires_on)
        readings.append({"language": language, "dir": direction, "words": words})
    context = {
        "need": need,
        "form": form,
        "agreed": agreed,
        "service": service,
        "way": way_to(service),
        "lines": told.lines(),
        "readings": readings,
        "doubts": open_doubts([service]).get(service.pk),
    }
    return render(request, "referrals/referral_confirm.html", context, status=status)


def told_about(form: ReferralForm, need: Need) -> Any:
    """Give what the service would be told, with how the person wishes to be called."""
    points = need.person.contact_points.all() if need.person else ()
    return form.told(how_to_call(points, form.cleaned_data["phone"]))


def send(request: StaffRequest, need: Need, form: ReferralForm, agreed: AgreedForm) -> HttpResponse:
    """Send it, and show it; say what to correct when it cannot be."""
    clean = form.cleaned_data
    try:
        referral = send_referral(
            need,
            by=request.user,
            version=clean["version"],
            service=clean["service"],
            told=told_about(form, need),
            agreed=agreed.agreed(),
            closed_is_known=clean["closed_is_known"],
            once=clean["once"],
        )
    except AlreadySubmitted as already:
        messages.info(request, _("Questo invio era già partito: eccolo."))
        return redirect("referrals:referral_detail", request.lab.slug, already.result)
    except tuple(REFUSALS) as refusal:
        return render_changed(request, need, form, refusal)
    messages.success(request, _("Invio fatto. Qui trovi a che punto è."))
    return redirect("referrals:referral_detail", request.lab.slug, referral.pk)


def render_changed(request: StaffRequest, need: Need, form: ReferralForm, refusal: Exception) -> HttpResponse:
    """Draw the first step again, with what was typed and the version of the need that now stands."""
    current = need_of_lab(request, need.pk)
    form.add_error(*REFUSALS[type(refusal)])
    typed = request.POST.copy()
    typed["version"] = str(current.version)
    form.data = typed
    return render_first(request, current, form, status=422)


def orient(request: StaffRequest, need: Need, form: ReferralForm) -> HttpResponse:
    """The person said no: they get the way to the service, and nothing about them leaves."""
    service = form.cleaned_data["service"]
    try:
        orient_instead(need, by=request.user, version=form.cleaned_data["version"], service=service)
    except tuple(REFUSALS) as refusal:
        return render_changed(request, need, form, refusal)
    messages.success(
        request, _("Segnato come orientamento. Al servizio non è andato niente: dai alla persona la scheda.")
    )
    return redirect("desk:need_detail", request.lab.slug, need.pk)


# --- Following ----------------------------------------------------------------------------------------------


def referral_of_lab(request: StaffRequest, referral: UUID) -> Referral:
    """Give the referral of this lab that the operator may see; raise Http404 for any other."""
    seen = Referral.objects.visible_to(request.user).filter(lab=request.lab)
    related = (
        "lab",
        "person",
        "service__organisation",
        "need__term",
        "need__contact",
        "sent_by",
        "consent",
        "data_key",
    )
    return get_object_or_404(seen.select_related(*related), pk=referral)


@never_cache
def referral_detail(request: StaffRequest, referral: UUID) -> HttpResponse:
    """One referral with its history, and what can be done with it; reading it is recorded."""
    return render_referral(request, referral_of_lab(request, referral))


def render_referral(request: StaffRequest, referral: Referral, failed: DeskAnswerForm | None = None) -> HttpResponse:
    """Draw the page of a referral; `failed` is the answer that has to be corrected."""
    texts = read_referral(referral, by=request.user)
    states = [state for state in Referral.ALLOWED[referral.state] if state in DeskAnswerForm.ANSWERS]
    way = way_to(referral.service)
    fresh = DeskAnswerForm(initial={"version": referral.version}, states=states)
    context = {
        "referral": referral,
        "lines": lines_of(referral.shares, texts, referral.language),
        "consent": texts.get("consent", ""),
        "phone_is_unsafe": phone_became_unsafe(referral, texts),
        "events": [(event, texts.get(f"said {event.pk}", "")) for event in referral.events.select_related("by")],
        "way": way,
        "by_email": way is not None and way.channel == Delivery.Channel.EMAIL,
        "form": failed or (fresh if states else None),
        "can_withdraw": Referral.State.WITHDRAWN in Referral.ALLOWED[referral.state],
        "doubts": open_doubts([referral.service]).get(referral.service.pk) if referral.service else None,
    }
    return render(request, "referrals/referral_detail.html", context, status=422 if failed else 200)


def referral_answer(request: StaffRequest, referral: UUID) -> HttpResponse:
    """Write down what a service said on the telephone, in a meeting, by letter."""
    found = referral_of_lab(request, referral)
    form = DeskAnswerForm(request.POST, states=DeskAnswerForm.ANSWERS)
    if form.is_valid():
        try:
            answer_referral(found, by=request.user, **form.cleaned_data)
        except OVER_EXCEPTIONS:
            found = referral_of_lab(request, referral)
            form.add_error(None, OVER)
            form.data = {**request.POST.dict(), "version": str(found.version)}
        else:
            messages.success(request, _("Risposta segnata."))
            return redirect("referrals:referral_detail", request.lab.slug, found.pk)
    return render_referral(request, found, form)


def referral_withdraw(request: StaffRequest, referral: UUID) -> HttpResponse:
    """Take a referral back: the person changed their mind."""
    found = referral_of_lab(request, referral)
    try:
        withdraw_referral(found, by=request.user, version=version_sent(request))
    except OVER_EXCEPTIONS:
        messages.error(request, OVER)
    else:
        messages.success(request, _("Invio ritirato. Il link non si apre più."))
    return redirect("referrals:referral_detail", request.lab.slug, found.pk)


def referral_remind(request: StaffRequest, referral: UUID) -> HttpResponse:
    """Write to the service once more, now."""
    found = referral_of_lab(request, referral)
    try:
        remind_service(found, by=request.user, version=version_sent(request))
    except OVER_EXCEPTIONS:
        messages.error(request, OVER)
    else:
        messages.success(request, _("Promemoria preparato, con un link nuovo."))
    return redirect("referrals:referral_detail", request.lab.slug, found.pk)


def version_sent(request: StaffRequest) -> int:
    """Give the version of the referral that the page showed; 0, which no record has, when it is no number."""
    typed = request.POST.get("version", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0


def referral_of_answer(request: StaffRequest, answer: UUID) -> HttpResponse:
    """Lead from an answer of the desk to its referral."""
    seen = Referral.objects.visible_to(request.user).filter(lab=request.lab)
    found = get_object_or_404(seen.only("pk"), answer=answer)
    return redirect(reverse("referrals:referral_detail", args=[request.lab.slug, found.pk]))
