"""Receipts: handed over at the desk, looked at by whoever holds one, brought back by their holder."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import LabRequest, StaffRequest, source_of
from ballatoio.base.accounts.models import User
from ballatoio.base.accounts.services import CodeDoesNotWork, TooManyWrongCodes
from ballatoio.base.jobs.services import AlreadySubmitted, find_submitted, new_once_token
from ballatoio.base.people.models import Person

from .forms import DeskLists
from .models import Contact
from .receipt_forms import ClaimForm, CodeForm, ReceiptForm
from .receipts import (
    BringTheReceipt,
    ContactHasAPerson,
    ReadingIsNotSafe,
    check_receipt,
    claim_contact,
    find_by_receipt,
    issue_receipt,
    keep_receipt,
    live_receipt,
    stop_receipt,
)
from .slips import Slip
from .views import people_like

# What is wrong with a code is the same sentence for every reason: it tells nobody which codes exist.
DOES_NOT_WORK = gettext_lazy("Questo codice non funziona: controlla le lettere, oppure chiama lo sportello.")
TOO_MANY = gettext_lazy("Troppi tentativi: aspetta un quarto d’ora, oppure chiama lo sportello.")
AT_DESK_DOES_NOT_WORK = gettext_lazy(
    "Questo codice non apre niente: è scritto male, è scaduto, è stato fermato, "
    "oppure il contatto è già stato unito a una persona. Controlla il foglio lettera per lettera."
)


def contact_of_lab(request: StaffRequest, contact: UUID) -> Contact:
    """Give the contact of this lab that the operator may see; raise Http404 for any other."""
    seen = Contact.objects.visible_to(request.user).filter(lab=request.lab)
    return get_object_or_404(seen.select_related("person", "lab"), pk=contact)


def to_contact(request: StaffRequest, contact: Contact) -> HttpResponse:
    """Go back to the contact, where its receipt is."""
    return redirect(f"{reverse('desk:contact_detail', args=[request.lab.slug, contact.pk])}#ricevuta")


@never_cache
def receipt_issue(request: StaffRequest, contact: UUID) -> HttpResponse:
    """Make a receipt and show it once, to be printed or read aloud: the code is kept nowhere."""
    found = contact_of_lab(request, contact)
    form = ReceiptForm(request.POST, contact=found)
    if not form.is_valid():
        messages.error(request, _("Scegli la lingua del foglio, poi riprova."))
        return to_contact(request, found)
    chosen = form.cleaned_data.get("answer_by_code", False)
    try:
        access_code, code = issue_receipt(
            found, by=request.user, answer_by_code=chosen, once=request.POST.get("once", "")
        )
    except AlreadySubmitted:
        again = _(
            "La ricevuta era già pronta. Se il foglio non è uscito, preparane un’altra: la prima smette di valere."
        )
        messages.warning(request, again)
        return to_contact(request, found)
    except ReadingIsNotSafe:
        messages.error(request, _("Questa persona è protetta: la risposta non si legge con un foglio. Dilla tu a lei."))
        return to_contact(request, found)
    found.answer_by_code = chosen
    until = timezone.localdate(access_code.expires_at)
    slip = Slip(found, code, until, form.cleaned_data["language"], request.user)
    return render(request, "desk/receipt_issue.html", {"contact": found, "slip": slip, "data": slip.data()})


@never_cache
def receipt_print(request: StaffRequest, contact: UUID) -> HttpResponse:
    """The receipt that is on the screen, as a PDF; a paper that jams is printed again with the same code."""
    found = contact_of_lab(request, contact)
    form, code = ReceiptForm(request.POST, contact=found), request.POST.get("code", "")
    live = live_receipt(found)
    try:
        named = find_by_receipt(code, lab=request.lab, source=f"user:{request.user.pk}")
    except (CodeDoesNotWork, TooManyWrongCodes):
        named = None
    if named != found or live is None or not form.is_valid():
        messages.error(request, _("Questa ricevuta non vale più: preparane un’altra."))
        return to_contact(request, found)
    until = timezone.localdate(live.expires_at)
    slip = Slip(found, code, until, form.cleaned_data["language"], request.user)
    response = HttpResponse(slip.pdf(), content_type="application/pdf")
    response["Content-Disposition"] = 'inline; filename="ricevuta.pdf"'
    response["Content-Language"] = slip.language
    return response


def receipt_lose(request: StaffRequest, contact: UUID) -> HttpResponse:
    """«The receipt is lost»: its code stops working."""
    found = contact_of_lab(request, contact)
    if stop_receipt(found, by=request.user):
        messages.success(request, _("Fatto: il codice di quel foglio non apre più niente."))
    else:
        messages.info(request, _("Nessuna ricevuta di questo contatto funzionava ancora."))
    return to_contact(request, found)


@never_cache
def receipt_find(request: StaffRequest) -> HttpResponse:
    """Somebody shows a receipt, or reads it aloud: its contact is found, whoever it is of."""
    form = CodeForm(request.POST or None)
    found = found_by(request, form) if form.is_valid() else None
    if found is not None:
        return render_found(request, form, found, ClaimForm(lists=DeskLists(request.lab, request.user)))
    return render(request, "desk/receipt_find.html", {"form": form}, status=422 if form.errors else 200)


def found_by(request: StaffRequest, form: CodeForm) -> Contact | None:
    """Give the contact of the code that was typed; say in the form why there is none."""
    try:
        return find_by_receipt(form.cleaned_data["code"], lab=request.lab, source=f"user:{request.user.pk}")
    except CodeDoesNotWork:
        form.add_error("code", AT_DESK_DOES_NOT_WORK)
    except TooManyWrongCodes:
        form.add_error("code", TOO_MANY)
    return None


def render_found(
    request: StaffRequest, form: CodeForm, found: Contact, claim: ClaimForm, *, refused: bool = False
) -> HttpResponse:
    """Draw the contact of a receipt; when it is nobody's yet, with the form that puts it into somebody's file."""
    typed, chosen = claim["look_for"].value() or "", claim["person"].value() or ""
    context = {
        "code": form.cleaned_data["code"],
        "contact": found,
        "needs": found.needs.select_related("term").defer("sealed").order_by("opened_at", "pk"),
        "claim": claim,
        "people": people_like(claim.lists, typed, chosen),
        "chosen": chosen,
        "looked_for": typed,
        "once": request.POST.get("once") or new_once_token(),
        "refused": refused,
    }
    return render(request, "desk/receipt_found.html", context, status=422 if claim.errors or refused else 200)


@never_cache
def receipt_claim(request: StaffRequest) -> HttpResponse:
    """Put the contact of a receipt into the file of whoever brought it; nothing is typed twice."""
    form, refused = CodeForm(request.POST), False
    looks = request.POST.get("do") == "look"
    claim = ClaimForm(request.POST, lists=DeskLists(request.lab, request.user))
    if form.is_valid() and not looks and claim.is_valid():
        try:
            return after_claim(request, claimed(request, form, claim))
        except (ContactHasAPerson, CodeDoesNotWork, TooManyWrongCodes):
            refused = True
        except AlreadySubmitted as already:
            return redirect("desk:contact_detail", request.lab.slug, already.result)
    if sent := find_submitted(request.POST.get("once", "")):
        # A second click finds the code used up by the first.
        return redirect("desk:contact_detail", request.lab.slug, sent.result)
    found = found_by(request, form) if form.is_valid() else None
    if found is None:
        return render(request, "desk/receipt_find.html", {"form": form}, status=422)
    return render_found(request, form, found, claim, refused=refused)


def claimed(request: StaffRequest, form: CodeForm, claim: ClaimForm) -> Contact:
    """Do what the two forms say."""
    cleaned = claim.cleaned_data
    new = {name: cleaned[name] for name in ("given_name", "family_name", "phone")}
    return claim_contact(
        form.cleaned_data["code"],
        lab=request.lab,
        by=request.user,
        source=f"user:{request.user.pk}",
        person=cleaned["person"],
        newcomer=None if cleaned["person"] else new,
        once=cleaned["once"],
    )


def after_claim(request: StaffRequest, contact: Contact) -> HttpResponse:
    """Say what came of it, and go to the contact."""
    done = _("Il contatto adesso è nella scheda di %(person)s. Il foglio non serve più.") % {"person": contact.person}
    messages.success(request, done)
    return redirect("desk:contact_detail", request.lab.slug, contact.pk)


@never_cache
def receipt_check(request: LabRequest) -> HttpResponse:
    """Whoever holds a receipt types its code, and learns whether the answer is ready; nothing else, to nobody."""
    form, state = CodeForm(request.POST or None), None
    if form.is_valid():
        try:
            state = check_receipt(form.cleaned_data["code"], lab=request.lab, source=source_of(request))
        except CodeDoesNotWork:
            form.add_error("code", DOES_NOT_WORK)
        except TooManyWrongCodes:
            form.add_error("code", TOO_MANY)
    context = {"form": form, "state": state, "exit": settings.QUICK_EXIT_URL}
    response = render(request, "desk/receipt_check.html", context, status=422 if form.errors else 200)
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response


@never_cache
def receipt_keep(request: LabRequest) -> HttpResponse:
    """A resident adds a receipt to their own page, so that they need not keep the paper."""
    person = get_object_or_404(Person, lab=request.lab, user=request.user)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            assert isinstance(request.user, User)
            keep_receipt(form.cleaned_data["code"], person=person, by=request.user, source=source_of(request))
        except (CodeDoesNotWork, ContactHasAPerson):
            form.add_error("code", DOES_NOT_WORK)
        except TooManyWrongCodes:
            form.add_error("code", TOO_MANY)
        except BringTheReceipt:
            form.add_error("code", _("Questo foglio si unisce allo sportello: portalo con te, ci vogliono due minuti."))
        else:
            messages.success(request, _("Fatto: adesso la trovi tra le tue richieste."))
            return redirect("privacy:resident_home", lab=request.lab.slug)
    return render(request, "desk/receipt_keep.html", {"form": form}, status=422 if form.errors else 200)
