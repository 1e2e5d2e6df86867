"""Background work about people: thin, and safe to run twice."""

from ballatoio.base.jobs.models import DueWork
from ballatoio.base.jobs.services import keep_lease

from .doubles import compare_people
from .indexing import reindex_people
from .merging import follow_merge
from .models import Person, PersonMerge


class Progress:
    """Says how far a long work has come, and keeps it from being taken by another worker."""

    def __init__(self, work: DueWork, total: int) -> None:
        self.work, self.total, self.done = work, total, 0

    def __call__(self, more: int) -> None:
        self.done += more
        keep_lease(self.work, progress=self.done, total=max(self.total, self.done))


def reindex_everybody(work: DueWork) -> None:
    """Write the words that people are found by again, after they came to be made in another way."""
    reindex_people(Progress(work, Person.objects.count()))


def compare_changed_people(work: DueWork) -> None:
    """Look for second files of the people whose file is new or changed."""
    compare_people(Progress(work, Person.objects.not_compared().count()))


def follow_late_records(work: DueWork) -> None:
    """Bring to the kept file what was being written down for the other while the two became one."""
    merge = PersonMerge.objects.filter(pk=work.payload["merge"]).first()
    if merge is not None:
        follow_merge(merge)
