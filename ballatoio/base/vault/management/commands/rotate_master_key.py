"""`ballatoio rotate-master-key`."""

from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from ballatoio.base.core import keys
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import check_master_key, rotate_master_key


class Command(BaseCommand):
    """Moves every data key under the newest master key."""

    help = (
        "Chiude di nuovo la chiave di ogni testo con la prima chiave di BALLATOIO_MASTER_KEY. Si può fermare e rifare."
        " Lascia le chiavi vecchie nell’impostazione, dopo la nuova: con loro si controlla il registro già scritto."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and say how many keys were locked again."""
        check_master_key()
        newest, done = keys.newest_key_id(), 0
        with tqdm(total=DataKey.objects.exclude(key_id=newest).count(), unit=" chiavi", delay=2, disable=None) as bar:
            for done in rotate_master_key():
                bar.update(done - bar.n)
        self.stdout.write(f"{done} chiavi chiuse di nuovo con «{newest}».")
