"""The measures: each round asks every page in turn, so that what disturbs the machine disturbs them all."""

import gzip
import re
import secrets
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from itertools import cycle
from statistics import median
from typing import Any
from urllib.parse import quote

from .client import Answer, Browser, DeskClient, closed_loop, open_loop, percentile
from .server import Server
from .site import Site

Figures = dict[str, Any]


class Pages:
    """The requests that are measured, each on connections of its own."""

    def __init__(self, product: Server, plain: Server, facts: dict[str, Any], yard: dict[str, Any]) -> None:
        self.product, self.plain, self.facts, self.yard = product, plain, facts, yard
        self.lab = f"/{facts['lab']}"

    def staff(self) -> Browser:
        """Somebody at the desk, signed in."""
        return Browser(self.product.port, {"sessionid": self.facts["cookie"]})

    def acts(self) -> dict[str, Callable[[], Answer]]:
        """Give every measured request by name; the names of the yardsticks begin with Y."""
        desk = f"{self.lab}/banco"
        filters = f"canale=phone&lingua=ar&operatore={self.facts['operator']}"
        words = cycle([self.facts["family"].lower(), "orientamento", quote(self.facts["street"].lower())])
        typed = cycle(self.facts["typed"])
        person, search = self.staff(), self.staff()
        return {
            "Y1": self._get(Browser(self.plain.port), f"/page/{self.yard['row']}/"),
            "P1 address": self._get(Browser(self.product.port), f"{self.lab}/casa/{self.facts['building']}/"),
            "P1 service": self._get(Browser(self.product.port), f"{self.lab}/servizi/{self.facts['service']}/"),
            "home": self._get(Browser(self.product.port), f"{self.lab}/"),
            "Y2": self._get(Browser(self.plain.port, {"sessionid": self.yard["cookie"]}), "/rows/"),
            "P5 list": self._get(self.staff(), f"{desk}/contatti/"),
            "P5 filters": self._get(self.staff(), f"{desk}/contatti/?{filters}"),
            "P5 need": self._get(self.staff(), f"{desk}/contatti/?bisogno={self.facts['term']}&chi=conosciuto"),
            "P6 search": lambda: search.get(f"{desk}/contatti/?q={next(words)}"),
            "P7 typing": lambda: person.get(f"{desk}/cerca/persone/?look_for={quote(next(typed))}"),
            "today": self._get(self.staff(), f"{desk}/"),
            "month": self._get(self.staff(), f"{desk}/mese/"),
            # The whole life of the desk: every contact that it has.
            "P16 needs map": self._get(self.staff(), f"{self.lab}/rendiconto/bisogni/?{self.facts['whole']}"),
            "P16 of a topic": self._get(
                self.staff(), f"{self.lab}/rendiconto/bisogni/?{self.facts['whole']}&bisogno={self.facts['term']}"
            ),
            "Y3": self._plain_save(),
            "P4 save": self._save(),
        }

    def _get(self, browser: Browser, path: str) -> Callable[[], Answer]:
        return lambda: browser.get(path, {"Accept-Encoding": "gzip"})

    def _plain_save(self) -> Callable[[], Answer]:
        browser = Browser(self.plain.port, {"sessionid": self.yard["cookie"]})
        fields = browser.form("/add/")
        return lambda: browser.post("/add/", fields | {"title": "Title", "text": "words " * 12})

    def _save(self) -> Callable[[], Answer]:
        desk = DeskClient(self.staff(), self.facts["lab"])
        desk.open_form()
        return lambda: desk.record(secrets.token_urlsafe(24))


