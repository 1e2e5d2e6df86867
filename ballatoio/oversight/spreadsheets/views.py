from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRefresh

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.base.core.conflicts import ChangedElsewhere
from ballatoio.base.core.sheets.export import ExportTable, download
from ballatoio.base.core.sheets.sheet import FileRefused
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token

from . import services
from .columns import heading_of
from .forms import (
    AllLookalikesForm,
    ColumnsForm,
    LookalikesForm,
    StartForm,
    UndoForm,
    UploadForm,
    ValuesForm,
    VersionForm,
    columns_initial,
)
from .models import SheetImport
from .preview import error_table, first_errors, first_rows, lookalike_rows, used_since
from .targets import TARGETS
from .values import ValueLists, listed_words

State = SheetImport.State
PER_PAGE = 25


def sheet_or_404(request: StaffRequest, spreadsheet: UUID) -> SheetImport:
    """Give the import of this lab that the coordinator may see; raise Http404 for any other."""
    seen = SheetImport.objects.visible_to(request.user).of_lab(request.lab)
    return get_object_or_404(seen.select_related("data_key", "uploaded_by", "lab"), pk=spreadsheet)


def to_detail(request: StaffRequest, sheet: SheetImport, sentence: str = "") -> HttpResponse:
    """Go to the page of an import, which says what can be done now; `sentence` says why what was asked cannot."""
    if sentence:
        messages.error(request, sentence)
    return redirect("spreadsheets:import_detail", request.lab.slug, sheet.pk)


def changed_meanwhile() -> str:
    """Give the sentence for whoever acts on a page that is no longer true."""
    return _("Intanto qualcosa è cambiato: guarda com’è adesso e riprova.")


def import_list(request: StaffRequest) -> HttpResponse:
    """The sheets that came in, the latest first."""
    sheets = SheetImport.objects.visible_to(request.user).of_lab(request.lab).select_related("uploaded_by")
    page = Paginator(sheets.defer("sealed"), PER_PAGE).get_page(request.GET.get("pagina"))
    return render(request, "spreadsheets/import_list.html", {"page": page})


