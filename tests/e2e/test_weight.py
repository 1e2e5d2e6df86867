"""What the public pages weigh on the wire, and how soon an old phone on a slow network shows something."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import CDPSession

from .conftest import Open, Visitor
from .figures import write_figures

# docs/performance.md, P2.
FIRST_VIEW = 60_000
HTML = 8_000
SECOND_VIEW = 10_000
PAGES = {
    "labs": "/",
    "lab-home": "/mazzini/",
    "address": "/mazzini/casa/via-mompiani-4/",
    "services": "/mazzini/servizi/",
    "lab-home-ar": "/ar/mazzini/",
}
# The other page that a visitor opens after it, whose weight is the second view's.
NEXT = "/mazzini/richiamami/"
SLOW_NETWORK = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
SLOWER_PROCESSOR = 6


@dataclass
class Scales:
    """Weighs everything that reaches a page: bodies as they travelled, and headers."""

    cdp: CDPSession
    urls: dict[str, str] = field(default_factory=dict)
    weight: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cdp.on("Network.requestWillBeSent", self.on_request)
        self.cdp.on("Network.loadingFinished", self.on_finished)
        self.cdp.send("Network.enable")

    def on_request(self, event: dict[str, Any]) -> None:
        self.urls[event["requestId"]] = event["request"]["url"]

    def on_finished(self, event: dict[str, Any]) -> None:
        url = self.urls.get(event["requestId"], "")
        if url.startswith("http"):
            self.weight[url] = self.weight.get(url, 0) + int(event["encodedDataLength"])

    def take(self) -> dict[str, int]:
        """Give what was weighed since the last time."""
        weighed, self.weight = self.weight, {}
        return weighed


def read_through(visitor: Visitor) -> None:
    """Go to the end of the page, so that what loads when it is seen has loaded."""
    visitor.page.keyboard.press("End")
    visitor.page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_weight(script: bool, visit: Open) -> None:
    figures, heavy = {}, []
    for name in PAGES if script else ("lab-home", "address"):
        path = PAGES[name]
        visitor = visit(360, 740, java_script_enabled=script)
        scales = Scales(visitor.context.new_cdp_session(visitor.page))
        visitor.go(path)
        read_through(visitor)
        first = scales.take()
        visitor.go(NEXT)
        read_through(visitor)
        second = scales.take()
        figures[name] = {
            "first_view": sum(first.values()),
            "html": first[visitor.server + path],
            "second_view": sum(second.values()),
            "requests": len(first),
        }
        visitor.context.close()
        bars = {"first_view": FIRST_VIEW, "html": HTML, "second_view": SECOND_VIEW}
        heavy += [f"{name}: {bar} {figures[name][bar]}" for bar, most in bars.items() if figures[name][bar] > most]
    write_figures("weight" if script else "weight_without_script", figures)
    assert heavy == []


def test_first_paint_is_measured(visit: Open) -> None:
    figures = {}
    for name in ("lab-home", "address"):
        visitor = visit(360, 740)
        cdp = visitor.context.new_cdp_session(visitor.page)
        cdp.send("Network.enable")
        cdp.send("Network.emulateNetworkConditions", SLOW_NETWORK)
        cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER_PROCESSOR})
        visitor.context.set_default_timeout(30_000)
        visitor.go(PAGES[name])
        paints = visitor.page.evaluate(
            "performance.getEntriesByType('paint').map(entry => [entry.name, Math.round(entry.startTime)])"
        )
        figures[name] = dict(paints)
        assert "first-contentful-paint" in figures[name]
    write_figures("first_paint_ms_at_400_kbit_400_ms_6x_slower", figures)
