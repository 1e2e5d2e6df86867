"""What leaves the installation when something breaks: where in the code, never what people told the desk.

The answer of logs.py, for the service that collects errors. Addresses, query strings, forms, local variables, the
texts of exceptions and the trail of log lines and queries may all name somebody: what is not named here stays here.
"""

from typing import Any

KEPT = ("event_id", "timestamp", "platform", "level", "logger", "release", "environment", "sdk", "modules")
KEPT_OF_A_FRAME = ("filename", "abs_path", "module", "function", "lineno", "in_app")


def scrub_event(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """Give the event with its kind, its route and its lines of code, and nothing else."""
    scrubbed = {name: event[name] for name in KEPT if name in event}
    # A request that met no route is named by its address.
    if event.get("transaction_info", {}).get("source") in ("route", "component"):
        scrubbed["transaction"] = event["transaction"]
    if method := event.get("request", {}).get("method"):
        scrubbed["request"] = {"method": method}
    if "exception" in event:
        scrubbed["exception"] = {"values": [_scrub_exception(value) for value in event["exception"]["values"]]}
    elif template := event.get("logentry", {}).get("message"):
        # Without its arguments.
        scrubbed["logentry"] = {"message": template}
    return scrubbed


def drop_breadcrumb(crumb: dict[str, Any], hint: dict[str, Any]) -> None:
    """Keep no trail of what went before."""


def _scrub_exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames", [])
    kept = [{name: frame[name] for name in KEPT_OF_A_FRAME if name in frame} for frame in frames]
    return {"type": value.get("type"), "module": value.get("module"), "stacktrace": {"frames": kept}}
