"""Health, headers, logs and refusals, as a machine or a stranger meets them."""

import json
import logging
import os
import subprocess
import sys

import pytest
from django.db import IntegrityError
from django.http import Http404
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.models import User
from ballatoio.base.core.keys import _parse
from ballatoio.config.gate import GateMiddleware, RouteWithoutAccess
from ballatoio.config.logs import JsonFormatter
from ballatoio.config.sentry import drop_breadcrumb, scrub_event
from tests.factories import sign_in

pytestmark = pytest.mark.django_db


def test_healthz_answers(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


def test_readyz_answers_when_database_and_key_are_there(client: Client) -> None:
    assert client.get("/readyz").status_code == 200


def test_readyz_refuses_without_a_master_key(client: Client, settings: Settings) -> None:
    _parse.cache_clear()
    settings.MASTER_KEY = ""
    assert client.get("/readyz").status_code == 503


def test_metrics_exist_only_for_whoever_shows_the_token(client: Client, settings: Settings) -> None:
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "figures"
    assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer figures"}).status_code == 200


def test_security_txt_says_whom_to_tell(client: Client, settings: Settings) -> None:
    assert client.get("/.well-known/security.txt").status_code == 404
    settings.SECURITY_CONTACT = "sicurezza@example.org"
    response = client.get("/.well-known/security.txt")
    assert response.content.decode().splitlines()[0] == "Contact: mailto:sicurezza@example.org"


def test_every_answer_carries_the_browser_defences(client: Client) -> None:
    headers = client.get("/healthz").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


def test_no_browser_keeps_a_page_that_is_not_public(client: Client, elena: User) -> None:
    sign_in(client, elena)
    for path in ("/mazzini/registro/", "/mazzini/squadra/", "/mazzini/persone/", "/mazzini/banco/", "/accesso/2fa/"):
        assert "no-store" in client.get(path).headers["Cache-Control"], path
    assert "no-store" in Client().get("/mazzini/registro/").headers["Cache-Control"], "nor the way to sign in"
    assert "no-store" not in client.get("/mazzini/").headers.get("Cache-Control", "")


def test_a_method_that_the_table_does_not_name_is_refused(client: Client) -> None:
    response = client.post("/healthz")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_a_route_without_a_row_is_refused(rf: RequestFactory, settings: Settings) -> None:
    gate = GateMiddleware(lambda request: pytest.fail("let in"))
    with pytest.raises(RouteWithoutAccess):
        gate.refuse_undeclared("nobody:declared")
    settings.DEMO = False
    with pytest.raises(Http404):
        gate.refuse_undeclared("nobody:declared")


def test_logs_name_the_route_and_never_what_was_typed() -> None:
    try:
        raise IntegrityError("Key (phone)=(333 1234567) already exists")
    except IntegrityError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    record.request = RequestFactory().get("/mazzini/persone/?q=Rossi")
    line = JsonFormatter().format(record)
    assert json.loads(line)["exception"] == "IntegrityError"
    assert "333" not in line
    assert "Rossi" not in line


def test_what_is_sent_of_an_error_is_where_and_never_what_was_typed() -> None:
    frame = {"filename": "views.py", "lineno": 7, "function": "f", "vars": {"name": "Rossi"}, "context_line": "f(x)"}
    error = {"type": "IntegrityError", "module": "django.db", "value": "Key (name)=(Rossi)", "mechanism": {}}
    event = {
        "level": "error",
        "server_name": "Rossi",
        "transaction": "/{lab}/persone/",
        "transaction_info": {"source": "route"},
        "request": {"method": "GET", "url": "https://x/Rossi", "query_string": "q=Rossi", "data": {"q": "Rossi"}},
        "exception": {"values": [error | {"stacktrace": {"frames": [frame]}}]},
        "breadcrumbs": {"values": [{"message": "Rossi"}]},
        "extra": {"q": "Rossi"},
        "user": {"id": "Rossi"},
    }
    scrubbed = scrub_event(event, {})
    assert "Rossi" not in json.dumps(scrubbed)
    assert (scrubbed["transaction"], scrubbed["request"]) == ("/{lab}/persone/", {"method": "GET"})
    assert scrubbed["exception"]["values"][0]["stacktrace"]["frames"][0]["lineno"] == 7
    by_address = {"transaction": "/Rossi", "transaction_info": {"source": "url"}}
    logged = {"logentry": {"message": "no %s", "params": ["Rossi"], "formatted": "no Rossi"}}
    assert scrub_event(by_address | logged, {}) == {"logentry": {"message": "no %s"}}
    assert drop_breadcrumb({"message": "Rossi"}, {}) is None  # type: ignore[func-returns-value]


def run_check(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run `check --deploy` in an environment of its own, warnings refused."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BALLATOIO")}
    clean.pop("DATABASE_URL", None)
    clean |= {"DJANGO_SETTINGS_MODULE": "ballatoio.config.settings", "CACHE_URL": "locmemcache://"} | environment
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, env=clean, capture_output=True, text=True, check=False)


def test_production_settings_pass_the_deployment_checks() -> None:
    done = run_check(
        SECRET_KEY="p" * 10 + "rODuc-tion9" * 6,
        ALLOWED_HOSTS="laboratorio.example.org",
        BALLATOIO_MASTER_KEY="k1:" + "QUFB" * 10 + "QUE=",
    )
    assert done.returncode == 0, done.stderr


def test_the_demo_refuses_any_other_host() -> None:
    done = run_check(BALLATOIO_DEMO="1", ALLOWED_HOSTS="laboratorio.example.org")
    assert done.returncode == 1
    assert "BALLATOIO_DEMO=1 serves this machine only" in done.stderr


def test_staff_without_second_factor_is_sent_to_set_one_up(client: Client, anna: User) -> None:
    client.force_login(anna)
    assert client.get("/mazzini/banco/").url == "/accesso/2fa/"
    assert client.get("/accesso/2fa/").status_code == 200


def test_the_sign_in_page_opens(client: Client) -> None:
    assert client.get("/accesso/login/").status_code == 200


def test_staff_with_second_factor_is_let_in(client: Client, anna: User) -> None:
    assert sign_in(client, anna).get("/accesso/2fa/").status_code == 200
