"""The contacts of the desk, their drafts, the figures of a month."""

import re
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.db import DatabaseError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.directory.term_index import index_of
from ballatoio.base.jobs.models import Draft
from ballatoio.base.jobs.services import (
    AlreadySubmitted,
    DraftChangedElsewhere,
    drop_draft,
    find_submitted,
    new_once_token,
    read_draft,
    save_draft,
)
from ballatoio.base.labs.services import add_working_days
from ballatoio.base.people.lookup import search_people
from ballatoio.base.people.models import Person
from ballatoio.base.territory.addresses import find_buildings

from .day import drafts_of
from .fields import LONGEST_LINE, LONGEST_TEXT
from .figures import month_figures, month_from
from .forms import AmendForm, DeskLists, NewContact, known_person, language_name
from .lists import COUNTED, ContactFilter, ContactPage
from .models import Answer, Attempt, Contact
from .receipt_forms import receipt_panel
from .services import (
    DRAFT_KIND,
    OwnerCannotWorkHere,
    amend_contact,
    read_contact,
    record_contact,
)
from .terms import choices_of

STARTED = "desk.started"
NEED_FIELD = re.compile(r"b[1-9]-need")
# What a form carries but a draft does not keep.
NOT_IN_DRAFT = {"csrfmiddlewaretoken", "once", "do", "draft_version"}


@never_cache
def contact_new(request: StaffRequest) -> HttpResponse:
    """The whole of a contact on one screen: who, what they ask, what they were answered."""
    lists = DeskLists(request.lab, request.user)
    if request.method != "POST":
        return render_new(request, screen_to_start(request, lists))
    screen = NewContact(lists, request.POST)
    if request.POST.get("do") == "look":
        return render_new(request, screen)
    try:
        if screen.is_valid:
            return after_saving(request, record_screen(request, screen))
        # A second click finds the new person already there: it is no double, it is the same form.
        check_not_submitted(request.POST.get("once", ""))
    except AlreadySubmitted as already:
        messages.info(request, _("Questo contatto era già salvato: eccolo."))
        return redirect("desk:contact_detail", request.lab.slug, already.result)
    except OwnerCannotWorkHere:
        screen.needs[0].add_error("owner", _("Questa persona non lavora più allo sportello. Scegline un’altra."))
    except DatabaseError:
        not_saved = _("Non è stato possibile salvare: niente è andato perso, è tutto qui. Riprova tra poco.")
        screen.about.add_error(None, not_saved)
    return render_new(request, screen)


def check_not_submitted(token: str) -> None:
    """Raise AlreadySubmitted when a form with this token was sent before."""
    if sent := find_submitted(token):
        raise AlreadySubmitted(sent.result)


def screen_to_start(request: StaffRequest, lists: DeskLists) -> NewContact:
    """Give an empty screen, or a draft of the operator that they asked to take up again."""
    initial: dict[str, Any] = {}
    if wanted := request.GET.get("bozza"):
        draft = next((draft for draft in drafts_of(request.user, request.lab) if str(draft.pk) == wanted), None)
        if draft is not None:
            initial = {**read_draft(draft), "draft": draft.key, "draft_version": draft.version}
    initial.setdefault("draft", get_random_string(32))
    initial.setdefault("started", signing.dumps(timezone.now().isoformat(), salt=STARTED))
    initial["once"] = new_once_token()
    resumed = "draft_version" in initial
    due_on = None if resumed else add_working_days(request.lab, timezone.localdate(), request.lab.answer_days)
    return NewContact(lists, initial=initial, due_on=due_on, resumed=resumed)


def render_new(request: StaffRequest, screen: NewContact) -> HttpResponse:
    """Draw the screen; a draft is offered, never poured into it by itself."""
    about = screen.about
    typed = about["look_for"].value() or ""
    context = {
        "screen": screen,
        "about": about,
        "drafts": [draft for draft in drafts_of(request.user, request.lab) if draft.key != about["draft"].value()],
        "draft_version": (about.data or about.initial).get("draft_version", ""),
        "people": people_like(screen.lists, typed, about["person"].value() or ""),
        "chosen": about["person"].value() or "",
        "looked_for": typed,
        "longest": LONGEST_TEXT,
    }
    return render(request, "desk/contact_new.html", context, status=422 if screen.has_errors else 200)


def record_screen(request: StaffRequest, screen: NewContact) -> Contact:
    """Save the screen, and the new person with it."""
    cleaned = screen.about.cleaned_data
    # Read before the database is locked for writing.
    save = partial(
        record_contact,
        request.lab,
        by=request.user,
        channel=cleaned["channel"],
        started_at=started_at(cleaned["started"]),
        building=cleaned["building"],
        language=cleaned["language"],
        interpreter=cleaned["interpreter"],
        words=cleaned["words"],
        note=cleaned["note"],
        needs=screen.heard(),
        once=cleaned["once"],
        draft_key=cleaned["draft"],
    )
    if cleaned["who"] != "new" or cleaned["person"]:
        return save(person=cleaned["person"])
    return save(newcomer=newcomer(cleaned))


