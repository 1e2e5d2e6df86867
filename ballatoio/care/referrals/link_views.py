"""The service's side of a referral, without an account: a link, a code in its own post, one request for one hour.

A GET changes nothing: mail scanners follow links. Whatever is wrong with a link, the page is the same.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import LabRequest, source_of
from ballatoio.base.accounts.services import CodeDoesNotWork, TooManyWrongCodes
from ballatoio.base.core.conflicts import ChangedElsewhere

from .consent import lines_of
from .forms import CheckForm, ServiceAnswerForm
from .link import (
    CHECK_LIFE,
    TooManyChecks,
    answer_by_link,
    ask_for_check,
    find_by_link,
    masked_address,
    open_with_check,
    read_by_link,
)
from .models import Referral
from .services import ReferralIsOver, RefusalSaysNoReason

# Which request this browser may read, and until when.
OPENED = "referral_opened"
OPEN_SECONDS = 60 * 60
CHANGED = gettext_lazy("Intanto la risposta è cambiata. Guardate com’è adesso, poi rispondete di nuovo se serve.")

View = Callable[..., HttpResponse]


def closed_to_strangers(view: View) -> View:
    """Answer every link that opens nothing with the one page, and keep all these pages out of caches and indexes.

    The address of the page is never told to another site (Referrer-Policy). It cannot be «no-referrer»: the browser
    would then send «Origin: null» with the forms, and the protection against forged forms would refuse them.
    """

    @never_cache
    @wraps(view)
    def guarded(request: LabRequest, **arguments: Any) -> HttpResponse:
        try:
            response = view(request, **arguments)
        except CodeDoesNotWork:
            response = render_dead(request, status=404)
        except TooManyWrongCodes:
            response = render_dead(request, status=429)
        response["Referrer-Policy"] = "same-origin"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return guarded


def render_dead(request: LabRequest, status: int) -> HttpResponse:
    """The page of a link that opens nothing, with whatever was typed: a long answer is not lost."""
    context = {"masked": "", "typed": request.POST.get("words", "")[:20_000], "too_many": False}
    return render(request, "referrals/link_open.html", context, status=status)


@closed_to_strangers
def link_open(request: LabRequest, link: str) -> HttpResponse:
    """The page behind the link: the lab's name, and a button that sends a code to the address of the service."""
    source = source_of(request)
    if request.method == "POST":
        try:
            ask_for_check(link, lab=request.lab, source=source)
        except TooManyChecks:
            referral = find_by_link(link, lab=request.lab, source=source)
            context = {"masked": masked_address(referral), "typed": "", "too_many": True}
            return render(request, "referrals/link_open.html", context, status=429)
        return redirect("referrals:link_check", request.lab.slug, link)
    referral = find_by_link(link, lab=request.lab, source=source)
    context = {"masked": masked_address(referral), "typed": "", "too_many": False}
    return render(request, "referrals/link_open.html", context)


@closed_to_strangers
def link_check(request: LabRequest, link: str) -> HttpResponse:
    """Where the code is typed; a right one opens the request in this browser."""
    source = source_of(request)
    referral = find_by_link(link, lab=request.lab, source=source)
    form = CheckForm(request.POST or None)
    if form.is_valid():
        try:
            opened = open_with_check(link, form.cleaned_data["check"], lab=request.lab, source=source)
        except CodeDoesNotWork:
            form.add_error("check", _("Questo codice non funziona. Controllatelo, oppure chiedetene uno nuovo."))
        else:
            request.session.cycle_key()
            request.session[OPENED] = {"referral": str(opened.pk), "until": timezone.now().timestamp() + OPEN_SECONDS}
            return redirect("referrals:link_answer", request.lab.slug, link)
    minutes = int(CHECK_LIFE.total_seconds() // 60)
    context = {"form": form, "link": link, "masked": masked_address(referral), "minutes": minutes}
    return render(request, "referrals/link_check.html", context, status=422 if form.errors else 200)


@closed_to_strangers
def link_answer(request: LabRequest, link: str) -> HttpResponse:
    """The request itself, and the answer of the service."""
    referral = find_by_link(link, lab=request.lab, source=source_of(request))
    if not is_opened(request, referral):
        messages.info(request, _("Per sicurezza serve un codice nuovo: lo mandiamo al vostro indirizzo."))
        return redirect("referrals:link_open", request.lab.slug, link)
    states = Referral.OPEN_BY_LINK[referral.state]
    if request.method != "POST":
        form = ServiceAnswerForm(initial={"version": referral.version}, states=states)
        return render_request(request, referral, form)
    form = ServiceAnswerForm(request.POST, states=states)
    if form.is_valid():
        try:
            answered = answer_by_link(referral, **form.cleaned_data)
        except (ChangedElsewhere, ReferralIsOver, RefusalSaysNoReason):
            referral = find_by_link(link, lab=request.lab, source=source_of(request))
            form.data = {**request.POST.dict(), "version": str(referral.version)}
            form.add_error(None, CHANGED)
        else:
            return after_answer(request, answered, link)
    return render_request(request, referral, form)


def is_opened(request: LabRequest, referral: Referral) -> bool:
    """Tell whether this browser gave the code of this request within the last hour."""
    opened = request.session.get(OPENED) or {}
    return opened.get("referral") == str(referral.pk) and opened.get("until", 0) > timezone.now().timestamp()


def render_request(request: LabRequest, referral: Referral, form: ServiceAnswerForm) -> HttpResponse:
    """Draw the request with its answer; that it was read is recorded."""
    texts = read_by_link(referral)
    lines = lines_of(referral.shares, texts, referral.language)
    context = {"referral": referral, "lines": lines, "has_phone": bool(texts.get("phone")), "form": form}
    return render(request, "referrals/link_answer.html", context, status=422 if form.errors else 200)


def after_answer(request: LabRequest, referral: Referral, link: str) -> HttpResponse:
    """Say thank you: on the same page while there is more to say, else where nothing of the request is left."""
    if referral.state in Referral.OPEN_BY_LINK:
        messages.success(request, _("Grazie, abbiamo la vostra risposta. Quando è fatto potete dirlo qui."))
        return redirect("referrals:link_answer", request.lab.slug, link)
    request.session.pop(OPENED, None)
    return redirect("referrals:link_thanks", request.lab.slug)


@never_cache
def link_thanks(request: LabRequest) -> HttpResponse:
    """Thank you: nothing on this page says for what."""
    return render(request, "referrals/link_thanks.html")
