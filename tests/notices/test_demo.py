"""Whoever tries the program sends nothing to anybody: messages are files in the data folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASK = (
    "import json; from ballatoio.config import settings as s;"
    "print(json.dumps([s.EMAIL_BACKEND.split('.')[-2], getattr(s, 'EMAIL_FILE_PATH', ''), s.SMS_BACKEND]))"
)


def settings_of(data: Path, **env: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("EMAIL_", "SMS_"))}
    clean |= {"BALLATOIO_DATA": str(data), "PYTHONPATH": str(ROOT)} | env
    done = subprocess.run([sys.executable, "-c", ASK], cwd=data, env=clean, capture_output=True, text=True, check=True)
    answer: list[str] = json.loads(done.stdout)
    return answer


def test_in_the_demo_messages_are_files_and_elsewhere_nothing_goes_by_sms(tmp_path: Path) -> None:
    file_sms = "ballatoio.base.notices.sms.FileSms"
    assert settings_of(tmp_path, BALLATOIO_DEMO="1") == ["filebased", str(tmp_path / "posta"), file_sms]
    assert settings_of(tmp_path, BALLATOIO_DEMO="") == ["filebased", str(tmp_path / "posta"), ""]
    smtp = settings_of(tmp_path, BALLATOIO_DEMO="", EMAIL_URL="smtp://mail.example:25")
    assert smtp[0] == "smtp"
