from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import LabRequest, StaffRequest, source_of
from ballatoio.base.accounts.services import CodeDoesNotWork, TooManyWrongCodes
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.people.merging import files_of
from ballatoio.base.people.models import Person
from ballatoio.care.desk.models import Contact

from . import services
from .forms import AuditFilterForm, RetentionRuleForm, SignInForm
from .models import RetentionRule
from .reading import AuditPage, describe_entries, plain_contact, read_audit

SIGN_IN_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
RESIDENT_SESSION_SECONDS = 30 * 60


def audit_list(request: StaffRequest) -> HttpResponse:
    """The audit of the lab."""
    form = AuditFilterForm(request.GET or None, lab=request.lab)
    chosen = {name: value for name, value in form.cleaned_data.items() if value} if form.is_valid() else {}
    page = read_audit(request.lab, by=request.user, chosen=chosen, before=request.GET.get("prima", ""))
    rows = describe_entries(page.rows, names=form.names)
    return render(request, "privacy/audit_list.html", {"form": form, "page": page, "rows": rows})


def retention_list(request: StaffRequest) -> HttpResponse:
    """How long the lab keeps what, what is due to go, and the form that changes it, twice when more would go."""
    form = RetentionRuleForm(request.POST or None)
    more = None
    if form.is_valid():
        try:
            services.set_retention_rule(request.lab, **form.cleaned_data, by=request.user)
        except services.ErasesMore as unconfirmed:
            more = unconfirmed.expired
        else:
            messages.success(request, _("Salvato."))
            return redirect("privacy:retention_list", lab=request.lab.slug)
    rules = RetentionRule.objects.visible_to(request.user).filter(lab=request.lab)
    expired = services.find_expired(request.lab) if rules else []
    return render(request, "privacy/retention_list.html", {"form": form, "expired": expired, "more": more})


def code_issue(request: StaffRequest, person: UUID) -> HttpResponse:
    """Make a one-time code for a person and show it once, large, to be printed or copied."""
    found = get_object_or_404(Person.objects.visible_to(request.user).of_lab(request.lab), pk=person)
    try:
        access_code, code = services.issue_sign_in_code(found, by=request.user)
    except services.WorksHere:
        messages.error(request, _("Questa persona lavora in un laboratorio: entra con la sua e-mail."))
        return redirect("people:person_detail", lab=request.lab.slug, person=found.pk)
    context = {"person": found, "access_code": access_code, "code": f"{code[:5]} {code[5:]}"}
    return render(request, "privacy/code_issue.html", context)


@never_cache
def sign_in(request: LabRequest) -> HttpResponse:
    """A resident enters with the code of the desk; whatever is wrong with a code, the answer is the same."""
    form = SignInForm(request.POST or None)
    if form.is_valid():
        try:
            user = services.open_resident_session(form.cleaned_data["code"], lab=request.lab, source=source_of(request))
        except CodeDoesNotWork:
            sentence = _("Questo codice non funziona: controlla, oppure chiedine uno nuovo allo sportello.")
            form.add_error("code", sentence)
        except TooManyWrongCodes:
            form.add_error("code", _("Troppi tentativi: aspetta un quarto d’ora, oppure chiama lo sportello."))
        else:
            login(request, user, backend=SIGN_IN_BACKEND)
            # The telephone or the computer may be somebody else's.
            request.session.set_expiry(RESIDENT_SESSION_SECONDS)
            return redirect("privacy:resident_home", lab=request.lab.slug)
    return render(request, "privacy/sign_in.html", {"form": form})


def resident_home(request: LabRequest) -> HttpResponse:
    """A person's own contacts, with the state of each need and nothing that a look over the shoulder could use."""
    person = get_object_or_404(Person, lab=request.lab, user=request.user)
    contacts = Contact.objects.filter(person=person).prefetch_related("needs").order_by("-started_at", "-pk")
    page = Paginator(contacts, 25).get_page(request.GET.get("pagina"))
    rows = [plain_contact(contact) for contact in page.object_list]
    return render(request, "privacy/resident_home.html", {"person": person, "page": page, "rows": rows})


def resident_audit(request: LabRequest) -> HttpResponse:
    """Who looked at a person's data, for that person: day, role and organisation, never a name."""
    person = get_object_or_404(Person, lab=request.lab, user=request.user)
    page = AuditPage(AuditEntry.objects.of_lab(request.lab.pk).about(*files_of(person)), request.GET.get("prima", ""))
    rows = describe_entries(page.rows, names={})
    return render(request, "privacy/resident_audit.html", {"page": page, "rows": rows})
