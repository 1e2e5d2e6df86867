"""The command line: what it lists, and how it refuses."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ballatoio import cli


def leave(*arguments: str) -> int:
    """Run the command and give its exit code."""
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    return int(end.value.code or 0)


def test_help_says_every_command_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("--help") == 0
    listed = capsys.readouterr().out
    assert [name for name in cli.COMMANDS if f"\n  {name} " not in listed] == []


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name != "import"])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(name, "--help") == 0
    assert "usage" in capsys.readouterr().out.lower()


@pytest.mark.parametrize("kind", cli.IMPORTS)
def test_every_kind_of_import_has_help(kind: str) -> None:
    assert leave("import", kind, "--help") == 0


def test_an_unknown_command_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("balla") == 2
    assert capsys.readouterr().err == "Il comando «balla» non c’è: `ballatoio --help` dice quali ci sono.\n"


def test_our_commands_are_found_in_a_new_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ballatoio", "verify-audit", "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout[:6]) == (0, "usage:")


def test_import_asks_what_the_file_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("import", "righe.csv") == 2
    assert capsys.readouterr().err.startswith("Di’ che cosa c’è nel file")


def test_a_command_that_cannot_work_says_why_in_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, db: None
) -> None:
    keys = tmp_path / "chiavi.zip"
    keys.write_bytes(b"no")
    assert leave("restore", str(keys), "--keys", str(keys)) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_demo_refuses_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert leave("demo", "--port", str(taken.getsockname()[1])) == 1
    assert "occupata" in capsys.readouterr().err
