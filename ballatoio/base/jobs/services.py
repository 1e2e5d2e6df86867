"""Work that is done later, drafts that survive, and forms that count once."""

import json
import logging
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.services import forget_keys, open_texts, reseal_texts, seal_texts

from .models import Draft, DraftQuerySet, DueWork, SubmittedOnce

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
# Work outside a transaction belongs for so long to the worker that took it; if that one dies, another takes it up.
LEASE = timedelta(minutes=10)
FIRST_PAUSE = timedelta(minutes=1)
# A draft bridges a power cut or a weekend; after that nobody comes back to it and it is only somebody's words.
DRAFT_LIFE = timedelta(days=7)
WORK_LIFE = timedelta(days=30)
TOKEN = re.compile(r"[\w-]{1,64}", re.ASCII)


class AlreadySubmitted(Exception):
    """This form was already sent: `result` names what came of it."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


class DraftChangedElsewhere(Exception):
    """The same draft was saved from another window in the meantime."""


def plan_work(
    kind: str,
    *,
    key: str,
    due_at: datetime | None = None,
    lab: Lab | None = None,
    payload: dict[str, Any] | None = None,
) -> DueWork:
    """Plan one piece of work of a kind in settings.DUE_WORK; planning the same `key` again changes nothing."""
    work, _ = DueWork.objects.get_or_create(
        key=key,
        defaults={"kind": kind, "due_at": due_at or timezone.now(), "lab": lab, "payload": payload or {}},
    )
    return work


def do_next_work() -> DueWork | None:
    """Do the work that has been due longest; give it, or None when nothing is due.

    Its task runs in the same transaction as the note that it is done, so a crash does neither; a kind of
    settings.WORK_OUTSIDE_TRANSACTION runs outside, taken for the time of a LEASE, and may run twice. A task that fails
    is tried again after 1, 2, 4… minutes; after eight times it is dead, until retry_dead_work.
    """
    work: DueWork | None = None
    if not DueWork.objects.due().exists():
        # Looked at before the transaction begins: on SQLite a transaction holds everybody else's writing up.
        return None
    try:
        with transaction.atomic():
            rows = DueWork.objects.due()
            if connection.features.has_select_for_update_skip_locked:
                rows = rows.select_for_update(skip_locked=True, of=("self",))
            work = rows.first()
            if work is None:
                return None
            outside = work.kind in settings.WORK_OUTSIDE_TRANSACTION
            if outside:
                DueWork.objects.filter(pk=work.pk).update(due_at=timezone.now() + LEASE)
            else:
                _run(work)
        if outside:
            _run(work)
    except Exception as error:
        if work is None:
            raise
        # Only the kind of the error is kept: its message could carry somebody's words.
        logger.exception("work failed", extra={"work": str(work.pk), "kind": work.kind})
        _postpone(work, type(error).__name__)
    return work


def _run(work: DueWork) -> None:
    import_string(settings.DUE_WORK[work.kind])(work)
    DueWork.objects.filter(pk=work.pk).update(done_at=timezone.now(), attempts=work.attempts + 1, last_error="")


def keep_lease(work: DueWork, *, progress: int, total: int, lease: timedelta = LEASE) -> None:
    """Say how far work outside a transaction has come, and keep it from being taken by another worker for a `lease`."""
    work.progress, work.total, work.due_at = progress, total, timezone.now() + lease
    DueWork.objects.filter(pk=work.pk).update(progress=progress, total=total, due_at=work.due_at)


def _postpone(work: DueWork, error: str) -> None:
    attempts = work.attempts + 1
    now = timezone.now()
    DueWork.objects.filter(pk=work.pk).update(
        attempts=attempts,
        last_error=error,
        due_at=now + FIRST_PAUSE * 2 ** min(attempts - 1, 10),
        dead_at=now if attempts >= MAX_ATTEMPTS else None,
    )


def retry_dead_work() -> int:
    """Put all the dead work back, due now and with all its tries before it; give how much there was."""
    return DueWork.objects.dead().update(dead_at=None, attempts=0, due_at=timezone.now())


def plan_periodic_work() -> None:
    """Plan the present turn of all the work in settings.PERIODIC_WORK (kind → every so many minutes).

    A turn is named by the kind and its number since 1970, so any number of workers plan it once.
    """
    now = timezone.now()
    for kind, minutes in settings.PERIODIC_WORK.items():
        plan_work(kind, key=f"{kind}@{int(now.timestamp() // (minutes * 60))}")


def new_once_token() -> str:
    """Give the random token that a form carries in its hidden field `once`."""
    return secrets.token_urlsafe(24)


def submit_once(token: str, result: str = "") -> None:
    """Mark the form with `token` as sent, inside the caller's transaction.

    Raise AlreadySubmitted, with the first result, when it was sent before. What is no token of ours (a script, a
    form of before an upgrade) is not protected.
    """
    if not TOKEN.fullmatch(token):
        return
    with connection.cursor() as cursor:
        # Django's own way would cost a savepoint; a second sender waits here until the first has finished.
        cursor.execute(
            "INSERT INTO jobs_submittedonce (token, result, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [token, result, timezone.now()],
        )
        is_new = cursor.rowcount == 1
    if not is_new:
        raise AlreadySubmitted(SubmittedOnce.objects.get(pk=token).result)


def find_submitted(token: str) -> SubmittedOnce | None:
    """Give the record of the form with `token` when it was sent before."""
    return SubmittedOnce.objects.filter(pk=token).first() if TOKEN.fullmatch(token) else None


def save_draft(
    *, by: User, lab: Lab, kind: str, key: str, fields: Mapping[str, Any], version: int | None = None
) -> Draft:
    """Keep what `by` has typed so far in the form `key`; only they can open it again.

    `version` is the one that the window last saw: raise DraftChangedElsewhere when another window saved since.
    """
    texts = {"fields": json.dumps(dict(fields))}
    with transaction.atomic():
        draft = (
            Draft.objects.select_for_update(of=("self",), no_key=True)
            .filter(user=by, lab=lab, kind=kind, key=key)
            .first()
        )
        if draft is None:
            draft = Draft(user=by, lab=lab, kind=kind, key=key)
            try:
                with transaction.atomic():
                    seal_texts([(draft, texts)])
                    draft.save(force_insert=True)
            except IntegrityError:
                # Another window of the same user began the same draft a moment ago.
                raise DraftChangedElsewhere from None
            return draft
        if version is not None and version != draft.version:
            raise DraftChangedElsewhere
        reseal_texts(draft, texts)
        draft.version += 1
        draft.updated_at = timezone.now()
        draft.save()
        return draft


def read_draft(draft: Draft) -> dict[str, Any]:
    """Give the fields of a draft as they were typed."""
    fields: dict[str, Any] = json.loads(open_texts(draft).get("fields", "{}"))
    return fields


@transaction.atomic(savepoint=False)
def drop_draft(*, by: User, lab: Lab, kind: str, key: str) -> None:
    """Forget a draft, key and all: it was sent, or its writer discarded it."""
    _forget_drafts(Draft.objects.filter(user=by, lab=lab, kind=kind, key=key))


def _forget_drafts(drafts: DraftQuerySet) -> int:
    pairs = list(drafts.values_list("pk", "data_key_id"))
    Draft.objects.filter(pk__in=[pk for pk, _ in pairs]).delete()
    forget_keys(key_id for _, key_id in pairs if key_id)
    return len(pairs)


def clear_old_work() -> dict[str, int]:
    """Forget drafts untouched for seven days, and forms and work done more than thirty days ago; give how many.

    Dead work stays: somebody has to see it.
    """
    now = timezone.now()
    with transaction.atomic():
        drafts = _forget_drafts(Draft.objects.filter(updated_at__lt=now - DRAFT_LIFE))
    forms, _ = SubmittedOnce.objects.filter(at__lt=now - WORK_LIFE).delete()
    work, _ = DueWork.objects.filter(done_at__lt=now - WORK_LIFE).delete()
    return {"drafts": drafts, "forms": forms, "work": work}
