"""A gunicorn server under measurement: started, asked, weighed, stopped, killed."""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path


def free_port() -> int:
    """Give a port of this machine that nobody uses now.

    Below those that the system gives to outgoing connections: while a server is down, a client that keeps trying
    could be given the server's own port, and the server would find it taken.
    """
    for port in random.sample(range(20_000, 30_000), 50):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port between 20000 and 30000")


class Server:
    """A WSGI application behind gunicorn with two workers, in a process group of its own."""

    def __init__(self, application: str, env: dict[str, str], ready: str, log: Path, port: int | None = None) -> None:
        self.application, self.env, self.ready, self.log = application, env, ready, log
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start, wait for the first good answer, give the seconds that it took."""
        began = time.perf_counter()
        command = [
            *(sys.executable, "-m", "gunicorn", self.application, "--bind", f"127.0.0.1:{self.port}"),
            *("--worker-class", "gthread", "--workers", "2", "--threads", "4", "--preload", "--no-control-socket"),
            *("--log-level", "warning", "--worker-tmp-dir", "/dev/shm" if Path("/dev/shm").is_dir() else "."),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=os.environ | self.env, stdout=log, stderr=log, start_new_session=True
            )
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - began > 60:
                raise RuntimeError(f"{self.application} does not start: see {self.log}")
            time.sleep(0.02)
        return time.perf_counter() - began

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self.ready, headers={"X-Forwarded-Proto": "https"})
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop as an administrator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End master and workers at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, signum: int) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signum)
            self.process.wait(timeout=30)
            self.process = None

    def _about(self, name: str) -> list[str]:
        """Give a file of /proc of master and workers."""
        assert self.process is not None
        texts = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(folder.name)) == self.process.pid:
                    texts.append((folder / name).read_text())
            except OSError:
                continue
        return texts

    def memory_mb(self) -> float:
        """Give the proportional set size of master and workers, in MB (shared pages counted once)."""
        found = (re.search(r"^Pss:\s+(\d+) kB", text, re.M) for text in self._about("smaps_rollup"))
        return sum(int(match[1]) for match in found if match) / 1024

    def cpu_seconds(self) -> float:
        """Give the processor time that master and workers have used so far."""
        # Fields 14 and 15 of proc(5) stat, counted after the name in brackets: user and system time, in ticks.
        fields = (text.rpartition(")")[2].split() for text in self._about("stat"))
        return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")
