"""Kill the mail server, and those who send, in the middle of 2,000 messages.

What the post office took is what it wrote to the disk before it said «taken»; what left is what the database says.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bench.server import free_port
from tests.crash.harness import ROOT, environment, own_database, run

SENDERS = 2


class Process:
    """A module of this folder in a process of its own, which may be killed and started again."""

    def __init__(self, module: str, *arguments: str, env: dict[str, str], log: Path) -> None:
        self.command, self.env, self.log = [sys.executable, "-m", f"tests.crash.{module}", *arguments], env, log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, cwd=ROOT, env=os.environ | self.env, stdout=log, stderr=log)

    def kill(self) -> None:
        """Kill it as a power cut does: nothing is closed, nothing is said."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def is_over(self) -> bool:
        return self.process.poll() is not None


def wait_for(taken: Path, count: int, senders: list[Process], seconds: float = 120) -> None:
    """Wait until the post office has taken so many messages."""
    ends = time.monotonic() + seconds
    while taken.read_bytes().count(b"\n") < count:
        if time.monotonic() > ends or all(sender.is_over() for sender in senders):
            raise RuntimeError(f"no {count} messages were taken: see the logs beside {taken}")
        time.sleep(0.002)


def crash_outbox(folder: Path, messages: int, kills: int, seed: int = 0) -> dict[str, int]:
    """Send `messages` over `kills` murders, of the post office and of senders in turn; give what came of them."""
    chance, port, taken = random.Random(seed), free_port(), folder / "taken"
    with own_database(folder) as url:
        env = environment(folder, url) | {
            "EMAIL_URL": f"smtp://127.0.0.1:{port}",
            "DEFAULT_FROM_EMAIL": "Ballatoio <posta@ballatoio.example>",
        }
        (folder / "data").mkdir()
        taken.touch()
        run("outbox_prepare", str(messages), env=env)
        office = Process("post_office", str(port), str(taken), env=env, log=folder / "office.log")
        senders = [Process("outbox_sender", env=env, log=folder / "senders.log") for _ in range(SENDERS)]
        in_flight = 0
        try:
            for number in range(kills):
                # In the middle of them: each time when so many more have gone.
                wait_for(taken, messages * (number + 1) // (kills + 1), senders)
                time.sleep(0.02 * chance.random())
                victim = office if number % 2 == 0 else chance.choice(senders)
                victim.kill()
                in_flight += SENDERS if victim is office else 1
                victim.start()
            for sender in senders:
                sender.process.wait(timeout=300)
        finally:
            for process in (office, *senders):
                process.kill()
        found: dict[str, int] = run("outbox_check", str(taken), env=env)
        ids = Counter(taken.read_text().split())
        return found | {"doubled": ids.total() - len(ids), "in flight at most": in_flight}


if __name__ == "__main__":
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(crash_outbox(Path(name), 2000, int(sys.argv[1]) if len(sys.argv) > 1 else 20)))
