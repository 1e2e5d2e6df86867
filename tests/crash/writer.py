"""Run in a process of its own: an operator who records contacts and never loses patience.

Usage: writer.py PORT COOKIE LOG STOP. It writes until there is a file STOP. A token is written to LOG, and to the
disk, when the answer that its contact is saved has reached this process; until then the same form is sent again.
"""

import os
import secrets
import sys
import time
from http.client import HTTPException
from pathlib import Path

from bench.client import Browser, DeskClient


def main(port: int, cookie: str, log: Path, stop: Path) -> None:
    """Write until told to stop; the last contact is sent until it is acknowledged."""
    desk = DeskClient(Browser(port, {"sessionid": cookie}, timeout=5), "mazzini")
    with log.open("a") as file:
        while not stop.exists():
            token = secrets.token_urlsafe(24)
            while not acknowledged(desk, token):
                time.sleep(0.05)
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())


def acknowledged(desk: DeskClient, token: str) -> bool:
    """Send the form; tell whether the answer came, and said that the contact is saved."""
    try:
        if not desk.fields:
            desk.open_form()
        return desk.record(token).status == 302
    except (OSError, HTTPException, StopIteration):
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
