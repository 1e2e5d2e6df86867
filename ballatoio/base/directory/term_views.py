"""The pages of the words by which people call their needs."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.core.validators import slug_re
from django.db.models import Count
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.labs.models import Lab

from .models import LocalTerm, NeedSynonym, NeedTerm, TaxonomyVersion, Translation
from .rules import can_judge_words, can_keep_words
from .term_forms import JudgeForm, LocalTermForm, SynonymForm, TermFilter
from .term_index import all_terms, index_of
from .term_services import (
    SynonymCannotBecome,
    TooManyWords,
    WordIsAlreadyThere,
    WordSaysNothing,
    add_local_term,
    judge_synonyms,
    propose_synonyms,
    retire_local_term,
)
from .texts import LANGUAGE_NAMES

PER_PAGE = 50
FOUND = 30
USED_DAYS = 90
# Two forms on one page have a field of the same name.
LOCAL_IDS = "locale_%s"
SAYS_NOTHING = gettext_lazy("Scrivi almeno una parola, con lettere o numeri.")
NO_ROOM = gettext_lazy("Qui ci sono già troppe parole: togli prima quelle che non servono.")


@dataclass
class TermRow:
    """A term as the list shows it: how often it was used, and its words."""

    term: NeedTerm
    used: int
    words: int = 0
    unread: int = 0
    local: list[str] = field(default_factory=list)


def term_list(request: StaffRequest) -> HttpResponse:
    """All the needs that may be chosen, with how often they were used lately, and the words that find them."""
    form = TermFilter(request.GET)
    asked = form.cleaned_data["q"] if form.is_valid() else ""
    used = use_of(request.lab)
    if asked:
        found = index_of(request.lab).suggest(asked, {}, FOUND)
        terms = [suggestion.term for suggestion in found]
    else:
        terms = in_order()
    page = Paginator(terms, PER_PAGE).get_page(request.GET.get("pagina"))
    context = {
        "form": form,
        "asked": asked,
        "page": page,
        "rows": rows_of(list(page.object_list), request.lab, used),
        "own_words": used.get(None, 0),
        "version": TaxonomyVersion.objects.first(),
        "days": USED_DAYS,
    }
    return render(request, "directory/term_list.html", context)


def use_of(lab: Lab) -> dict[UUID | None, int]:
    """Give how often each term was used in the last 90 days, as whoever records needs counts it."""
    count = import_string(settings.TERM_USE)
    used: dict[UUID | None, int] = count(lab, timezone.localdate() - timedelta(days=USED_DAYS))
    return used


def in_order() -> list[NeedTerm]:
    """Give the terms that may be chosen, each of the first level before those under it."""
    terms = {term.pk: term for term in all_terms()}
    shown = [term for term in terms.values() if term.is_active]
    tops = {term.pk: terms[term.parent_id] if term.parent_id else term for term in shown}
    return sorted(shown, key=lambda term: (tops[term.pk].position, term.parent_id is not None, term.position))


def rows_of(terms: list[NeedTerm], lab: Lab, used: dict[UUID | None, int]) -> list[TermRow]:
    """Give the rows of a page: two queries, however many."""
    rows = {term.pk: TermRow(term, used.get(term.pk, 0)) for term in terms}
    counts = NeedSynonym.objects.of_lab(lab).filter(term__in=rows).order_by()
    for pk, state, number in counts.values_list("term", "state").annotate(n=Count("pk")):
        rows[pk].words += number
        rows[pk].unread += number if state != NeedSynonym.State.REVIEWED else 0
    for local in LocalTerm.objects.in_use().filter(lab=lab, term__in=rows):
        rows[local.term_id].local.append(local.name)
    return list(rows.values())


def term_words(request: StaffRequest) -> HttpResponse:
    """The words of one need (`?voce=`), language by language, and those of the lab's own."""
    term = NeedTerm.objects.select_related("parent").filter(code=code_of(request.GET)).first()
    if term is None:
        return redirect("directory:term_list", request.lab.slug)
    return render_words(request, term)


def code_of(typed: QueryDict) -> str:
    """Give the code of a need in an address or a form; "" for what can be none (a NUL would stop the database)."""
    code = typed.get("voce", "")
    return code if slug_re.match(code) else ""


def render_words(request: StaffRequest, term: NeedTerm, **forms: Any) -> HttpResponse:
    """Draw the page of a need; `forms` are those with something to correct."""
    words = shown_words(request, term)
    names = Translation.objects.of([term]).filter(field="name").order_by("language")
    local = LocalTerm.objects.filter(lab=request.lab, term=term).order_by("retired_on", "name", "pk")
    context = {
        "term": term,
        "by_language": by_language(words),
        "names": [(LANGUAGE_NAMES.get(row.language, row.language), row) for row in names],
        "local_words": list(local[:PER_PAGE]),
        "used": use_of(request.lab).get(term.pk, 0),
        "days": USED_DAYS,
        "form": forms.get("form") or SynonymForm(),
        "local_form": forms.get("local_form") or LocalTermForm(auto_id=LOCAL_IDS),
        "may_keep": can_keep_words(request.user, request.lab),
        "may_judge": can_judge_words(request.user, request.lab),
    }
    return render(request, "directory/term_words.html", context, status=422 if forms else 200)


