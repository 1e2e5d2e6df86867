"""Logs as one JSON object per line, without personal data.

Paths, query strings, request bodies and the texts of exceptions may hold what a person told the desk
("duplicate key (phone)=(…)"), so none of them is written: a request is named by its route, an exception
by its type and the lines of code that it passed through.
"""

import json
import logging
import traceback
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Writes time, level, logger, message; for a request its route and status; for an exception its frames."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
        }
        if request := getattr(record, "request", None):
            match = getattr(request, "resolver_match", None)
            line["message"] = "request"
            line["method"] = getattr(request, "method", None)
            line["route"] = match.view_name if match else None
            line["status"] = getattr(record, "status_code", None)
        else:
            line["message"] = record.getMessage()
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["frames"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(line, ensure_ascii=False)
