"""What the desk does with messages: calls, letters, texts to copy; what did not arrive; what left."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere

from .forms import CallForm, LettersForm, RerouteForm, SeenForm
from .handling import (
    CannotBeShown,
    Opened,
    WayIsShut,
    cancel_notice,
    mark_done,
    post_letters,
    read_notice,
    record_call,
    reroute_notice,
    retry_all,
    retry_notice,
    return_notice,
    waiting_for_server,
)
from .letters import print_letters
from .lists import (
    ADVICE,
    BY_HAND,
    COUNTED,
    LETTERS_AT_ONCE,
    PAGE_SIZE,
    BoundedPaginator,
    Counts,
    SentFilter,
    counts_of,
    dead,
    rows_of,
    to_do,
)
from .models import Delivery
from .routes import other_routes
from .words import plain_text

Channel, State, Problem = Delivery.Channel, Delivery.State, Delivery.Problem
ALREADY_DONE = gettext_lazy("Un collega ha appena fatto qualcosa con questo messaggio: guarda com’è adesso.")


def page_of(request: StaffRequest, notices: Any, counts: Counts | None = None, size: int = PAGE_SIZE) -> dict[str, Any]:
    """Give what the template of a list shows: one page of messages, and how much is in each list."""
    page = BoundedPaginator(notices, size).get_page(request.GET.get("pagina"))
    counts = counts or counts_of(request.user, request.lab)
    return {"page": page, "rows": rows_of(list(page.object_list)), "counts": counts, "counted": COUNTED}


@never_cache
def to_do_list(request: StaffRequest) -> HttpResponse:
    """What has to be done by hand: one channel at a time, first the one that was asked for or has something."""
    counts = counts_of(request.user, request.lab)
    wanted = request.GET.get("come", "")
    full = [channel for channel in BY_HAND if counts.of(channel)]
    channel = Channel(wanted) if wanted in BY_HAND else (full or BY_HAND)[0]
    size = LETTERS_AT_ONCE if channel == Channel.LETTER else PAGE_SIZE
    context = page_of(request, to_do(request.user, request.lab, channel), counts, size)
    return render(request, "notices/to_do_list.html", context | {"channel": channel, "here": channel})


@never_cache
def dead_list(request: StaffRequest) -> HttpResponse:
    """What did not arrive, why, and what can be done about it."""
    context = page_of(request, dead(request.user, request.lab))
    waiting = waiting_for_server(request.lab).count()
    return render(request, "notices/dead_list.html", context | {"here": "dead", "of_the_server": waiting})


@never_cache
def sent_list(request: StaffRequest) -> HttpResponse:
    """What left, with filters; the same address answers htmx with the rows alone."""
    form = SentFilter(request.GET)
    context = page_of(request, form.notices(request.user, request.lab))
    context |= {"form": form, "here": "sent"}
    return render(request, "notices/_sent.html" if request.htmx else "notices/sent_list.html", context)  # type: ignore[attr-defined]


def notice_or_404(request: StaffRequest, notice: UUID) -> Delivery:
    """Give the message of this lab that the operator may see; raise Http404 for any other."""
    seen = Delivery.objects.visible_to(request.user).of_lab(request.lab)
    return get_object_or_404(seen.select_related("person__lab", "lab", "data_key", "ended_by"), pk=notice)


@never_cache
def notice_detail(request: StaffRequest, notice: UUID) -> HttpResponse:
    """One message: to whom, what it says, what can be done with it. Reading it is recorded."""
    found = notice_or_404(request, notice)
    opened: Opened | None = None
    try:
        opened = read_notice(found, by=request.user)
        problem = opened.way.problem
    except CannotBeShown as hidden:
        problem = hidden.problem
    allowed = Delivery.ALLOWED[found.state]
    may_move = {State.DEAD, State.TO_DO} & {State(found.state)}
    context = {
        "notice": found,
        "opened": opened,
        "problem": Problem(problem).label if problem else "",
        "advice": ADVICE.get(found.last_error or problem, ""),
        "text": plain_text(opened.parts, found.lab) if opened and found.channel == Channel.COPY else "",
        "others": other_routes(found) if may_move and opened else [],
        "may_retry": found.state == State.DEAD and not problem,
        "may_cancel": State.CANCELLED in allowed,
        "may_return": found.state in (State.SENT, State.DONE) and found.channel in (Channel.EMAIL, Channel.LETTER),
    }
    return render(request, "notices/notice_detail.html", context)


def act(request: StaffRequest, notice_id: UUID, does: Callable[[Delivery, Any], object], form: Any) -> HttpResponse:
    """Do one thing with a message and go back to where its kind is listed; say so when it could not be done."""
    notice = notice_or_404(request, notice_id)
    if not form.is_valid():
        messages.error(request, _("Non ho capito che cosa fare: scegli uno dei bottoni."))
        return redirect("notices:notice_detail", request.lab.slug, notice.pk)
    try:
        does(notice, form.cleaned_data)
    except ChangedElsewhere:
        messages.warning(request, ALREADY_DONE)
        return redirect("notices:notice_detail", request.lab.slug, notice.pk)
    except WayIsShut as shut:
        messages.error(request, _("Non si può: %(why)s.") % {"why": str(Problem(shut.problem).label).lower()})
        return redirect("notices:notice_detail", request.lab.slug, notice.pk)
    return back_to_list(request, notice)


def back_to_list(request: StaffRequest, notice: Delivery) -> HttpResponse:
    """Go back to the list in which the message stood, where the next one waits."""
    if notice.state == State.DEAD:
        return redirect("notices:dead_list", request.lab.slug)
    if notice.state == State.TO_DO:
        page = redirect("notices:to_do_list", request.lab.slug)
        page["Location"] += f"?come={notice.channel}"
        return page
    return redirect("notices:sent_list", request.lab.slug)


def notice_call(request: StaffRequest, notice: UUID) -> HttpResponse:
    """Note what came of a telephone call."""

    def does(found: Delivery, typed: dict[str, Any]) -> None:
        moved = record_call(found, by=request.user, **typed)
        said = {
            State.DONE: _("Fatto: ci hai parlato."),
            State.TO_DO: _("Segnato: torna in questo elenco al prossimo giorno di lavoro."),
            State.DEAD: _("Segnato: adesso è tra i messaggi non arrivati."),
        }
        messages.success(request, said[State(moved.state)])

    return act(request, notice, does, CallForm(request.POST))


def notice_done(request: StaffRequest, notice: UUID) -> HttpResponse:
    """Note that a text was copied and sent, or a letter posted."""

    def does(found: Delivery, typed: dict[str, Any]) -> None:
        mark_done(found, by=request.user, **typed)
        messages.success(request, _("Fatto."))

    return act(request, notice, does, SeenForm(request.POST))


def notice_retry(request: StaffRequest, notice: UUID) -> HttpResponse:
    """Try again a message that did not arrive."""

    def does(found: Delivery, typed: dict[str, Any]) -> None:
        retry_notice(found, by=request.user, **typed)
        messages.success(request, _("Si riprova subito."))

    return act(request, notice, does, SeenForm(request.POST))


def notice_reroute(request: StaffRequest, notice: UUID) -> HttpResponse:
    """Send a message another way."""

    def does(found: Delivery, typed: dict[str, Any]) -> None:
        moved = reroute_notice(found, by=request.user, **typed)
        by_hand = _("Adesso è tra le cose da fare a mano.")
        messages.success(request, _("Parte subito.") if moved.channel in Delivery.BY_PROGRAM else by_hand)

    return act(request, notice, does, RerouteForm(request.POST))


def notice_cancel(request: StaffRequest, notice: UUID) -> HttpResponse:
    """Take a message back, or off the list of what did not arrive."""

    def does(found: Delivery, typed: dict[str, Any]) -> None:
        cancel_notice(found, by=request.user, **typed)
        messages.success(request, _("Tolto."))

    return act(request, notice, does, SeenForm(request.POST))


def notice_return(request: StaffRequest, notice: UUID) -> HttpResponse:
    """Note that a message which had left came back."""

    def does(found: Delivery, typed: dict[str, Any]) -> None:
        return_notice(found, by=request.user, **typed)
        messages.success(request, _("Segnato: adesso è tra i messaggi non arrivati."))

    return act(request, notice, does, SeenForm(request.POST))


def dead_retry(request: StaffRequest) -> HttpResponse:
    """Try again all that a server did not take for reasons of its own."""
    count = retry_all(request.lab, by=request.user)
    messages.success(request, _("Messaggi rimessi in partenza: %(count)s.") % {"count": count})
    return redirect("notices:dead_list", request.lab.slug)


def letters_print(request: StaffRequest) -> HttpResponse:
    """The letters that the page lists as one PDF; printing them is reading them."""
    pdf = print_letters(request.lab, by=request.user, ids=LettersForm(request.POST).ids)
    if pdf is None:
        messages.error(request, _("Nessuna di queste lettere si può stampare: aprile per vedere perché."))
        return redirect("notices:to_do_list", request.lab.slug)
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = 'inline; filename="lettere.pdf"'
    return response


def letters_post(request: StaffRequest) -> HttpResponse:
    """Note that the letters that the page lists were printed and posted."""
    count = post_letters(request.lab, by=request.user, ids=LettersForm(request.POST).ids)
    messages.success(request, _("Lettere imbucate: %(count)s.") % {"count": count})
    return redirect("notices:to_do_list", request.lab.slug)
