"""A gunicorn server under measurement: started, asked, weighed, stopped, killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path


def free_port() -> int:
    """Give a port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
            *("--log-level", "warning", "--worker-tmp-dir", "/dev/shm" if Path("/dev/shm").is_dir() else "."),  # noqa: S108
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

    def memory_mb(self) -> float:
        """Give the proportional set size of master and workers, in MB (shared pages counted once)."""
        assert self.process is not None
        total = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(folder.name)) == self.process.pid:
                    found = re.search(r"^Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_text(), re.M)
                    total += int(found[1]) if found else 0
            except (OSError, ProcessLookupError):
                continue
        return total / 1024
