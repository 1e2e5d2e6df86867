"""The sheet on paper."""

import io
import unicodedata
from pathlib import Path

import pytest
from django.test import Client
from pypdf import PdfReader

from ballatoio.base.core.pdf import MissingGlyph, render_pdf
from ballatoio.base.directory.models import Service
from ballatoio.base.directory.services import set_translations
from ballatoio.base.directory.sheets import print_sheet
from ballatoio.base.labs.models import Lab
from tests.directory.making import make_service

pytestmark = pytest.mark.django_db
A5 = (420, 595)


@pytest.fixture
def caf(mazzini: Lab) -> Service:
    service = make_service(
        mazzini,
        "CAF: ISEE",
        slug="caf",
        hours="lun-ven 9-12",
        phone="02 5550 0103",
        address="via di prova 5",
        fees_description="Il 730 si paga.",
        languages=["it", "ar"],
        accessibility="Due gradini.",
    )
    texts = {"name": "مكتب الضرائب", "description": "يجهّز شهادة", "fees_description": "بأجر"}
    set_translations(service, texts, language="ar", state="draft", by=None, lab=mazzini)
    return service


def read(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def text_of(reader: PdfReader) -> str:
    """The words of the page, letters of Arabic brought back from their joined shapes."""
    return unicodedata.normalize("NFKC", reader.pages[0].extract_text())


@pytest.mark.parametrize("language", ["it", "en", "ar"])
def test_the_sheet_is_a_tagged_a5_page(client: Client, caf: Service, language: str) -> None:
    response = client.get(f"/mazzini/servizi/caf/scheda.pdf?lingua={language}")
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    assert response["Content-Language"] == language
    reader = read(response.content)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 (a PDF boolean)
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == language
    assert len(reader.pages) == 1
    assert tuple(round(float(side)) for side in reader.pages[0].mediabox[2:]) == A5
    metadata = reader.metadata
    assert metadata is not None
    assert metadata.title


def test_in_italian_it_holds_all_that_one_needs(caf: Service, mazzini: Lab) -> None:
    text = text_of(read(print_sheet(caf, lab=mazzini, language="it", address="https://example.org/x").pdf))
    for words in ("CAF: ISEE", "02 5550 0103", "via di prova 5", "9–12", "Il 730 si paga.", "Due gradini.", "arabo"):
        assert words in text
    assert mazzini.phone in text


def test_in_arabic_it_is_arabic_and_says_who_translated(caf: Service, mazzini: Lab) -> None:
    sheet = print_sheet(caf, lab=mazzini, language="ar", address="https://example.org/x")
    text = text_of(read(sheet.pdf))
    assert sheet.language == "ar"
    assert any("\u0600" <= character <= "\u06ff" for character in text)
    # Numbers keep their own direction.
    assert "02 5550 0103" in text
    # The price that no speaker has checked has the Italian one beside it.
    assert "Il 730 si paga." in text


@pytest.mark.parametrize("language", ["bn", "zh-hans", "si", "xx", ""])
def test_a_language_that_we_cannot_print_comes_out_in_italian(client: Client, caf: Service, language: str) -> None:
    response = client.get(f"/mazzini/servizi/caf/scheda.pdf?lingua={language}")
    assert response["Content-Language"] == "it"
    text = text_of(read(response.content))
    assert "CAF: ISEE" in text
    assert ("Non sappiamo ancora stampare" in text) == (language in {"bn", "zh-hans", "si"})


def test_letters_that_no_font_has_bring_the_sheet_back_to_italian(caf: Service, mazzini: Lab) -> None:
    set_translations(caf, {"name": "税务"}, language="en", state="draft", by=None, lab=mazzini)
    sheet = print_sheet(caf, lab=mazzini, language="en", address="https://example.org/x")
    assert sheet.language == "it"
    assert "Non sappiamo ancora stampare in inglese" in text_of(read(sheet.pdf))


def test_a_missing_letter_is_named(tmp_path: Path) -> None:
    template = tmp_path / "t.typ"
    template.write_text(
        '#set document(title: "t")\n#set text(font: "Titillium Web")\n#json(bytes(sys.inputs.data)).word',
        encoding="utf-8",
    )
    assert render_pdf(template, {"word": "ciao"}).startswith(b"%PDF")
    with pytest.raises(MissingGlyph) as caught:
        render_pdf(template, {"word": "税"})
    assert caught.value.text == "税"


def test_texts_are_printed_as_they_are_written(mazzini: Lab) -> None:
    service = make_service(mazzini, "#strong[A] $x$ *b* @c <d>", description='#import "x" // y /* z')
    text = text_of(read(print_sheet(service, lab=mazzini, language="it", address="https://example.org/x").pdf))
    assert "#strong[A] $x$ *b* @c <d>" in text
    assert '#import "x" // y /* z' in text


def test_a_long_sheet_runs_onto_a_second_page(mazzini: Lab) -> None:
    service = make_service(mazzini, "Lungo", description="Parole di aiuto. " * 110, application_process="Vieni. " * 280)
    pages = read(print_sheet(service, lab=mazzini, language="it", address="https://example.org/x").pdf).pages
    assert len(pages) > 1


def test_a_bare_sheet_is_printed_too(mazzini: Lab) -> None:
    service = make_service(mazzini, "Nudo", status=Service.Status.TEMPORARILY_CLOSED)
    text = text_of(read(print_sheet(service, lab=mazzini, language="it", address="https://example.org/x").pdf))
    assert "Chiuso per ora" in text
    assert "Telefona per sapere gli orari." in text
