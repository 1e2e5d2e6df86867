"""The `ballatoio` command: what whoever runs an installation asks for, and any Django command besides."""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.request import urlopen

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, ManagementUtility, call_command, get_commands
from django.db import OperationalError

# Name on the command line -> what it does, in one sentence. Those without a function here are Django commands.
COMMANDS = {
    "demo": "prepara i dati di prova e apre il programma su http://localhost:8000",
    "serve": "apre il programma al pubblico, dietro un proxy",
    "migrate": "porta la base di dati alla forma che questa versione si aspetta",
    "worker": "fa i lavori in attesa: promemoria, consegne, scadenze",
    "retry-work": "elenca i lavori non riusciti; con --apply li riprova",
    "import": "carica territorio o servizi da un file, prima provando e poi davvero",
    "backup": "scrive la copia dei dati e, a parte, quella delle chiavi",
    "restore": "rimette una copia in una base di dati vuota",
    "retention": "cancella ciò che è scaduto, dopo averne contato le statistiche",
    "verify-audit": "controlla che nessuno abbia cambiato il registro degli atti",
    "rotate-keys": "chiude di nuovo le chiavi dei testi con la chiave principale più nuova",
    "bench": "misura le prestazioni e scrive docs/performance.md",
}
# Where the name of the Django command is another.
DJANGO_NAMES = {"retry-work": "retry_work", "verify-audit": "verify_audit", "rotate-keys": "rotate_master_key"}
IMPORTS = ("territory", "services", "needs")

EXIT_CODES = """Uscita: 0 fatto · 1 non riuscito, o il controllo ha trovato qualcosa che non va (lo dice la frase) ·
2 comando scritto male, o manca un’impostazione"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command named in `argv` and leave with its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.exit(show_help())
    name, *rest = arguments
    own: dict[str, Callable[[list[str]], int]] = {"demo": demo, "serve": serve}
    try:
        sys.exit(own[name](rest) if name in own else run_django(name, rest))
    except (CommandError, ImproperlyConfigured) as error:
        refuse(str(error), getattr(error, "returncode", 1))
    except OperationalError as error:
        refuse(f"La base di dati non risponde ({error}): controlla DATABASE_URL e che il server sia acceso.")
    except OSError as error:
        refuse(f"{error.strerror or error}: {error.filename or 'controlla spazio e permessi'}.")
    except KeyboardInterrupt:
        sys.exit(130)


def refuse(sentence: str, code: int = 1) -> None:
    """Say in one sentence why it did not work, and leave."""
    print(" ".join(sentence.split()), file=sys.stderr)
    sys.exit(code)


def show_help() -> int:
    """List the commands."""
    print("Uso: ballatoio COMANDO [--help]\n")
    for name, sentence in COMMANDS.items():
        print(f"  {name:<14}{sentence}")
    print(f"\nVale anche ogni comando di Django: ballatoio shell, ballatoio dbshell…\n\n{EXIT_CODES}")
    return 0


def run_django(name: str, arguments: list[str]) -> int:
    """Run a Django command; its CommandError comes to whoever calls."""
    if name == "import":
        kind, *arguments = arguments or [""]
        if kind not in IMPORTS:
            raise CommandError(
                f"Di’ che cosa c’è nel file: ballatoio import {'|'.join(IMPORTS)} FILE --lab …", returncode=2
            )
        name = f"import_{kind}"
    name = DJANGO_NAMES.get(name, name)
    django.setup()
    if name not in get_commands():
        raise CommandError(f"Il comando «{name}» non c’è: `ballatoio --help` dice quali ci sono.", returncode=2)
    # With --traceback Django hands the error on instead of printing it with its class name in front.
    ManagementUtility(["ballatoio", name, "--traceback", *arguments]).execute()
    return 0


def demo(arguments: list[str]) -> int:
    """Prepare the demo in a folder of its own, then serve it until it is stopped."""
    parser = argparse.ArgumentParser(prog="ballatoio demo", description=COMMANDS["demo"], epilog=EXIT_CODES)
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="porta (PORT, o 8000)")
    parser.add_argument(
        "--data",
        default=os.environ.get("BALLATOIO_DATA", "ballatoio-demo"),
        help="cartella dei dati (BALLATOIO_DATA, o ballatoio-demo qui)",
    )
    parser.add_argument("--prepare", action="store_true", help="prepara i dati e basta")
    options = parser.parse_args(arguments)
    if not options.prepare and is_taken(options.port):
        raise CommandError(f"La porta {options.port} è occupata: scegline un’altra, per esempio con --port 8001.")
    os.environ |= {"BALLATOIO_DEMO": "1", "BALLATOIO_DATA": str(Path(options.data).resolve())}
    # Whoever tries the program reads the terminal, not the log.
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    # The demo never touches a real database, whatever the shell has set.
    for name in ("DATABASE_URL", "CACHE_URL", "EMAIL_URL", "SMS_BACKEND", "STORAGE_URL", "ALLOWED_HOSTS"):
        os.environ.pop(name, None)
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    call_command("seed_demo")
    return 0 if options.prepare else run_together(options.port)


def is_taken(port: int) -> bool:
    """Does somebody already listen on this port of this machine?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run_together(port: int) -> int:
    """Run server and worker, say where, and stop both when one ends or the terminal says so."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running = [
        subprocess.Popen(gunicorn(f"127.0.0.1:{port}", "warning")),
        subprocess.Popen([sys.executable, "-m", "ballatoio", "worker"]),
    ]
    try:
        announce(port, running[0])
        while all(process.poll() is None for process in running):
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=20)
    return 1


def announce(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Say the address as soon as the server answers there."""
    address = f"http://localhost:{port}"
    while server.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                print(f"\n  Ballatoio è aperto su {address} (Ctrl+C per chiudere)\n", flush=True)
                return
        except OSError:
            time.sleep(0.1)


def serve(arguments: list[str]) -> int:
    """Check the settings, collect the assets and become the server."""
    parser = argparse.ArgumentParser(prog="ballatoio serve", description=COMMANDS["serve"], epilog=EXIT_CODES)
    parser.add_argument("--bind", default="127.0.0.1:8000", help="indirizzo:porta (127.0.0.1:8000)")
    parser.add_argument("--workers", type=int, default=2, help="processi (2)")
    parser.add_argument("--threads", type=int, default=4, help="fili per processo (4)")
    options = parser.parse_args(arguments)
    django.setup()
    call_command("check", deploy=not settings.DEMO, databases=["default"])
    call_command("collectstatic", verbosity=0, interactive=False)
    # Each worker counts for itself; /metrics adds them up from this folder.
    figures = Path(settings.DATA_DIR) / "metrics"
    shutil.rmtree(figures, ignore_errors=True)
    figures.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(figures)
    command = gunicorn(options.bind, "info", options.workers, options.threads)
    os.execv(command[0], command)  # noqa: S606


def gunicorn(bind: str, log_level: str, workers: int = 2, threads: int = 4) -> list[str]:
    """Give the command line of the server; --preload shares the program's memory between the workers."""
    return [
        *(sys.executable, "-m", "gunicorn", "ballatoio.config.wsgi:application"),
        *("--bind", bind, "--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)),
        *("--preload", "--no-control-socket", "--log-level", log_level, "--max-requests", "20000"),
        *("--max-requests-jitter", "2000", "--worker-tmp-dir", "/dev/shm" if Path("/dev/shm").is_dir() else "."),  # noqa: S108
    ]
