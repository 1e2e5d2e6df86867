"""Background work on sheets: thin, and safe to run twice."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import keep_lease

from . import services
from .checking import check_sheet
from .models import SheetImport
from .services import Stopped
from .writing import give_up, import_sheet, take_back

State = SheetImport.State
# After so many failures an import is taken back: whoever waits learns that it did not work.
TRIES = 3
# A batch takes a second: a worker that was not heard of for so long is dead, and another goes on.
LEASE = timedelta(minutes=1)
SECONDS_BETWEEN_NOTES = 5.0


def work_on_sheet(work: DueWork) -> None:
    """Do what the sheet of this work waits for; what was meanwhile stopped, or done by another worker, is nothing."""
    sheet = SheetImport.objects.select_related("lab", "data_key", "decided_by", "uploaded_by").get(
        pk=work.payload["sheet"]
    )
    try:
        _go_on(work, sheet)
    except Stopped:
        return
    except Exception:
        if sheet.state == State.IMPORTING and work.attempts + 1 >= TRIES:
            take_back(give_up(sheet), on_progress=_progress(work))
            return
        raise


def _go_on(work: DueWork, sheet: SheetImport) -> None:
    if sheet.state == State.CHECKING:
        check_sheet(sheet, on_progress=_progress(work))
    elif sheet.state == State.IMPORTING:
        import_sheet(sheet, on_progress=_progress(work))
    elif sheet.state in (State.FAILING, State.UNDOING):
        take_back(sheet, on_progress=_progress(work))


def _progress(work: DueWork) -> Callable[[int, int], None]:
    """Give what tells how far the work has come, and that its worker is alive; not at every batch."""
    told_at = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal told_at
        if monotonic() - told_at >= SECONDS_BETWEEN_NOTES:
            told_at = monotonic()
            keep_lease(work, progress=done, total=total, lease=LEASE)

    return tell


def clear_old_sheets(work: DueWork) -> None:
    """Forget the sheets that nobody came back to."""
    services.clear_old_sheets()