def measure_rounds(pages: Pages, rounds: int, times: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Give for each request the p50 of each round, at one connection, and the server's CPU time for one."""
    acts = pages.acts()
    found: dict[str, list[float]] = {name: [] for name in acts}
    used = dict.fromkeys(acts, 0.0)
    for act in acts.values():
        closed_loop(act, 8)
    for _ in range(rounds):
        for name, act in acts.items():
            server = pages.plain if name.startswith("Y") else pages.product
            before = server.cpu_seconds()
            found[name].append(median(closed_loop(act, times)))
            used[name] += server.cpu_seconds() - before
    return found, {name: seconds * 1000 / times / rounds for name, seconds in used.items()}


def measure_tails(pages: Pages, p50: dict[str, float], seconds: float) -> dict[str, dict[str, float]]:
    """Give p95 and worst of the searches with requests arriving at a fixed rate, four connections."""
    found = {}
    for name in ("Y2", "P6 search", "P7 typing", "P4 save"):
        acts = [pages.acts()[name] for _ in range(4)]
        for act in acts:
            closed_loop(act, 3)
        rate = min(50.0, 0.4 * 1000 / p50[name])
        taken = open_loop(acts, rate, seconds)
        found[name] = {"p95": percentile(taken, 0.95), "worst": max(taken), "rate": rate}
    return found


def measure_typing(pages: Pages, times: int, seconds: float) -> dict[str, float]:
    """Give p50 at one connection, p95 and worst at a fixed rate on four, and CPU, of searching while typing."""
    acts = [pages.acts()["P7 typing"] for _ in range(4)]
    for act in acts:
        closed_loop(act, 8)
    before = pages.product.cpu_seconds()
    p50 = median(closed_loop(acts[0], times))
    used = (pages.product.cpu_seconds() - before) * 1000 / times
    taken = open_loop(acts, min(50.0, 0.4 * 1000 / p50), seconds)
    return {"p50": p50, "p95": percentile(taken, 0.95), "worst": max(taken), "CPU": used}


def measure_weight(pages: Pages) -> dict[str, dict[str, float]]:
    """Give for each kind of public page what a first and a second view weigh, in kB as they travel."""
    found = {}
    for name, path in {
        "home": f"{pages.lab}/",
        "address": f"{pages.lab}/casa/{pages.facts['building']}/",
        "service": f"{pages.lab}/servizi/{pages.facts['service']}/",
        "services": f"{pages.lab}/servizi/",
        "home in Arabic": f"/ar{pages.lab}/",
    }.items():
        browser = Browser(pages.product.port)
        page = browser.get(path, {"Accept-Encoding": "gzip"})
        fixed = lasting = 0
        for address in linked(browser, page.text):
            answer = browser.get(address, {"Accept-Encoding": "gzip"})
            weight = len(answer.body) if "content-encoding" in answer.headers else travelling(address, answer.body)
            if "immutable" in answer.headers.get("cache-control", ""):
                lasting += weight
            else:
                fixed += weight
        html = len(page.body)
        found[name] = {
            "html": html / 1024,
            "first": (html + fixed + lasting) / 1024,
            "second": (html + fixed) / 1024,
        }
    return found


def travelling(address: str, body: bytes) -> int:
    """Give the size of a file that the server sends as it is."""
    return len(body) if address.endswith((".woff2", ".png")) else len(gzip.compress(body))


def linked(browser: Browser, html: str) -> list[str]:
    """Give what the page makes a browser load: style, scripts, pictures, the fonts that the style names."""
    found = re.findall(r'<link[^>]+rel="(?:stylesheet|icon)"[^>]*href="([^"]+)"', html)
    found += re.findall(r'<(?:script|img)[^>]+src="(/[^"]+)"', html)
    for style in [address for address in found if address.endswith(".css")]:
        text = browser.get(style).text
        fonts = re.findall(r'url\("?([^")]+\.woff2)"?\)', text)
        # Only the faces that Latin text needs: the others have a unicode-range and are asked for by their language.
        wanted = [font for font in fonts if "itillium" in font]
        found += [f"{style.rsplit('/', 1)[0]}/{font}" if not font.startswith("/") else font for font in wanted]
    return list(dict.fromkeys(found))


def measure_mixed(pages: Pages, seconds: float) -> Figures:
    """Sixteen connections that read and write together; every acknowledged save is looked for afterwards."""
    stop = time.monotonic() + seconds
    counts = {"requests": 0, "saved": 0, "failed": 0}
    lock = threading.Lock()

    def live(number: int) -> None:
        desk = DeskClient(pages.staff(), pages.facts["lab"])
        desk.open_form()
        reading = [f"{pages.lab}/banco/", f"{pages.lab}/banco/contatti/", f"{pages.lab}/"]
        turn = number
        while time.monotonic() < stop:
            turn += 1
            try:
                answer = desk.record() if turn % 3 == 0 else desk.browser.get(reading[turn % len(reading)])
                good = answer.status in (200, 302)
            except (OSError, HTTPException):
                good = False
            with lock:
                counts["requests"] += 1
                counts["failed"] += not good
                counts["saved"] += turn % 3 == 0 and good

    threads = [threading.Thread(target=live, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def count_saved(site: Site, lab: str) -> int:
    """Give how many contacts the lab has in the database."""
    code = f"from ballatoio.care.desk.models import Contact; print(Contact.objects.filter(lab__slug={lab!r}).count())"
    return int(site.run("django", "shell", "-v0", "-c", code, env=site.env).split()[-1])
