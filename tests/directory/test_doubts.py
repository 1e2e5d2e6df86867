"""What becomes of referrals makes a sheet doubtful, for whoever keeps the directory and for nobody else."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.directory.doubts import DOUBTS_BEFORE_CHECK, doubt_service, open_doubts, take_doubt_back
from ballatoio.base.directory.models import Service, ServiceDoubt
from ballatoio.base.directory.services import verify_service
from ballatoio.base.labs.models import Lab
from tests.factories import make_service, sign_in

Reason = ServiceDoubt.Reason


@pytest.fixture
def service(mazzini: Lab) -> Service:
    return make_service(mazzini, "Consultorio", last_verified_on=timezone.localdate())


def doubt(service: Service, reason: str = Reason.NO_REPLY, times: int = 1) -> None:
    for _ in range(times):
        doubt_service(service, reason=reason, source=uuid4(), by=None)


def in_doubt() -> list[Service]:
    return list(Service.objects.to_verify())


def test_one_silence_is_an_accident_and_three_are_not(service: Service) -> None:
    doubt(service, times=DOUBTS_BEFORE_CHECK - 1)
    assert in_doubt() == []
    doubt(service)
    assert in_doubt() == [service]
    service.refresh_from_db()
    assert service.doubted_since == timezone.localdate()
    # What anybody reads on the public sheet is about its age only.
    assert service.is_to_verify is False


def test_that_it_is_closed_is_enough_when_said_once(service: Service) -> None:
    doubt(service, Reason.GONE)
    assert in_doubt() == [service]


def test_the_same_source_says_one_thing_at_a_time(service: Service) -> None:
    source = uuid4()
    for reason in (Reason.NO_REPLY, Reason.NO_REPLY, Reason.REFUSED):
        doubt_service(service, reason=reason, source=source, by=None)
    assert open_doubts([service]) == {service.pk: Counter({Reason.REFUSED: 1})}
    take_doubt_back(service, source=source, by=None)
    assert open_doubts([service]) == {}


def test_a_check_settles_all_that_was_said_before_it(service: Service, elena: User) -> None:
    doubt(service, times=3)
    verify_service(service, by=elena)
    service.refresh_from_db()
    assert (service.doubted_since, open_doubts([service]), in_doubt()) == (None, {}, [])
    doubt(service, times=2)
    assert in_doubt() == []


def test_what_is_older_than_half_a_year_no_longer_counts(service: Service) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=200)):
        doubt(service, times=2)
    doubt(service, times=2)
    assert (open_doubts([service])[service.pk].total(), in_doubt()) == (2, [])


def test_taking_back_what_made_the_difference_ends_the_doubt(service: Service) -> None:
    source = uuid4()
    doubt_service(service, reason=Reason.GONE, source=source, by=None)
    take_doubt_back(service, source=source, by=None)
    assert in_doubt() == []


def test_whoever_keeps_the_directory_reads_why_and_the_public_does_not(
    service: Service, client: Client, elena: User
) -> None:
    doubt(service, times=3)
    shown = sign_in(client, elena).get("/mazzini/servizi/gestione/?da_verificare=on").content.decode()
    assert [text for text in ("3 invii senza risposta.", "Verifica la scheda.") if text not in shown] == []
    public = Client().get(f"/mazzini/servizi/{service.slug}/").content.decode()
    assert [text for text in ("invii", "erifica", "Sono vecchie") if text in public] == []
