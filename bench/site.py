"""The product and the yardstick, both filled, on one database engine."""

import base64
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse, urlunparse

from .server import Server

ROOT = Path(__file__).resolve().parent.parent
PRODUCT, PLAIN = "ballatoio.config.wsgi:application", "bench.plain.wsgi:application"


@dataclass
class Site:
    """Where everything of one engine is, and how its processes are started."""

    engine: str
    folder: Path
    postgresql_url: str = ""

    @property
    def env(self) -> dict[str, str]:
        """The product in production settings, behind a proxy that speaks HTTPS."""
        return {
            "DJANGO_SETTINGS_MODULE": "ballatoio.config.settings",
            "DATABASE_URL": self.database("product"),
            "BALLATOIO_DATA": str(self.folder / "data"),
            "BALLATOIO_DEMO": "0",
            "ALLOWED_HOSTS": "127.0.0.1",
            "TRUSTED_PROXIES": "1",
            "LOG_LEVEL": "WARNING",
            "SECRET_KEY": "only-for-figures-" + "s" * 50,
            "BALLATOIO_MASTER_KEY": "k1:" + base64.urlsafe_b64encode(b"k" * 32).decode(),
        }

    @property
    def plain_env(self) -> dict[str, str]:
        """The yardstick."""
        return {"DJANGO_SETTINGS_MODULE": "bench.plain.settings", "PLAIN_DATABASE_URL": self.database("plain")}

    def name(self, part: str) -> str:
        """Give the name of a database of ours on the PostgreSQL server."""
        return f"ballatoio_bench_{part}_{self.folder.name.replace('-', '_').lower()}"

    def database(self, part: str) -> str:
        """Give the address of the database of a part."""
        if self.engine == "SQLite":
            return f"sqlite:///{self.folder}/{part}.db"
        return urlunparse(urlparse(self.postgresql_url)._replace(path=f"/{self.name(part)}"))

    def create(self, part: str) -> None:
        """Make the empty database of a part."""
        if self.engine == "PostgreSQL":
            self._on_server(
                f"DROP DATABASE IF EXISTS {self.name(part)} WITH (FORCE)", f"CREATE DATABASE {self.name(part)}"
            )

    def drop(self) -> None:
        """Leave nothing on the PostgreSQL server."""
        if self.engine == "PostgreSQL":
            self._on_server(*(f"DROP DATABASE IF EXISTS {self.name(p)} WITH (FORCE)" for p in ("product", "plain")))

    def _on_server(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self.postgresql_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    def run(self, *command: str, env: dict[str, str]) -> str:
        """Run a Python module to its end; raise RuntimeError with what it said when it fails."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", *command],
            cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr[-3000:]}")
        return done.stdout

    def fill(self, contacts: int, people: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Make both installations, unless the folder holds them already; give the facts about the two."""
        facts = self.folder / "facts.json"
        if facts.exists():
            product, plain = json.loads(facts.read_text())
            return product, plain
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        for part in ("product", "plain"):
            self.create(part)
        plain = json.loads(self.run("bench.plain.fill", env=self.plain_env))
        began = time.perf_counter()
        self.run("django", "migrate", "-v0", env=self.env)
        migrated = time.perf_counter() - began
        self.run("django", "collectstatic", "-v0", "--noinput", env=self.env)
        product = json.loads(self.run("bench.fill", str(contacts), str(people), env=self.env | {"BALLATOIO_DEMO": "1"}))
        product["migrate_s"] = migrated
        facts.write_text(json.dumps([product, plain]))
        return product, plain

    def product(self) -> Server:
        """Give the product's server, not started."""
        return Server(PRODUCT, self.env, "/healthz", self.folder / "product.log")

    def plain(self, row: int) -> Server:
        """Give the yardstick's server, not started."""
        return Server(PLAIN, self.plain_env, f"/page/{row}/", self.folder / "plain.log")