def import_new(request: StaffRequest) -> HttpResponse:
    """Upload a sheet."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            sheet = services.upload_sheet(request.lab, by=request.user, **form.cleaned_data)
        except AlreadySubmitted as already:
            return redirect("spreadsheets:import_columns", request.lab.slug, already.result)
        except FileRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("spreadsheets:import_columns", request.lab.slug, sheet.pk)
    status = 422 if form.is_bound else 200
    context = {"form": form, "once": new_once_token()}
    return render(request, "spreadsheets/import_new.html", context, status=status)


@never_cache
def import_detail(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """One import as it stands: what is missing, how far it has come, what came of it."""
    found = sheet_or_404(request, spreadsheet)
    if request.htmx:  # type: ignore[attr-defined]
        if not found.is_working:
            return HttpResponseClientRefresh()
        return render(request, "spreadsheets/_progress.html", {"sheet": found})
    context: dict[str, Any] = {"sheet": found, "other": services.same_file(found) if found.is_open else None}
    if found.state == State.CHECKED:
        services.read_sheet(found, by=request.user)
        context |= {"rows": first_rows(found), "errors": first_errors(found), "good": found.rows - found.wrong}
    return render(request, "spreadsheets/import_detail.html", context)


@never_cache
def import_columns(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """Say what each column is, beside the first things that are in it."""
    found = sheet_or_404(request, spreadsheet)
    if not found.is_open or found.state == State.CHECKING:
        return to_detail(request, found)
    columns, choices = services.columns_of(found), services.choices_of(found)
    form = ColumnsForm(request.POST or None, kind=found.kind, columns=columns, initial=columns_initial(choices, found))
    if form.is_bound and form.is_valid():
        return save_columns(request, found, form)
    services.read_sheet(found, by=request.user)
    context = {
        "sheet": found,
        "form": form,
        "pairs": [(form[f"c{n}"], column, heading_of(columns, n)) for n, column in enumerate(columns)],
        "targets": TARGETS[found.kind],
        "known": bool(services.values_of(found)) and found.state == State.UPLOADED,
        "other": services.same_file(found),
    }
    return render(request, "spreadsheets/import_columns.html", context, status=422 if form.errors else 200)


def save_columns(request: StaffRequest, sheet: SheetImport, form: ColumnsForm) -> HttpResponse:
    """Keep what was said about the columns, and go on: to the words of the lists, or to the check."""
    header_row = form.cleaned_data["header_row"]
    try:
        saved = services.choose_columns(
            sheet, form.choices(), header_row=header_row, by=request.user, version=form.cleaned_data["version"]
        )
        if header_row != sheet.header_row:
            messages.info(request, _("Ho riletto le colonne da quella riga: ricontrolla che cosa sono."))
            return redirect("spreadsheets:import_columns", request.lab.slug, sheet.pk)
        if words_of(saved):
            return redirect("spreadsheets:import_values", request.lab.slug, sheet.pk)
        services.choose_values(saved, {}, by=request.user)
    except (ChangedElsewhere, services.NotNow):
        return to_detail(request, sheet, changed_meanwhile())
    return to_detail(request, sheet)


def words_of(sheet: SheetImport) -> dict[str, Any]:
    """Give the words of the lists of a sheet, with what they probably mean."""
    choices = services.choices_of(sheet)
    lists = ValueLists(sheet.lab, services.values_of(sheet))
    return listed_words(lists, sheet.kind, services.columns_of(sheet), choices.columns, choices.separator)


@never_cache
def import_values(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """Say what the words of the lists mean, then let the sheet be checked."""
    found = sheet_or_404(request, spreadsheet)
    if not found.is_open or found.state == State.CHECKING:
        return to_detail(request, found)
    asked = words_of(found)
    form = ValuesForm(
        request.POST or None,
        lists=ValueLists(found.lab, services.values_of(found)),
        asked=asked,
        initial={"version": found.version},
    )
    if form.is_bound and form.is_valid():
        try:
            services.choose_values(found, form.values(), by=request.user, version=form.cleaned_data["version"])
        except (ChangedElsewhere, services.NotNow):
            return to_detail(request, found, changed_meanwhile())
        return to_detail(request, found)
    labels = {target.name: target for target in TARGETS[found.kind]}
    lists = [
        (labels[name], [(form[f"{name}-{n}"], word) for n, word in enumerate(words)], others)
        for name, (words, others) in asked.items()
    ]
    services.read_sheet(found, by=request.user)
    context = {"sheet": found, "form": form, "lists": lists}
    return render(request, "spreadsheets/import_values.html", context, status=422 if form.errors else 200)


@never_cache
def import_people(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """The people of the sheet who may be known already, and what to do with each."""
    found = sheet_or_404(request, spreadsheet)
    lookalikes = found.lookalikes.select_related("person", "data_key").defer("person__sealed")
    page = Paginator(lookalikes.order_by("row", "pk"), PER_PAGE).get_page(request.GET.get("pagina"))
    form = LookalikesForm(request.POST or None, lookalikes=list(page.object_list))
    if request.method == "POST" and form.is_valid():
        return save_people(request, found, form, page.next_page_number() if page.has_next() else 0)
    services.read_sheet(found, by=request.user)
    context = {
        "sheet": found,
        "page": page,
        "rows": [(form[str(one.pk)], one, name) for one, name in lookalike_rows(form.lookalikes)],
        "everybody": AllLookalikesForm(),
    }
    return render(request, "spreadsheets/import_people.html", context, status=422 if form.errors else 200)


def save_people(request: StaffRequest, sheet: SheetImport, form: LookalikesForm, next_page: int) -> HttpResponse:
    """Keep what was said about the people of a page, and show the next one."""
    choices = {UUID(pk): choice for pk, choice in form.cleaned_data.items()}
    try:
        services.choose_lookalikes(sheet, choices, by=request.user)
    except services.NotNow:
        return to_detail(request, sheet, changed_meanwhile())
    messages.success(request, _("Scelte salvate."))
    return redirect(f"{request.path}?pagina={next_page}") if next_page else to_detail(request, sheet)


def import_everybody(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """Say the same of all those whom only their name makes alike."""
    found = sheet_or_404(request, spreadsheet)
    form = AllLookalikesForm(request.POST)
    try:
        if form.is_valid():
            services.choose_all_lookalikes(found, form.cleaned_data["everybody"], by=request.user)
            messages.success(request, _("Scelte salvate."))
            return redirect("spreadsheets:import_people", request.lab.slug, found.pk)
    except services.NotNow:
        pass
    return to_detail(request, found, changed_meanwhile())


@never_cache
def import_errors(request: StaffRequest, spreadsheet: UUID) -> HttpResponseBase:
    """The wrong rows as a file: what to correct, beside each row as it was."""
    found = sheet_or_404(request, spreadsheet)
    services.read_sheet(found, by=request.user)
    titles, rows = error_table(found)
    return download(request, ExportTable(_("righe-da-correggere"), titles, rows, found.wrong))


def import_start(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """Let the rows of a checked sheet be written."""
    found = sheet_or_404(request, spreadsheet)
    form = StartForm(request.POST)
    if not form.is_valid():
        return to_detail(request, found, changed_meanwhile())
    try:
        services.start_import(found, by=request.user, **form.cleaned_data)
    except services.RowsAreWrong:
        return to_detail(request, found, _("Ci sono righe sbagliate: correggile, oppure segna che restano fuori."))
    except services.NothingToImport:
        return to_detail(request, found, _("Tutte le righe sono sbagliate: correggi il foglio e ricaricalo."))
    except services.SameFileWentIn:
        return to_detail(request, found, _("Questo file è già entrato: se lo vuoi due volte, segnalo qui sotto."))
    except services.AnotherAtWork:
        return to_detail(request, found, _("Un altro foglio sta entrando o uscendo: riprova quando ha finito."))
    except services.CheckIsOld:
        return to_detail(request, found, _("Dopo il controllo sono cambiate delle cose: ricontrolla, poi importa."))
    except (ChangedElsewhere, services.NotNow):
        return to_detail(request, found, changed_meanwhile())
    return to_detail(request, found)


def import_check(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """Check a sheet once more."""
    found = sheet_or_404(request, spreadsheet)
    form = VersionForm(request.POST)
    try:
        if form.is_valid():
            services.check_again(found, by=request.user, **form.cleaned_data)
            return to_detail(request, found)
    except (ChangedElsewhere, services.NotNow):
        pass
    return to_detail(request, found, changed_meanwhile())


def import_discard(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """Throw a sheet away before anything of it was written."""
    found = sheet_or_404(request, spreadsheet)
    try:
        services.discard_sheet(found, by=request.user)
    except services.NotNow:
        return to_detail(request, found, changed_meanwhile())
    messages.success(request, _("Buttato via: le righe lette sono cancellate."))
    return redirect("spreadsheets:import_list", request.lab.slug)


@never_cache
def import_undo(request: StaffRequest, spreadsheet: UUID) -> HttpResponse:
    """Take a whole import back; first of all stands what somebody has used since."""
    found = sheet_or_404(request, spreadsheet)
    if found.state != State.DONE:
        return to_detail(request, found)
    used, total = used_since(found)
    form = UndoForm(request.POST or None, ids=[one.pk for one in used])
    if request.method == "POST" and form.is_valid():
        try:
            services.start_undo(found, by=request.user, **form.cleaned_data)
        except services.AnotherAtWork:
            return to_detail(request, found, _("Un altro foglio sta entrando o uscendo: riprova quando ha finito."))
        except (ChangedElsewhere, services.NotNow):
            return to_detail(request, found, changed_meanwhile())
        return to_detail(request, found)
    context = {"sheet": found, "used": used, "more": total - len(used), "total": total}
    return render(request, "spreadsheets/import_undo.html", context)
