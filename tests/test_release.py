"""What is published: the card of the software, the wheel and what it carries."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import ballatoio

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    given: dict[str, Any] = yaml.safe_load((ROOT / "publiccode.yml").read_text(encoding="utf-8"))
    return given


def test_the_card_has_every_mandatory_key(card: dict[str, Any]) -> None:
    """The keys that publiccode.yml 0.7 requires."""
    mandatory = {
        *("publiccodeYmlVersion", "name", "url", "platforms", "developmentStatus", "softwareType"),
        *("description", "legal", "maintenance", "localisation"),
    }
    assert mandatory <= set(card)
    assert card["publiccodeYmlVersion"] == "0.7"
    assert card["legal"]["license"] == "EUPL-1.2"
    assert (card["maintenance"]["type"], bool(card["maintenance"]["contacts"])) == ("community", True)
    assert {"localisationReady", "availableLanguages"} <= set(card["localisation"])


@pytest.mark.parametrize("language", ["it", "en"])
def test_the_card_describes_the_software_at_the_right_length(card: dict[str, Any], language: str) -> None:
    text = card["description"][language]
    assert len(text["shortDescription"]) <= 150
    assert 150 <= len(text["longDescription"]) <= 10_000
    assert all(len(feature) <= 100 for feature in text["features"])


def test_the_card_names_this_version_and_its_languages(card: dict[str, Any], settings: Any) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert card["softwareVersion"] == project["version"] == ballatoio.__version__
    assert card["localisation"]["availableLanguages"] == [code for code, _ in settings.LANGUAGES]


def test_the_locks_name_no_download_address() -> None:
    for name in ("requirements.txt", "requirements-test.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if "://" in line or line.startswith(("-i", "--index"))] == []


def test_the_wheel_carries_everything_that_the_demo_needs(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    wheel = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    carried = set(wheel.namelist())
    kinds = {".html", ".css", ".js", ".svg", ".woff2", ".ttf", ".typ", ".mo", ".json", ".csv", ".geojson"}
    needed = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ballatoio").rglob("*")
        if path.is_file() and path.suffix in kinds
    }
    assert needed - carried == set()
    assert "ballatoio = ballatoio.cli:main" in wheel.read(next(n for n in carried if "entry_points" in n)).decode()
