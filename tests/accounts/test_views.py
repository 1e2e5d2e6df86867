"""The coordinator staffs the lab; nobody else does."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ballatoio.base.accounts.models import Membership, Role, User
from ballatoio.base.accounts.services import accept_invitation, invite_member
from ballatoio.base.labs.models import Lab
from tests.factories import make_user, sign_in

pytestmark = pytest.mark.django_db


def invitation(**changes: str) -> dict[str, str]:
    return {
        "name": "Gaia Bianchi",
        "email": "gaia@example.org",
        "role": "desk",
        "organisation": "",
        "until": "",
    } | changes


def test_the_coordinator_sees_who_works_here_and_nobody_of_another_lab(
    client: Client, elena: User, anna: User, bruno: User
) -> None:
    page = sign_in(client, elena).get("/mazzini/squadra/").content.decode()
    assert ("Anna" in page, "Bruno" in page) == (True, False)


def test_the_number_of_queries_does_not_grow(client: Client, mazzini: Lab, elena: User) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    sign_in(client, elena)
    counts = []
    for size in (25, 100):
        for number in range(Membership.objects.count(), size):
            make_user(f"M{number}", mazzini, Role.DESK)
        with CaptureQueriesContext(connection) as queries:
            client.get("/mazzini/squadra/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10


@pytest.mark.parametrize("who", ["anna", "carla"])
def test_the_desk_does_not_staff_the_lab(client: Client, who: str, request: pytest.FixtureRequest) -> None:
    sign_in(client, request.getfixturevalue(who))
    assert client.get("/mazzini/squadra/").status_code == 403
    assert client.post("/mazzini/squadra/invita/", invitation()).status_code == 403
    assert not User.objects.filter(email="gaia@example.org").exists()


def test_an_invitation_from_the_coordinator_to_the_first_password(client: Client, mazzini: Lab, elena: User) -> None:
    page = sign_in(client, elena).post("/mazzini/squadra/invita/", invitation()).content.decode()
    found = re.search(r'href="([^"]*/mazzini/invito/\?codice=([A-Z0-9]+))"', page)
    assert found
    visitor = Client()
    form = visitor.get(found[1]).content.decode()
    assert found[2] in form
    response = visitor.post("/mazzini/invito/", {"code": found[2], "password": "quattro parole a caso"})
    assert response.headers["Location"] == "/accesso/login/"
    again = visitor.post("/mazzini/invito/", {"code": found[2], "password": "quattro parole a caso"})
    assert "Questo codice non funziona" in again.content.decode()


def test_a_weak_password_is_refused_and_the_code_still_works(client: Client, mazzini: Lab, elena: User) -> None:
    page = sign_in(client, elena).post("/mazzini/squadra/invita/", invitation()).content.decode()
    found = re.search(r"codice=([A-Z0-9]+)", page)
    assert found
    visitor = Client()
    weak = visitor.post("/mazzini/invito/", {"code": found[1], "password": "corta"})
    assert weak.status_code == 200
    assert visitor.post("/mazzini/invito/", {"code": found[1], "password": "quattro parole a caso"}).status_code == 302


@pytest.mark.parametrize("role", ["city_coordinator", "system_administrator"])
def test_the_coordinator_cannot_give_a_role_of_the_installation(client: Client, elena: User, role: str) -> None:
    page = sign_in(client, elena).post("/mazzini/squadra/invita/", invitation(role=role))
    assert page.status_code == 200
    assert "gaia@example.org" in page.content.decode()
    assert not User.objects.filter(email="gaia@example.org").exists()


def test_a_place_in_the_lab_ends_with_a_day(client: Client, anna: User, elena: User) -> None:
    membership = Membership.objects.get(user=anna)
    last = timezone.localdate() + timedelta(days=3)
    sign_in(client, elena).post(f"/mazzini/squadra/{membership.pk}/fine/", {"on": last.isoformat()})
    membership.refresh_from_db()
    assert membership.until == last


def test_nobody_ends_their_own_place_or_one_in_another_lab(client: Client, bruno: User, elena: User) -> None:
    sign_in(client, elena)
    own, other = Membership.objects.get(user=elena), Membership.objects.get(user=bruno)
    data = {"on": timezone.localdate().isoformat()}
    assert client.post(f"/mazzini/squadra/{own.pk}/fine/", data).status_code == 403
    assert client.post(f"/mazzini/squadra/{other.pk}/fine/", data).status_code == 404
    assert Membership.objects.filter(until__isnull=False).count() == 0


def test_an_impossible_day_changes_nothing(client: Client, anna: User, elena: User) -> None:
    membership = Membership.objects.get(user=anna)
    page = sign_in(client, elena).post(f"/mazzini/squadra/{membership.pk}/fine/", {"on": "31/02/2026"}, follow=True)
    assert "Scrivi l’ultimo giorno di lavoro" in page.content.decode()
    membership.refresh_from_db()
    assert membership.until is None


def test_the_team_page_renews_an_invitation_that_nobody_used(client: Client, mazzini: Lab, elena: User) -> None:
    browser = sign_in(client, elena)
    membership, _ = invite_member(mazzini, name="Ugo", email="ugo@example.org", role=Role.DESK, by=elena)
    renew = f"/mazzini/squadra/{membership.pk}/invito/"
    assert renew in browser.get("/mazzini/squadra/").content.decode()
    page = browser.post(renew)
    code = page.context["code"]
    accept_invitation(code, lab=mazzini, password="quattro parole a caso", source="1")
    assert renew not in browser.get("/mazzini/squadra/").content.decode()
    assert browser.post(renew).headers["Location"] == "/mazzini/squadra/"
