"""The pictures of the README and of the guide; written only when asked for, since each run draws another hour."""

import os
import struct

import pytest

from .conftest import CHECKOUT, Open
from .pages import find_records
from .pictures import with_palette

FOLDER = CHECKOUT / "docs" / "img"
HEAVIEST = 120_000
# Name of the file -> path, who looks, width, height.
PICTURES: dict[str, tuple[str, str, int, int]] = {
    "labs-it-1280": ("/", "", 1280, 860),
    "lab-home-it-1280": ("/mazzini/", "", 1280, 980),
    "lab-home-ar-360": ("/ar/mazzini/", "", 360, 1000),
    "address-it-1280": ("/mazzini/casa/via-mompiani-4/", "", 1280, 900),
    "services-ar-360": ("/ar/mazzini/servizi/?casa=via-mompiani-4&aperti=on", "", 360, 1000),
    "callback-en-360": ("/en/mazzini/richiamami/", "", 360, 1000),
    "today-it-1280": ("/mazzini/banco/", "anna", 1280, 900),
    "contact-new-it-1280": ("/mazzini/banco/contatti/nuovo/", "anna", 1280, 980),
    "need-it-1280": ("/mazzini/banco/bisogni/{need}/", "anna", 1280, 900),
    "month-it-1280": ("/mazzini/banco/mese/", "elena", 1280, 980),
}


@pytest.mark.skipif(os.environ.get("UPDATE_SCREENSHOTS") != "1", reason="only with UPDATE_SCREENSHOTS=1")
@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str, visit: Open) -> None:
    path, who, width, height = PICTURES[name]
    visitor = visit(width, height)
    if who:
        visitor.enter(who)
    if "{" in path:
        path = path.format(**find_records(visitor.context.request, visitor.server))
    visitor.go(path)
    visitor.page.wait_for_load_state("networkidle")
    picture = with_palette(visitor.page.screenshot())
    assert len(picture) <= HEAVIEST
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.png").write_bytes(picture)


def test_the_pictures_in_the_documents_are_there_and_light() -> None:
    for name, (_path, _who, width, height) in PICTURES.items():
        picture = (FOLDER / f"{name}.png").read_bytes()
        assert struct.unpack(">II", picture[16:24]) == (width, height)
        assert len(picture) <= HEAVIEST
