from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from . import rules, services
from .forms import AcceptInvitationForm, EndMembershipForm, InvitationForm
from .http import LabRequest, StaffRequest, source_of
from .models import Membership


def member_list(request: StaffRequest) -> HttpResponse:
    """Who works in the lab today, and who did."""
    members = Membership.objects.visible_to(request.user).of_lab(request.lab)
    members = members.select_related("user", "organisation").order_by("user__name", "since", "pk")
    current = list(members.current())
    past = list(members.exclude(pk__in=[member.pk for member in current]))
    for member in current:
        # Nobody has ever come in with this account: its invitation is still in somebody's pocket, or lost.
        member.is_waiting = not (member.user.has_usable_password() or member.user.demo_name)  # type: ignore[attr-defined]
    return render(request, "accounts/member_list.html", {"members": current, "past": past})


def invitation_renew(request: StaffRequest, membership: UUID) -> HttpResponse:
    """Give a new link to somebody who has not used theirs; it is shown once, the earlier one stops working."""
    members = Membership.objects.visible_to(request.user).of_lab(request.lab).select_related("user", "lab")
    found = get_object_or_404(members, pk=membership)
    try:
        code = services.renew_invitation(found, by=request.user)
    except services.InvitationNotNeeded:
        messages.info(request, _("Non serve un nuovo invito: entra con la sua e-mail, o è di un altro laboratorio."))
        return redirect("accounts:member_list", lab=request.lab.slug)
    return render_invitation(request, found, code)


def render_invitation(request: StaffRequest, membership: Membership, code: str) -> HttpResponse:
    """Show the link of an invitation, for the coordinator to pass on."""
    link = request.build_absolute_uri(reverse("accounts:invitation_accept", kwargs={"lab": request.lab.slug}))
    context = {"membership": membership, "code": code, "link": f"{link}?codice={code}"}
    return render(request, "accounts/member_invited.html", context)


def member_invite(request: StaffRequest) -> HttpResponse:
    """Invite somebody to work here; the link is shown once, for the coordinator to pass on."""
    form = InvitationForm(request.POST or None, lab=request.lab)
    if form.is_valid():
        if not rules.can_give_role(request.user, form.cleaned_data["role"]):
            raise PermissionDenied
        try:
            membership, code = services.invite_member(request.lab, **form.cleaned_data, by=request.user)
        except services.AlreadyAMember:
            form.add_error("email", _("Questa persona lavora già qui con questo ruolo."))
        else:
            return render_invitation(request, membership, code)
    return render(request, "accounts/member_invite.html", {"form": form})


def membership_end(request: StaffRequest, membership: UUID) -> HttpResponse:
    """End somebody's place in the lab with a given day."""
    found = get_object_or_404(Membership.objects.visible_to(request.user).of_lab(request.lab), pk=membership)
    if not rules.can_end_membership(request.user, found):
        raise PermissionDenied
    form = EndMembershipForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Scrivi l’ultimo giorno di lavoro, per esempio 31/12/2026."))
        return redirect("accounts:member_list", lab=request.lab.slug)
    try:
        services.end_membership(found, on=form.cleaned_data["on"], by=request.user)
    except services.EndsBeforeItBegan:
        messages.error(request, _("L’ultimo giorno non può venire prima del primo."))
    except services.EndsLaterThanBefore:
        messages.error(request, _("Il suo lavoro qui finisce già prima. Se deve restare, fai un nuovo invito."))
    else:
        messages.success(request, _("Salvato: dal giorno dopo non entra più."))
    return redirect("accounts:member_list", lab=request.lab.slug)


def invitation_accept(request: LabRequest) -> HttpResponse:
    """Choose the first password with the code of an invitation."""
    form = AcceptInvitationForm(request.POST or None, initial={"code": request.GET.get("codice", "")[:40]})
    if form.is_valid():
        try:
            services.accept_invitation(
                form.cleaned_data["code"],
                lab=request.lab,
                password=form.cleaned_data["password"],
                source=source_of(request),
            )
        except services.CodeDoesNotWork:
            form.add_error("code", _("Questo codice non funziona: chiedi un nuovo invito a chi coordina."))
        except services.TooManyWrongCodes:
            form.add_error("code", _("Troppi tentativi: aspetta un quarto d’ora e riprova."))
        else:
            messages.success(request, _("Password salvata. Adesso entra con la tua e-mail."))
            return redirect("account_login")
    return render(request, "accounts/invitation_accept.html", {"form": form})
