"""What an operator needs from several rooms at once: their day."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from ballatoio.base.accounts.http import StaffRequest
from ballatoio.care.appointments.week import appointments_today
from ballatoio.care.desk.day import day_of, drafts_of
from ballatoio.care.desk.rules import can_see_whole_desk
from ballatoio.care.issues.lists import issues_due
from ballatoio.oversight.reporting.trends import growing_topics

from .reminders import reminders_of


@never_cache
def today(request: StaffRequest) -> HttpResponse:
    """What waits for the operator today, what is late first; for the coordinator, the whole desk."""
    whole = can_see_whole_desk(request.user, request.lab.pk)
    context = {
        "day": day_of(request.user, request.lab, whole_desk=whole),
        "agenda": appointments_today(request.user, request.lab, whole_desk=whole),
        "drafts": drafts_of(request.user, request.lab),
        "reminders": reminders_of(request.user, request.lab),
        "issues": issues_due(request.user, request.lab)[:20],
        "today": timezone.localdate(),
        "growing": growing_topics(request.lab)[:5] if whole else [],
    }
    return render(request, "home/today.html", context)