def newcomer(cleaned: dict[str, Any]) -> dict[str, Any]:
    """Give what is written down of somebody new: the little that the form asks."""
    return {
        "given_name": cleaned["given_name"],
        "family_name": cleaned["family_name"],
        "phone": cleaned["phone"],
        "languages_spoken": [] if cleaned["language"] == "other" else [cleaned["language"]],
    }


def started_at(signed: str) -> Any:
    """Give when the form was opened, as this program signed it; now, when the signature is not ours."""
    try:
        return parse_datetime(signing.loads(signed, salt=STARTED)) or timezone.now()
    except signing.BadSignature:
        return timezone.now()


def after_saving(request: StaffRequest, contact: Contact) -> HttpResponse:
    """Go where the button said: the next contact, the sheets to print, or the contact itself."""
    do = request.POST.get("do")
    page = reverse("desk:contact_detail", args=[request.lab.slug, contact.pk])
    if do == "next":
        saved = _("Contatto salvato alle %(time)s.") % {"time": f"{timezone.localtime():%H:%M}"}
        link = format_html('<a href="{}#ricevuta">{}</a>', page, _("Stampa la ricevuta"))
        messages.success(request, format_html("{} {}", saved, link))
        return redirect("desk:contact_new", request.lab.slug)
    messages.success(request, _("Contatto salvato."))
    return redirect(f"{page}#schede" if do == "print" else page)


def people_like(lists: DeskLists, typed: str, chosen: str = "") -> list[Person]:
    """Give the people whom the typed letters may mean, the one already chosen first."""
    first = known_person(lists, chosen) if chosen else None
    found = search_people(lists.user, lists.lab, typed, limit=8)
    return [*([first] if first else []), *(person for person in found if person != first)]


def person_search(request: StaffRequest) -> HttpResponse:
    """The people whom three letters may mean, as choices of the form (a fragment)."""
    typed = request.GET.get("look_for", "")[:80]
    context = {"people": people_like(DeskLists(request.lab, request.user), typed), "looked_for": typed, "chosen": ""}
    return render(request, "desk/_people.html", context)


def building_search(request: StaffRequest) -> HttpResponse:
    """The houses whose address begins like what was typed, as suggestions of the form (a fragment)."""
    typed = request.GET.get("building", "")[:80]
    found = find_buildings(request.lab, typed, limit=8) if len(typed) >= 3 else []
    return render(request, "desk/_buildings.html", {"buildings": [match.building for match in found]})


def term_search(request: StaffRequest) -> HttpResponse:
    """The needs that may be meant by what is being typed, as choices of the form (a fragment).

    Sent and not asked for by address: what is typed may be somebody's story, and addresses stay in logs.
    """
    name = next((name for name in request.POST if NEED_FIELD.fullmatch(name)), "b1-need")
    typed = request.POST.get(name, "")[:LONGEST_LINE]
    context = {"offered": choices_of(request.lab, index_of(request.lab), typed), "prefix": name.removesuffix("-need")}
    return render(request, "desk/_terms.html", context)


def draft_save(request: StaffRequest) -> HttpResponse:
    """Keep what the operator has typed so far; answers with a line that says so (a fragment)."""
    typed, key = request.POST, request.POST.get("draft", "")[:64]
    version = typed.get("draft_version", "")[:9]
    context: dict[str, Any] = {"draft_version": version, "saved_at": None, "state": "sent"}
    if key and not find_submitted(typed.get("once", "")):
        try:
            draft = save_draft(
                by=request.user,
                lab=request.lab,
                kind=DRAFT_KIND,
                key=key,
                fields=draft_fields(typed),
                version=int(version) if version.isascii() and version.isdigit() else None,
            )
            context |= {"draft_version": draft.version, "saved_at": draft.updated_at, "state": "saved"}
        except DraftChangedElsewhere:
            context["state"] = "elsewhere"
        except DatabaseError:
            context["state"] = "not_saved"
    return render(request, "desk/_draft_state.html", context)


def draft_fields(typed: QueryDict) -> dict[str, str]:
    """Give what a draft keeps of a form: what was typed, within the length that a text may have."""
    kept = [(name, value) for name, value in typed.items() if name not in NOT_IN_DRAFT and value]
    return {name: str(value)[:LONGEST_TEXT] for name, value in kept[:80]}


def draft_drop(request: StaffRequest, draft: UUID) -> HttpResponse:
    """Throw a draft away."""
    mine = get_object_or_404(Draft.objects.visible_to(request.user), pk=draft, lab=request.lab)
    drop_draft(by=request.user, lab=request.lab, kind=mine.kind, key=mine.key)
    messages.info(request, _("Bozza scartata."))
    return redirect("desk:contact_new" if request.POST.get("next") == "new" else "home:today", request.lab.slug)


