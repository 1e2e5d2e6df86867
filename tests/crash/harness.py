"""Kill the server, again and again, under four operators who write."""

import base64
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse, urlunparse

from bench.server import Server, free_port

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@contextmanager
def own_database(folder: Path) -> Iterator[str]:
    """Give the address of an empty database: a file in `folder`, or one more on the server of DATABASE_URL."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield f"sqlite:///{folder}/crash.db"
        return
    import psycopg

    name = f"crash_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunparse(urlparse(url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(module: str, *arguments: str, env: dict[str, str]) -> Any:
    """Run a module of this folder to its end and give the JSON that it prints."""
    command = [sys.executable, "-m", f"tests.crash.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def wait_until_all_have_written(logs: list[Path], seconds: float = 60) -> None:
    """Wait for the first acknowledged contact of every operator."""
    ends = time.monotonic() + seconds
    while not all(log.exists() and log.stat().st_size for log in logs):
        if time.monotonic() > ends:
            raise RuntimeError("nobody manages to record a contact: see server.log")
        time.sleep(0.05)


def environment(folder: Path, url: str) -> dict[str, str]:
    """Give the settings of an installation of its own, with its data in `folder` and its database at `url`."""
    return {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "ballatoio.config.settings",
        "BALLATOIO_DATA": str(folder / "data"),
        "BALLATOIO_DEMO": "",
        "ALLOWED_HOSTS": "127.0.0.1",
        "TRUSTED_PROXIES": "1",
        "SECRET_KEY": "only-for-tests-" + "s" * 50,
        "BALLATOIO_MASTER_KEY": "k1:" + base64.urlsafe_b64encode(b"k" * 32).decode(),
    }


def crash(folder: Path, kills: int, seed: int = 0) -> dict[str, int]:
    """Kill the whole server `kills` times at random moments; give what was lost, doubled or left half done."""
    chance = random.Random(seed)
    with own_database(folder) as url:
        env = environment(folder, url)
        (folder / "data").mkdir()
        cookies = run("prepare", env=env)
        server = Server("ballatoio.config.wsgi:application", env, "/healthz", folder / "server.log", free_port())
        server.start()
        logs, stop = [folder / f"acknowledged-{number}" for number in range(len(cookies))], folder / "stop"
        writers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.crash.writer", str(server.port), cookie, str(log), str(stop)], cwd=ROOT
            )
            for cookie, log in zip(cookies, logs, strict=True)
        ]
        try:
            wait_until_all_have_written(logs)
            for _ in range(kills):
                time.sleep(0.1 + 1.4 * chance.random())
                server.kill()
                server.start()
            stop.touch()
            for writer in writers:
                writer.wait(timeout=120)
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()
            server.stop()
        found: dict[str, int] = run("check", *map(str, logs), env=env)
        return found


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(crash(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 20)))
