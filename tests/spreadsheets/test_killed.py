"""A worker that is killed while it imports, or takes an import back, is followed by another: every row once."""

import base64
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.crash.harness import own_database

ROOT = Path(__file__).resolve().parents[2]
ROWS = 2_000
PATIENCE = 120


class Installation:
    """An installation of its own, whose worker can be killed."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        given = {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "ballatoio.config.settings",
            "BALLATOIO_DATA": str(folder / "data"),
            "BALLATOIO_DEMO": "",
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECRET_KEY": "only-for-tests-" + "s" * 50,
            "BALLATOIO_MASTER_KEY": "k1:" + base64.urlsafe_b64encode(b"k" * 32).decode(),
        }
        self.environment = os.environ | given
        (folder / "data").mkdir()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-W", "ignore", "-m", "tests.spreadsheets.killing", *arguments]

    def run(self, *arguments: str) -> Any:
        """Run a command of killing.py to its end, and give what it prints."""
        done = subprocess.run(
            self.command(*arguments), cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)

    def ask(self, sql: str) -> Any:
        """Ask the database, or tell it, from outside."""
        if self.url.startswith("sqlite"):
            with sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20) as connection:
                return connection.execute(sql).fetchone()
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchone() if cursor.description else None

    def done(self) -> int:
        return int(self.ask("SELECT done FROM spreadsheets_sheetimport")[0])

    def work_and_die(self, until: int) -> int:
        """Start a worker and kill it when it has done at least so much; give how much it had done."""
        # The worker before is dead: its lease has run out.
        self.ask("UPDATE jobs_duework SET due_at = '2020-01-01 00:00:00+00:00' WHERE done_at IS NULL")
        worker = subprocess.Popen(self.command("work"), cwd=ROOT, env=self.environment, stderr=subprocess.DEVNULL)
        ends = time.monotonic() + PATIENCE
        try:
            while self.done() < until and worker.poll() is None:
                assert time.monotonic() < ends
                time.sleep(0.02)
        finally:
            worker.kill()
            worker.wait()
        return self.done()

    def work(self) -> None:
        self.ask("UPDATE jobs_duework SET due_at = '2020-01-01 00:00:00+00:00' WHERE done_at IS NULL")
        self.run("work")


@pytest.mark.crash
def test_every_row_comes_once_and_goes_once_however_the_worker_dies(tmp_path: Path) -> None:
    chance = random.Random(11)
    with own_database(tmp_path) as url:
        here = Installation(tmp_path, url)
        here.run("prepare", str(ROWS))
        people = ROWS // 2
        stops = [here.work_and_die(until) for until in sorted(chance.randrange(1, ROWS) for _ in range(3))]
        assert 0 < stops[0] <= stops[-1] < ROWS + people
        here.work()
        assert here.run("count") == {
            "state": "done",
            "contacts": ROWS,
            "rows": ROWS,
            "needs": ROWS,
            "people": people,
            "remembered": ROWS + people,
            # One for each story, one for what was said about the columns.
            "keys": ROWS + 1,
            "breaks": 0,
        }
        here.run("undo")
        assert here.work_and_die(ROWS // 3) > 0
        here.work()
        left = {"state": "undone", "keys": 1} | dict.fromkeys(("contacts", "rows", "needs", "people", "remembered"), 0)
        assert here.run("count") == left | {"breaks": 0}
