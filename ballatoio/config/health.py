"""What an operator's machines ask: is it alive, is it ready, how is it doing, whom to tell."""

import logging
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_prometheus.exports import ExportToDjangoView

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.vault.services import MasterKeyIsWrong, check_master_key

log = logging.getLogger(__name__)

# Asked of the database, and so the same whichever process answers.
DEAD_WORK = """# HELP ballatoio_dead_work Work that failed too often and waits for `ballatoio retry-work`.
# TYPE ballatoio_dead_work gauge
ballatoio_dead_work %d
"""


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the process lives; asks nothing of anybody else."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database answers and the master key is there, 503 otherwise."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        check_master_key()
    except DatabaseError:
        log.exception("not ready: the database does not answer")
    except (ImproperlyConfigured, MasterKeyIsWrong):
        log.exception("not ready: no usable master key")
    else:
        return HttpResponse("ok\n", content_type="text/plain")
    return HttpResponse("not ready\n", status=503, content_type="text/plain")


def metrics(request: HttpRequest) -> HttpResponse:
    """Give the Prometheus figures to whoever shows METRICS_TOKEN; for anybody else the page does not exist."""
    shown = request.headers.get("Authorization", "")
    if not settings.METRICS_TOKEN or not constant_time_compare(shown, f"Bearer {settings.METRICS_TOKEN}"):
        raise Http404
    response = ExportToDjangoView(request)
    # The other figures are of use exactly when the database does not answer.
    with suppress(DatabaseError):
        response.write(DEAD_WORK % DueWork.objects.dead().count())
    return response


def security_txt(request: HttpRequest) -> HttpResponse:
    """Say whom to tell about a weakness (RFC 9116); does not exist until SECURITY_CONTACT is set."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    contact = settings.SECURITY_CONTACT
    if "@" in contact and not contact.startswith("mailto:"):
        contact = f"mailto:{contact}"
    expires = (timezone.now() + timedelta(days=180)).replace(hour=0, minute=0, second=0, microsecond=0)
    text = f"Contact: {contact}\nExpires: {expires.isoformat()}\nPreferred-Languages: it, en\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
