"""The monthly sheets of residents' questions: drafted, worded, sent, answered, and brought back to whoever asked."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.care.desk.forms import DeskLists

from . import question_services as services
from .forms import AnswersForm, NewQuestionForm, QuestionsForm, RecipientForm, ReturnForm
from .models import QuestionLine, QuestionSheet, TopicRecipient
from .question_files import print_questions
from .questions import institutions_of, progress_of, returned_by_line, sheets_for, waiting_by_line
from .rules import can_approve_questions, can_open_records

PAGE_SIZE = 25
# What a service refuses, in a sentence that says what to do.
REFUSALS: dict[type[Exception], Any] = {
    ChangedElsewhere: gettext_lazy("Un collega ha appena cambiato questo foglio. Guarda com’è adesso, poi ripeti."),
    services.SheetIsSent: gettext_lazy("Questo foglio è già stato mandato: non si cambia più."),
    services.SheetIsNotSent: gettext_lazy("Questo foglio non è ancora stato mandato."),
    services.NothingToAsk: gettext_lazy("Il foglio è vuoto: aggiungi una domanda prima di mandarlo."),
    services.QuestionIsEmpty: gettext_lazy("C’è una domanda senza parole: scrivila o toglila, poi manda il foglio."),
    services.NotAnswered: gettext_lazy("Non c’è ancora una risposta da riportare."),
    services.AnswerIsReturned: gettext_lazy("Questa risposta è già tornata a chi ha chiesto: non si cambia più."),
}


@never_cache
def question_list(request: StaffRequest) -> HttpResponse:
    """The sheets, the latest first; for an institution its own."""
    is_desk = can_open_records(request.user, request.lab.pk)
    context = {
        "page": Paginator(sheets_for(request.user, request.lab), PAGE_SIZE).get_page(request.GET.get("pagina")),
        "progress": progress_of(request.lab) if is_desk else None,
        "is_desk": is_desk,
        "can_approve": can_approve_questions(request.user, request.lab.pk),
    }
    return render(request, "reporting/question_list.html", context)


def sheet_or_404(request: StaffRequest, questions: UUID) -> QuestionSheet:
    """Give the sheet of this lab that the user may see; raise Http404 for any other."""
    seen = QuestionSheet.objects.visible_to(request.user).filter(lab=request.lab)
    return get_object_or_404(seen.select_related("organisation", "lab", "sent_by"), pk=questions)


def line_or_404(request: StaffRequest, questions: UUID, line: UUID) -> QuestionLine:
    """Give a line of a sheet that the user may see."""
    sheet = sheet_or_404(request, questions)
    found = QuestionLine.objects.filter(sheet=sheet).select_related("sheet__lab", "sheet__organisation")
    return get_object_or_404(found, pk=line)


@never_cache
def question_sheet(request: StaffRequest, questions: UUID) -> HttpResponse:
    """One sheet with what can be done next."""
    return render_sheet(request, sheet_or_404(request, questions))


def form_of(request: StaffRequest, sheet: QuestionSheet, data: Any = None) -> QuestionsForm | AnswersForm | None:
    """Give the form that fits the state of a sheet: its questions, its answers, nothing when all went back."""
    lines = list(sheet.lines.all())
    initial: dict[str, Any] = {"version": sheet.version}
    if sheet.is_draft:
        return QuestionsForm(data, lines=lines, initial=initial)
    is_desk = can_open_records(request.user, request.lab.pk)
    who = str(sheet.organisation) if is_desk else f"{sheet.organisation}, {request.user}"
    initial |= {"answered_by": who, "answered_on": timezone.localdate()}
    still = [line for line in lines if not line.returned_at]
    return AnswersForm(data, lines=still, initial=initial) if still else None


def render_sheet(request: StaffRequest, sheet: QuestionSheet, form: Any = None) -> HttpResponse:
    """Draw a sheet; `form` is the one that has to be corrected."""
    is_desk = can_open_records(request.user, request.lab.pk)
    can_approve = can_approve_questions(request.user, request.lab.pk)
    returned = returned_by_line(sheet) if is_desk else {}
    waiting = waiting_by_line(sheet) if can_approve and not sheet.is_draft else {}
    shown = form or form_of(request, sheet)
    rows = [
        {
            "line": line,
            "box": shown.box(line) if shown else None,
            "returned": returned.get(line.pk),
            "waiting": waiting.get(line.pk),
            "can_return": can_approve and bool(line.answer) and not line.returned_at,
        }
        for line in sheet.lines.all()
    ]
    context = {"sheet": sheet, "rows": rows, "form": shown, "is_desk": is_desk, "can_approve": can_approve}
    return render(request, "reporting/question_sheet.html", context, status=422 if form else 200)


def do_act(
    request: StaffRequest, sheet: QuestionSheet, act: Callable[..., object], done: str, to: str = "question_sheet"
) -> HttpResponse:
    """Check the form of a sheet and do `act` with it; else show what to correct, with all that was typed."""
    form = form_of(request, sheet, request.POST)
    if form is not None and form.is_valid():
        try:
            act(form)
        except tuple(REFUSALS) as refusal:
            form.add_error(None, REFUSALS[type(refusal)])
            sheet = sheet_or_404(request, sheet.pk)
            form.data = {**request.POST.dict(), "version": str(sheet.version)}
        else:
            messages.success(request, done)
            return redirect(f"reporting:{to}", request.lab.slug, sheet.pk)
    return render_sheet(request, sheet, form)


def question_word(request: StaffRequest, questions: UUID) -> HttpResponse:
    """Write the questions of a draft in plain words."""
    sheet = sheet_or_404(request, questions)
    to = "question_new" if request.POST.get("do") == "add" else "question_sheet"

    def act(form: Any) -> object:
        version = form.cleaned_data["version"]
        return services.word_questions(sheet, by=request.user, version=version, questions=form.texts())

    return do_act(request, sheet, act, _("Domande salvate."), to)


def question_drop(request: StaffRequest, questions: UUID, line: UUID) -> HttpResponse:
    """Take a question off a draft; what is typed of the others is kept."""
    found = line_or_404(request, questions, line)

    def act(form: Any) -> object:
        version, texts = form.cleaned_data["version"], form.texts()
        return services.drop_question(found, by=request.user, version=version, questions=texts)

    return do_act(request, sheet_or_404(request, questions), act, _("Domanda tolta."))


def question_send(request: StaffRequest, questions: UUID) -> HttpResponse:
    """Send a sheet to its institution."""
    sheet = sheet_or_404(request, questions)
    by_mail = _("Mandato. Parte l’e-mail a %(to)s.") % {"to": sheet.organisation}
    by_hand = _("Fatto. %(to)s non ha un’e-mail qui: stampa il PDF e portalo.") % {"to": sheet.organisation}

    def act(form: Any) -> object:
        if not sheet.is_draft:
            raise services.SheetIsSent
        version = form.cleaned_data["version"]
        return services.send_sheet(sheet, by=request.user, version=version, questions=form.texts())

    return do_act(request, sheet, act, by_mail if sheet.organisation.email else by_hand)


def question_answer(request: StaffRequest, questions: UUID) -> HttpResponse:
    """Write what the institution answers: by itself, or the desk that heard it."""
    sheet = sheet_or_404(request, questions)

    def act(form: Any) -> object:
        if sheet.is_draft:
            raise services.SheetIsNotSent
        given = {name: form.cleaned_data[name] for name in ("version", "answered_by", "answered_on")}
        return services.answer_questions(sheet, by=request.user, answers=form.texts(), **given)

    return do_act(request, sheet, act, _("Risposte salvate. Grazie."))


def question_return(request: StaffRequest, questions: UUID, line: UUID) -> HttpResponse:
    """Bring an answer back to whoever asked."""
    found = line_or_404(request, questions, line)
    form = ReturnForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Non si capisce quale risposta riportare. Riprova da qui."))
    else:
        try:
            services.return_answer(found, by=request.user, **form.cleaned_data)
        except tuple(REFUSALS) as refusal:
            messages.error(request, str(REFUSALS[type(refusal)]))
        else:
            done = _("La risposta torna a chi ha chiesto: tra poco è in Oggi di chi segue, e partono gli avvisi.")
            messages.success(request, done)
    return redirect("reporting:question_sheet", request.lab.slug, questions)


def question_new(request: StaffRequest, questions: UUID) -> HttpResponse:
    """Add a question of which no number is told."""
    sheet = sheet_or_404(request, questions)
    form = NewQuestionForm(request.POST or None, lists=DeskLists(request.lab, request.user))
    if request.method == "POST" and form.is_valid():
        term = form.terms[form.cleaned_data["argomento"]]
        try:
            services.add_question(sheet, by=request.user, term=term, question=form.cleaned_data["question"])
        except services.SheetIsSent as refusal:
            messages.error(request, str(REFUSALS[type(refusal)]))
        return redirect("reporting:question_sheet", request.lab.slug, sheet.pk)
    context = {"sheet": sheet, "form": form}
    return render(request, "reporting/question_new.html", context, status=422 if form.errors else 200)


def question_pdf(request: StaffRequest, questions: UUID) -> HttpResponse:
    """The sheet on paper, with room for the answers; a sheet that was sent gives the same every time."""
    sheet = sheet_or_404(request, questions)
    response = HttpResponse(print_questions(sheet), content_type="application/pdf")
    name = f"domande-{sheet.month:%Y-%m}-{slugify(str(sheet.organisation))}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@never_cache
def recipient_list(request: StaffRequest) -> HttpResponse:
    """Which institution answers for which topic."""
    lists = DeskLists(request.lab, request.user)
    form = RecipientForm(request.POST or None, lists=lists, organisations=institutions_of(request.lab))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        term, organisation = form.terms[given["argomento"]], form.organisations[given["ente"]]
        services.assign_topic(
            request.lab, by=request.user, term=term, organisation=organisation, source=given["accordo"]
        )
        messages.success(request, _("Fatto: dal prossimo foglio le domande vanno lì."))
        return redirect("reporting:recipient_list", request.lab.slug)
    recipients = TopicRecipient.objects.filter(lab=request.lab).select_related("term", "organisation")
    context = {"form": form, "recipients": recipients.order_by("organisation__name", "term__position", "pk")}
    return render(request, "reporting/recipient_list.html", context, status=422 if form.errors else 200)


def recipient_remove(request: StaffRequest, recipient: UUID) -> HttpResponse:
    """Nobody answers for this topic any more."""
    if not can_approve_questions(request.user, request.lab.pk):
        raise PermissionDenied
    found = TopicRecipient.objects.filter(lab=request.lab, pk=recipient).select_related("lab").first()
    if found is None:
        raise Http404
    services.unassign_topic(found, by=request.user)
    messages.success(request, _("Tolto."))
    return redirect("reporting:recipient_list", request.lab.slug)
