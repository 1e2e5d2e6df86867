"""The referrals of a lab, by state, by service, by how late they are; and what comes of those to each service."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk.lists import ANY, ListChoice, day_start

from .models import Referral, ReferralQuerySet

PAGE_SIZE = 25
# The table of outcomes: so many services, over so many days.
SERVICES_SHOWN = 10
FIGURES_DAYS = 365
AWAITING, EVERY = "attesa", "tutti"
State = Referral.State


class ReferralFilter(forms.Form):
    """Filters of the list; without any, those that wait for an answer."""

    stato = ListChoice(
        label=_("Stato"),
        choices=[(AWAITING, _("in attesa di risposta")), *State.choices, (EVERY, _("tutti"))],
        required=False,
        initial=AWAITING,
    )
    servizio = ListChoice(label=_("Servizio"), required=False)
    tardi = forms.BooleanField(label=_("solo in ritardo"), required=False)

    def __init__(self, *args: Any, lab: Lab, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seen = Referral.objects.visible_to(user).filter(lab=lab)
        named = self.seen.filter(service__isnull=False).order_by().values("service").annotate(name=Max("service_name"))
        found = sorted((row["name"], str(row["service"])) for row in named)
        self.fields["servizio"].choices = [*ANY, *((pk, name) for name, pk in found)]  # type: ignore[attr-defined]

    def referrals(self) -> ReferralQuerySet:
        """Give the referrals that pass the filters; a filter that makes no sense does not count."""
        self.is_valid()
        state = self.cleaned_data.get("stato") or AWAITING
        found = self.seen
        if state == AWAITING:
            found = found.awaiting()
        elif state != EVERY:
            found = found.filter(state=state)
        if service := self.cleaned_data.get("servizio"):
            found = found.filter(service=service)
        if self.cleaned_data.get("tardi"):
            found = found.late()
        rows = found.select_related("person", "need__term").defer("sealed", "person__sealed", "need__sealed")
        return rows.order_by("-sent_at", "-pk")


@dataclass(frozen=True)
class ServiceFigures:
    """What came of the referrals to one service; `days` is how long an answer took on average, None without any."""

    service: Any
    name: str
    sent: int
    accepted: int
    refused: int
    expired: int
    awaiting: int
    days: float | None


def figures_by_service(lab: Lab, user: User, *, on: date | None = None) -> list[ServiceFigures]:
    """Give the outcomes of the last year by service, those to which most were sent first: one query."""
    since = (on or timezone.localdate()) - timedelta(days=FIGURES_DAYS)
    took = ExpressionWrapper(F("answered_at") - F("sent_at"), output_field=DurationField())
    rows = (
        Referral.objects.visible_to(user)
        .filter(lab=lab, sent_at__gte=day_start(since), service__isnull=False)
        .order_by()
        .values("service")
        .annotate(
            name=Max("service_name"),
            sent=Count("pk"),
            accepted=Count("pk", filter=Q(state__in=[State.ACCEPTED, State.DONE])),
            refused=Count("pk", filter=Q(state=State.REFUSED)),
            expired=Count("pk", filter=Q(state=State.EXPIRED)),
            awaiting=Count("pk", filter=Q(state__in=Referral.AWAITING)),
            took=Avg(took),
        )
        .order_by("-sent", "name", "service")[:SERVICES_SHOWN]
    )
    return [
        ServiceFigures(
            service=row["service"],
            name=row["name"],
            sent=row["sent"],
            accepted=row["accepted"],
            refused=row["refused"],
            expired=row["expired"],
            awaiting=row["awaiting"],
            days=row["took"].total_seconds() / 86_400 if row["took"] is not None else None,
        )
        for row in rows
    ]
