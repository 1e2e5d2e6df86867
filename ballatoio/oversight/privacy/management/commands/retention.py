"""`ballatoio retention`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ballatoio.base.labs.models import Lab
from ballatoio.oversight.privacy.services import erase_expired, find_expired


class Command(BaseCommand):
    """Shows what the retention rules let go, and erases it when asked."""

    help = "Show which records each lab no longer keeps; with --erase, count them by month and erase them for good."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask for which lab, and whether it is meant."""
        parser.add_argument("--lab", help="slug of one lab (default: every lab)")
        parser.add_argument("--erase", action="store_true", help="erase; without it nothing is changed")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write one line for each rule; erase with --erase."""
        labs = Lab.objects.order_by("slug")
        if options["lab"] and not (labs := labs.filter(slug=options["lab"])):
            raise CommandError(f"There is no lab «{options['lab']}»: its slug is in the address of its pages.")
        for lab in labs:
            found = find_expired(lab)
            if not found:
                self.stdout.write(f"{lab.slug}: no retention rule, nothing is ever erased.")
            for expired in found:
                self.stdout.write(
                    f"{lab.slug}: {expired.rule.kind}, {expired.rule.months} months: "
                    f"{expired.count} records older than {expired.before:%m/%Y}"
                )
            if options["erase"]:
                self._erase(lab, sum(expired.count for expired in found))
        if not options["erase"]:
            self.stdout.write("Nothing was changed: to erase, say --erase.")

    def _erase(self, lab: Lab, total: int) -> None:
        with tqdm(total=total, unit=" records", delay=2, disable=None) as bar:
            while erased := erase_expired(lab):
                bar.update(erased)
        self.stdout.write(f"{lab.slug}: done.")
