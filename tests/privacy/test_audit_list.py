"""The coordinator reads the audit, and that is written, too."""

import ast
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.audit.services import record_act, record_reading
from ballatoio.base.labs.models import Lab
from ballatoio.oversight.privacy.models import RetentionRule
from ballatoio.oversight.privacy.verbs import VERBS
from tests.factories import sign_in

pytestmark = pytest.mark.django_db

PAGE = "/mazzini/registro/"
PACKAGE = Path(__file__).resolve().parents[2] / "ballatoio"


def test_the_coordinator_sees_acts_and_readings_of_the_lab_alone(
    client: Client, mazzini: Lab, milo: Lab, anna: User, bruno: User, elena: User
) -> None:
    record_act("lab.close_day", mazzini, by=anna, lab_id=mazzini.pk)
    record_act("lab.close_day", milo, by=bruno, lab_id=milo.pk)
    page = sign_in(client, elena).get(PAGE).content.decode()
    assert "<strong>Anna</strong>" in page and "Ha segnato un giorno di chiusura" in page
    assert str(milo.pk) not in page and "Bruno" not in page


def test_looking_leaves_a_reading_of_its_own(client: Client, elena: User) -> None:
    sign_in(client, elena).get(PAGE, {"tipo": "atti", "prima": "12"})
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.is_reading, entry.actor_id) == ("audit.read", True, elena.pk)
    assert entry.detail == {"before": "12", "filters": ["tipo"]}


def test_the_filters(client: Client, mazzini: Lab, anna: User, elena: User) -> None:
    subject, now = uuid.uuid4(), timezone.now()
    with time_machine.travel(now - timedelta(days=10), tick=False):
        record_act("lab.close_day", mazzini, by=anna, lab_id=mazzini.pk)
    record_reading("code.issue", mazzini, by=elena, lab_id=mazzini.pk, subject_id=subject)
    sign_in(client, elena)

    def found(**filters: str) -> list[str]:
        rows = client.get(PAGE, filters).context["rows"]
        return sorted({row.entry.verb for row in rows} - {"audit.read"})

    assert found() == ["code.issue", "lab.close_day"]
    assert found(chi=str(anna.pk)) == ["lab.close_day"]
    assert found(verbo="code.issue") == ["code.issue"]
    assert found(tipo="letture") == ["code.issue"]
    assert found(tipo="atti") == ["lab.close_day"]
    assert found(persona=str(subject)) == ["code.issue"]
    assert found(al=(now - timedelta(days=9)).date().isoformat()) == ["lab.close_day"]
    assert found(dal=now.date().isoformat()) == ["code.issue"]


@pytest.mark.parametrize(
    "filters",
    [{"persona": "non un codice"}, {"dal": "31/02/2026"}, {"chi": "x"}, {"dal": "0001-01-01"}, {"al": "9999-12-31"}],
)
def test_a_filter_that_makes_no_sense_says_so(client: Client, elena: User, filters: dict[str, str]) -> None:
    page = sign_in(client, elena).get(PAGE, filters)
    assert page.status_code == 200
    assert "field-error" in page.content.decode() or "has-error" in page.content.decode()


@pytest.mark.parametrize("who", ["anna", "carla"])
def test_nobody_else_reads_it(client: Client, who: str, request: pytest.FixtureRequest) -> None:
    assert sign_in(client, request.getfixturevalue(who)).get(PAGE).status_code == 403


def test_twenty_five_a_page_in_as_many_queries_whatever_the_rows(client: Client, mazzini: Lab, elena: User) -> None:
    sign_in(client, elena)
    counts = []
    for size in (25, 100):
        while AuditEntry.objects.count() < size:
            record_act("lab.close_day", mazzini, by=elena, lab_id=mazzini.pk)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(PAGE)
        assert len(page.context["rows"]) == 25
        assert not [query["sql"] for query in queries if "COUNT(" in query["sql"] or "OFFSET" in query["sql"]]
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10, [query["sql"][:90] for query in queries]


@pytest.mark.parametrize("place", ["", "x", "²", "-1", "9" * 5000, "1\0"])
def test_a_page_that_makes_no_sense_is_one_that_exists(client: Client, elena: User, place: str) -> None:
    assert sign_in(client, elena).get(PAGE, {"prima": place}).status_code == 200


def test_the_retention_page_shows_and_changes_the_rules(client: Client, mazzini: Lab, elena: User) -> None:
    sign_in(client, elena)
    assert "Nessuna regola" in client.get(PAGE + "conservazione/").content.decode()
    bad = client.post(PAGE + "conservazione/", {"kind": "contact", "months": "0", "source": "registro"})
    assert bad.status_code == 200
    rule = {"kind": "contact", "months": "24", "source": "registro"}
    asked = client.post(PAGE + "conservazione/", rule).content.decode()
    assert ("si cancellano 0 cose" in asked, 'value="contact:24"' in asked) == (True, True)
    # A confirmation is for the rule that was shown.
    client.post(PAGE + "conservazione/", rule | {"months": "1", "confirmed": "contact:24"})
    assert RetentionRule.objects.count() == 0
    client.post(PAGE + "conservazione/", rule | {"confirmed": "contact:24"})
    effective_on = timezone.localdate() + timedelta(days=7)
    page = client.get(PAGE + "conservazione/").content.decode()
    assert ("registro" in page, f"dal {effective_on:%d/%m/%Y}" in page) == (True, True)
    detail = {"kind": "contact", "months": 24, "from": str(effective_on)}
    assert AuditEntry.objects.get(verb="retention.set").detail == detail


def verbs_in_the_code() -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in ("record_act", "record_reading")
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(node.args[0].value))
    return found


def test_every_verb_of_the_code_has_a_plain_name() -> None:
    assert verbs_in_the_code() - set(VERBS) == set()
