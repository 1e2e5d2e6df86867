"""Run in a process of its own: sends what is due until nothing waits any more, as the worker does turn after turn.

The pauses are those of the program, shortened: who waits here is the test.
"""

import os
import time
from datetime import timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

import django

django.setup()

from ballatoio.base.notices import sending
from ballatoio.base.notices.models import Delivery

sending.LEASE = timedelta(seconds=3)
sending.FIRST_PAUSE = timedelta(seconds=0.2)
sending.PUT_BACK = timedelta(seconds=0.1)

if __name__ == "__main__":
    while Delivery.objects.filter(state=Delivery.State.WAITING).exists():
        if not sending.send_due_notices():
            time.sleep(0.05)
