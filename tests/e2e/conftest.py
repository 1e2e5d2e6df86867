"""A real browser, a real server with the demonstration in it, and the people who sit in front of them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright

CHECKOUT = Path(__file__).resolve().parents[2]
RESULTS = CHECKOUT / "test-results"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Without these Chromium calls home while it is measured.
SILENT = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
)
PATIENCE_S = 90


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("e2e")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the demonstration; BALLATOIO_E2E_DATA names that of a server which runs already."""
    running = os.environ.get("BALLATOIO_E2E_DATA")
    return Path(running) if running else tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def environment(data: Path) -> dict[str, str]:
    """What a process of the demonstration finds around it: nothing of whoever runs the tests."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "CACHE_URL", "EMAIL_URL", "STORAGE_URL", "ALLOWED_HOSTS", "SECRET_KEY")
    } | {
        "BALLATOIO_DEMO": "1",
        "BALLATOIO_DATA": str(data),
        "BALLATOIO_MASTER_KEY": "",
        "DJANGO_SETTINGS_MODULE": "ballatoio.config.settings",
        "SECRET_KEY": "",
    }


@pytest.fixture(scope="session")
def server(environment: dict[str, str]) -> Iterator[str]:
    """The address of the demonstration; BALLATOIO_E2E_SERVER names one that runs already (see server.py)."""
    if running := os.environ.get("BALLATOIO_E2E_SERVER"):
        yield running
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    RESULTS.mkdir(exist_ok=True)
    address = f"http://localhost:{port}"
    with (RESULTS / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.server", str(port)],
            cwd=CHECKOUT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/healthz", process)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture
def fresh_counts(data: Path) -> None:
    """Forget how many wrong codes, and how many forms, came from this machine: other tests sit at it too."""
    shutil.rmtree(data / "cache", ignore_errors=True)


Work = Callable[[], None]


@pytest.fixture
def work(server: str, environment: dict[str, str]) -> Work:
    """Let the worker do once what is due, by the clock of the server; come back when it is done."""

    def do_once() -> None:
        command = [sys.executable, "-m", "tests.e2e.worker"]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]

    return do_once


def wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    """Come back when the server answers."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{(RESULTS / 'server.log').read_text()[-3000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SILENT))
        yield chromium
        chromium.close()


@dataclass
class Visitor:
    """Somebody with a browser of their own: a page, and all that went wrong on it."""

    page: Page
    server: str
    troubles: list[str]

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def go(self, path: str) -> Response:
        """Open an address of the product; the page must answer."""
        response = self.page.goto(f"{self.server}{path}")
        assert response is not None
        assert response.status == 200, f"{path}: {response.status}"
        return response

    def enter(self, name: str) -> None:
        """Sign in as one of the cast, with the keyboard, from the page where operators sign in."""
        self.go("/accesso/login/")
        button = self.page.locator(f"form[action$='/demo/entra/{name}/'] button")
        if not button.is_visible():
            # Only some of the cast stand at the front.
            self.page.locator("details", has=button).locator("summary").press("Enter")
        button.press("Enter")
        self.page.wait_for_url(lambda url: "/accesso/" not in url and "/entra/" not in url)


Open = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Open]:
    """Give browsers to people; at the end nothing may have gone wrong in any of them."""
    visitors: list[Visitor] = []

    def open_browser(width: int = 1280, height: int = 900, **options: Any) -> Visitor:
        options = {"locale": "it-IT", "reduced_motion": "reduce"} | options
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(8000)
        visitor = Visitor(context.new_page(), server, [])
        listen(visitor)
        visitors.append(visitor)
        return visitor

    yield open_browser
    troubles = [trouble for visitor in visitors for trouble in visitor.troubles]
    for visitor in visitors:
        visitor.context.close()
    assert troubles == []


def listen(visitor: Visitor) -> None:
    """Note what the console complains of, what scripts throw, and what the server breaks on."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            visitor.troubles.append(f"{visitor.page.url}: {message.text} ({message.location.get('url', '')})")

    def on_response(response: Response) -> None:
        if response.status >= 500:
            visitor.troubles.append(f"{response.url}: {response.status}")

    visitor.page.on("console", on_console)
    visitor.page.on("pageerror", lambda error: visitor.troubles.append(f"{visitor.page.url}: {error}"))
    visitor.page.on("response", on_response)
