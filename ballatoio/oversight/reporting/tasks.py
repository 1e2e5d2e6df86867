"""Background work of reporting: thin, and safe to run twice."""

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import keep_lease
from ballatoio.base.labs.models import Lab

from . import publication_services, question_services, sheet_services, tally_services
from .models import Publication, QuestionLine


def fix_sheets(work: DueWork) -> None:
    """Fix the days, months and years that are over, of every lab."""
    for lab in Lab.objects.order_by("pk"):
        sheet_services.fix_due_sheets(lab)


def tally_needs(work: DueWork) -> None:
    """Count beforehand the months of every lab in which something changed."""
    for lab in Lab.objects.order_by("pk"):
        tally_services.tally_due_months(lab)


def publish_figures(work: DueWork) -> None:
    """Publish the months that are over, and draft the sheets of questions of the last one, for every lab."""
    for lab in Lab.objects.order_by("pk"):
        publication_services.publish_due(lab)
        last = Publication.objects.filter(lab=lab, kind=Publication.Kind.MONTH).order_by("-first").first()
        if last is not None:
            question_services.build_sheets(last)


def bring_answer(work: DueWork) -> None:
    """Bring an institution's answer to every need that a question counts; outside a transaction, need by need."""
    line = QuestionLine.objects.select_related("sheet__lab", "returned_by").filter(pk=work.payload["line"]).first()
    if line is not None:
        question_services.bring_answer(line, tell_progress=lambda done, of: keep_lease(work, progress=done, total=of))
