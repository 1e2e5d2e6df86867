"""A small HTTP client: one connection, forms as a browser sends them, times as somebody waiting feels them."""

import gzip
import queue
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return (gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body).decode()


class FormFields(HTMLParser):
    """The fields of one form as a browser would send them untouched."""

    def __init__(self, form_id: str = "") -> None:
        super().__init__()
        self.form_id, self.inside, self.fields = form_id, not form_id, {}
        self.select = ""

    fields: dict[str, str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take up each control that has a value."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = not self.form_id or given.get("id") == self.form_id
        if not self.inside:
            return
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "input" and name and (kind not in ("radio", "checkbox", "submit") or "checked" in given):
            self.fields[name] = given.get("value", "on" if kind == "checkbox" else "")
        elif tag == "textarea" and name:
            self.fields[name] = ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in given or self.select not in self.fields):
            self.fields[self.select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Leave the form or the list of choices."""
        if tag == "form" and self.form_id:
            self.inside = False
        elif tag == "select":
            self.select = ""


@dataclass
class Browser:
    """One connection that stays open, with its cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    timeout: float = 30
    connection: HTTPConnection | None = None
    used_at: float = 0

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Send one request and read the whole answer; raise OSError or HTTPException when the server goes away."""
        if self.connection is not None and time.monotonic() - self.used_at > 1:
            # The server closes connections that are idle for two seconds.
            self.connection.close()
            self.connection = None
        if self.connection is None:
            self.connection = HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        sent = {
            "Host": "127.0.0.1",
            "X-Forwarded-Proto": "https",
            "Referer": "https://127.0.0.1/",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        try:
            self.connection.request(method, path, body=body, headers=sent | (headers or {}))
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            self.connection.close()
            self.connection = None
            raise
        self.used_at = time.monotonic()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return Answer(response.status, content, {name.lower(): value for name, value in response.getheaders()})

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """GET, as above."""
        return self.ask("GET", path, headers=headers)

    def form(self, path: str, form_id: str = "") -> dict[str, str]:
        """Give the fields of the form on a page, and keep its CSRF cookie."""
        parser = FormFields(form_id)
        parser.feed(self.get(path).text)
        return parser.fields

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        """POST fields as a form does."""
        body = urlencode(fields).encode()
        return self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})


class DeskClient:
    """Somebody at the desk who records anonymous contacts, one after the other."""

    def __init__(self, browser: Browser, lab: str) -> None:
        self.browser, self.path = browser, f"/{lab}/banco/contatti/nuovo/"
        self.fields: dict[str, str] = {}

    def open_form(self) -> None:
        """Load the form once; its hidden fields are good for many contacts, but for `once`."""
        fields = self.browser.form(self.path, "contatto")
        need = next(name for name in fields if name.endswith("need"))
        kind = next((name for name in fields if name.endswith("-kind")), need.replace("need", "kind"))
        text = need.replace("need", "text")
        self.fields = fields | {
            "who": "anonymous",
            need: "come si rinnova la tessera",
            kind: "information",
            text: "spiegato come si fa e dove si va",
            need.replace("need", "told"): "on",
            "words": "è passata una signora con una lettera in mano",
            "do": "next",
        }

    def record(self, once: str = "") -> Answer:
        """Record one contact; the same `once` twice records one."""
        return self.browser.post(self.path, self.fields | {"once": once or secrets.token_urlsafe(24)})


def closed_loop(act: Callable[[], Answer], times: int, good: tuple[int, ...] = (200, 302, 303)) -> list[float]:
    """Do `act` again and again on one connection; give the milliseconds of each. Raise when an answer is not good."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        answer = act()
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status not in good:
            raise RuntimeError(f"answered {answer.status}: {answer.body[:200]!r}")
    return taken


def open_loop(acts: list[Callable[[], Answer]], rate: float, seconds: float) -> list[float]:
    """Let requests arrive at a fixed rate whether or not the earlier ones are done.

    Each of `acts` has a connection of its own. The time of a request counts from the moment at which it was due, so
    that a stall is felt by everybody who came meanwhile (no coordinated omission).
    """
    due: queue.SimpleQueue[float | None] = queue.SimpleQueue()
    taken: list[float] = []

    def serve(act: Callable[[], Answer]) -> None:
        while (moment := due.get()) is not None:
            act()
            taken.append((time.perf_counter() - moment) * 1000)

    threads = [threading.Thread(target=serve, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        moment = began + number / rate
        time.sleep(max(0.0, moment - time.perf_counter()))
        due.put(moment)
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    return taken


def percentile(values: list[float], share: float) -> float:
    """Give the value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