def contact_or_404(request: StaffRequest, contact: UUID) -> Contact:
    """Give the contact of this lab that the operator may see; raise Http404 for any other."""
    seen = Contact.objects.visible_to(request.user).filter(lab=request.lab)
    return get_object_or_404(seen.select_related("person", "building", "recorded_by", "data_key"), pk=contact)


@never_cache
def contact_detail(request: StaffRequest, contact: UUID) -> HttpResponse:
    """A contact with what was said, its needs and their answers; reading it is recorded."""
    found = contact_or_404(request, contact)
    texts = read_contact(found, by=request.user)
    needs = list(found.needs.select_related("term", "owner").order_by("opened_at", "pk"))
    answers = Answer.objects.filter(need__contact=found).select_related("service", "given_by").order_by("given_at")
    attempts = Attempt.objects.filter(need__contact=found).select_related("by").order_by("at")
    panels = [
        {
            "need": need,
            "words": texts.needs.get(need.pk, {}).get("words", ""),
            "answers": [(a, texts.answers.get(a.pk, {})) for a in answers if a.need_id == need.pk],
            "attempts": [attempt for attempt in attempts if attempt.need_id == need.pk],
        }
        for need in needs
    ]
    sheets = {a.service_id: a.service for a in answers if a.service}
    context = {
        "contact": found,
        "language_used": language_name(found.language),
        "texts": texts.contact,
        "panels": panels,
        "sheets": sheets.values(),
        "receipt": receipt_panel(found),
    }
    return render(request, "desk/contact_detail.html", context)


@never_cache
def contact_edit(request: StaffRequest, contact: UUID) -> HttpResponse:
    """Correct a contact; when a colleague did so meanwhile, both versions are shown and nothing is overwritten."""
    found = contact_or_404(request, contact)
    lists = DeskLists(request.lab, request.user)
    if request.method != "POST":
        return render_edit(request, found, AmendForm(initial=as_typed(request, found), lists=lists))
    form = AmendForm(request.POST, lists=lists)
    if request.POST.get("do") == "look" or not form.is_valid():
        return render_edit(request, found, form)
    typed = {name: value for name, value in form.cleaned_data.items() if name != "look_for"}
    try:
        amend_contact(found, by=request.user, **typed)
    except ChangedElsewhere:
        found = contact_or_404(request, contact)
        form.data = {**request.POST.dict(), "version": str(found.version)}
        return render_edit(request, found, form, theirs=AmendForm(initial=as_typed(request, found), lists=lists))
    messages.success(request, _("Correzione salvata."))
    return redirect("desk:contact_detail", request.lab.slug, found.pk)


def as_typed(request: StaffRequest, contact: Contact) -> dict[str, Any]:
    """Give a contact as its form shows it; its texts are read, and the reading recorded."""
    texts = read_contact(contact, by=request.user).contact
    return {
        "version": contact.version,
        "channel": contact.channel,
        "person": str(contact.person_id or ""),
        "language": contact.language,
        "interpreter": contact.interpreter,
        "building": str(contact.building or ""),
        "words": texts.get("words", ""),
        "note": texts.get("note", ""),
    }


def render_edit(
    request: StaffRequest, contact: Contact, form: AmendForm, theirs: AmendForm | None = None
) -> HttpResponse:
    """Draw the form of a correction; `theirs` is the version that a colleague saved in the meantime."""
    typed, chosen = form["look_for"].value() or "", form["person"].value() or ""
    context = {
        "contact": contact,
        "language_used": language_name(contact.language),
        "form": form,
        "theirs": theirs,
        "different": different(form, theirs) if theirs else [],
        "people": people_like(form.lists, typed, chosen),
        "chosen": chosen,
        "looked_for": typed,
        "longest": LONGEST_TEXT,
    }
    return render(request, "desk/contact_edit.html", context, status=409 if theirs else 422 if form.errors else 200)


def different(mine: AmendForm, theirs: AmendForm) -> list[str]:
    """Give the names of the fields in which two versions of a contact are not the same."""
    return [name for name in theirs.initial if str(mine[name].value() or "") != str(theirs[name].value() or "")]


@never_cache
def contact_list(request: StaffRequest) -> HttpResponse:
    """The contacts of the lab, newest first, with filters; the same address answers htmx with the rows alone."""
    form = ContactFilter(request.GET, lists=DeskLists(request.lab, request.user))
    context = {
        "form": form,
        "page": ContactPage(form.contacts(), request.GET.get("dopo", "")),
        "total": form.total() if form.asked else None,
        "counted": COUNTED,
        "query": request.GET.urlencode(),
        "exportable": True,
    }
    return render(request, "desk/_contacts.html" if request.htmx else "desk/contact_list.html", context)  # type: ignore[attr-defined]


@never_cache
def month(request: StaffRequest) -> HttpResponse:
    """The figures of a month, each of which opens onto its records."""
    chosen = month_from(request.GET.get("mese", ""))
    return render(request, "desk/month.html", {"figures": month_figures(request.lab, chosen)})