def shown_words(request: StaffRequest, term: NeedTerm) -> list[NeedSynonym]:
    """Give the words of a need that find it in this lab, and those taken away."""
    words = NeedSynonym.objects.visible_to(request.user).filter(term=term).exclude(lab__in=other_labs(request))
    return list(words.select_related("changed_by").order_by("language", "text", "pk"))


def other_labs(request: StaffRequest) -> set[UUID]:
    """Give the labs, other than this one, in which the user works too: their words are not of this page."""
    return set(request.user.lab_ids) - {request.lab.pk}


def by_language(words: list[NeedSynonym]) -> list[dict[str, Any]]:
    """Give the words in the order of the languages, with how many nobody has read again."""
    unread = Counter(word.language for word in words if word.state in ("machine", "draft"))
    return [
        {
            "code": language,
            "name": name,
            "dir": "rtl" if language in {"ar", "ur"} else "ltr",
            "words": [word for word in words if word.language == language],
            "unread": unread[language],
        }
        for language, name in LANGUAGE_NAMES.items()
        if any(word.language == language for word in words)
    ]


def term_posted(request: StaffRequest) -> NeedTerm | None:
    """Give the need that a form is about, None when it names none."""
    return NeedTerm.objects.select_related("parent").filter(code=code_of(request.POST)).first()


def no_such_need(request: StaffRequest) -> HttpResponse:
    """Say that the need is not there, and lead to those that are."""
    messages.error(request, _("Questo bisogno non c’è: sceglilo dall’elenco."))
    return redirect("directory:term_list", request.lab.slug)


def to_words(request: StaffRequest, term: NeedTerm) -> HttpResponse:
    """Go back to the page of a need."""
    return redirect(f"{reverse('directory:term_words', args=[request.lab.slug])}?voce={term.code}")


def synonym_propose(request: StaffRequest) -> HttpResponse:
    """Write words by which people call a need; they find it in this lab at once, as drafts."""
    term, form = term_posted(request), SynonymForm(request.POST)
    if term is None:
        return no_such_need(request)
    if not form.is_valid():
        return render_words(request, term, form=form)
    asked = form.cleaned_data
    try:
        new = propose_synonyms(term, lab=request.lab, language=asked["language"], texts=asked["words"], by=request.user)
    except WordSaysNothing:
        form.add_error("words", SAYS_NOTHING)
        return render_words(request, term, form=form)
    except TooManyWords:
        form.add_error("words", NO_ROOM)
        return render_words(request, term, form=form)
    if new:
        messages.success(request, _("Parole aggiunte: %(words)s.") % {"words": ", ".join(word.text for word in new)})
    else:
        messages.info(request, _("Queste parole c’erano già."))
    return to_words(request, term)


def synonym_judge(request: StaffRequest) -> HttpResponse:
    """Say of the ticked words that a speaker has read them, that nobody has, or that nobody says so."""
    term = term_posted(request)
    if term is None:
        return no_such_need(request)
    form = JudgeForm(request.POST, words=shown_words(request, term))
    if not form.is_valid():
        messages.error(request, _("Scegli prima le parole, poi che cosa farne."))
        return to_words(request, term)
    state = form.cleaned_data["state"]
    chosen = [UUID(word) for word in form.cleaned_data["word"]]
    try:
        done = judge_synonyms(chosen, term=term, lab=request.lab, state=state, by=request.user)
    except SynonymCannotBecome:
        messages.error(request, _("Una di queste parole non può diventare così. Non è cambiato niente."))
    else:
        messages.success(
            request, _("%(state)s: %(number)s.") % {"state": NeedSynonym.State(state).label, "number": done}
        )
    return to_words(request, term)


def local_term_add(request: StaffRequest) -> HttpResponse:
    """Write a word of the lab's own for a need."""
    term, form = term_posted(request), LocalTermForm(request.POST, auto_id=LOCAL_IDS)
    if term is None:
        return no_such_need(request)
    if not form.is_valid():
        return render_words(request, term, local_form=form)
    asked = form.cleaned_data
    try:
        local = add_local_term(term, lab=request.lab, name=asked["name"], words=asked["words"], by=request.user)
    except WordIsAlreadyThere as there:
        form.add_error("name", _("Questa parola c’è già: porta a «%(term)s».") % {"term": there.term})
    except WordSaysNothing:
        form.add_error("name", SAYS_NOTHING)
    except TooManyWords:
        form.add_error("name", NO_ROOM)
    else:
        messages.success(
            request,
            _("«%(word)s» adesso porta a «%(term)s», e si conta lì.") % {"word": local.name, "term": term.name},
        )
        return to_words(request, term)
    return render_words(request, term, local_form=form)


def local_term_retire(request: StaffRequest, local: UUID) -> HttpResponse:
    """Stop using a word of the lab's own."""
    words = LocalTerm.objects.visible_to(request.user).filter(lab=request.lab).select_related("term")
    found = get_object_or_404(words, pk=local)
    retire_local_term(found, by=request.user)
    messages.success(request, _("«%(word)s» non si usa più. I conti restano uguali.") % {"word": found.name})
    return to_words(request, found.term)
