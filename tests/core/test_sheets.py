"""Tables of any origin are read; those built to do harm are refused; what leaves is text, and comes back as it was."""

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from django.http import FileResponse
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from ballatoio.base.core.sheets import opening, xlsx
from ballatoio.base.core.sheets.export import ExportTable, csv_lines, download, plain_cell, safe_cell, write_xlsx
from ballatoio.base.core.sheets.opening import detect_encoding, open_sheet
from ballatoio.base.core.sheets.sheet import FileRefused

ITALIAN = [["Città", "Perché"], ["Cantù", "l’ascensore è giù, però si può"], ["Forlì", "così"]]


def read(raw: bytes, **options: str) -> list[list[str]]:
    """Give the rows of a file, without their numbers."""
    return [cells for _number, cells in open_sheet(io.BytesIO(raw), **options).rows()]


def text(rows: Sequence[Sequence[str]], delimiter: str = ";") -> str:
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=delimiter).writerows(rows)
    return made.getvalue()


def workbook(rows: Sequence[Sequence[Any]], merged: Sequence[str] = ()) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    for cells in merged:
        book.active.merge_cells(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


# --- Plain text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac_roman"],
)
def test_any_encoding_and_any_delimiter(encoding: str, delimiter: str) -> None:
    assert read(text(ITALIAN, delimiter).encode(encoding)) == ITALIAN


def test_an_encoding_that_somebody_names_counts_more_than_the_guess() -> None:
    raw = text([["Città"], ["è"]]).encode("mac_roman")
    assert read(raw, encoding="mac_roman") == [["Città"], ["è"]]


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        ("Città;è così".encode("cp1252"), "cp1252"),
        ("Città;è così".encode("mac_roman"), "mac_roman"),
        ("detto “grazie” e ‘ciao’".encode("cp1252"), "cp1252"),
        (b"a\x81b", "latin-1"),
        (b"", "utf-8"),
    ],
)
def test_alphabets_of_one_byte_are_told_apart(raw: bytes, encoding: str) -> None:
    assert detect_encoding(io.BytesIO(raw)) == encoding


def test_titles_above_the_table_do_not_hide_its_delimiter() -> None:
    raw = "Registro, anno 2025, sportello, piano terra\r\n\r\nData;Nome\r\n3/5;Amina\r\n4/5;Farid\r\n"
    rows = list(open_sheet(io.BytesIO(raw.encode())).rows())
    assert rows[1:] == [(3, ["Data", "Nome"]), (4, ["3/5", "Amina"]), (5, ["4/5", "Farid"])]


def test_a_spreadsheet_that_declares_its_delimiter_is_believed() -> None:
    assert list(open_sheet(io.BytesIO(b"sep=|\r\na;x|b\r\n")).rows()) == [(2, ["a;x", "b"])]


def test_line_ends_of_every_system_and_breaks_within_cells() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert read(f'a;b{end}"1{end}2";3{end}'.encode()) == [["a", "b"], [f"1{end}2", "3"]]


def test_a_sign_that_no_text_has_is_dropped() -> None:
    assert read(b"no\0me;c\0\r\nAmi\0na;\0\r\n") == [["nome", "c"], ["Amina"]]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n \r\n",
        b"\0\0\0",
        b"%PDF-1.7",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest",
        b"<html><table><tr><td>1</td></tr></table></html>",
        b"\xef\xbb\xbf<?xml version='1.0'?>",
        b"\x89PNG\r\n",
        b"PK\x03\x04broken",
        b"PK",
        b'a;b\n"' + b"x" * 200_000,
        ";".join("x" * 300).encode(),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(raw: bytes) -> None:
    with pytest.raises(FileRefused) as refusal:
        read(raw)
    assert str(refusal.value).endswith(".")


def test_a_table_is_never_held_in_memory() -> None:
    raw = io.BytesIO(b"nome;anno\r\n" + b"Amina;1980\r\n" * 100_000)
    tracemalloc.start()
    count = sum(1 for _row in open_sheet(raw).rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_001
    assert peak < 3_000_000


# --- .xlsx ------------------------------------------------------------------------------------------------


def test_a_workbook_gives_what_its_cells_show() -> None:
    raw = workbook(
        [
            ["Data", "Quando", "Ora", "Telefono", "Sì", "Vuota", "Formula", "Decimale"],
            [date(2025, 5, 3), datetime(2025, 5, 3, 14, 30), datetime(2025, 5, 3, 9, 5).time(), 3331234567, True],
            ["3/5/2025", None, None, "02 123", False, None, "=1+1", 0.5],
        ]
    )
    assert read(raw) == [
        ["Data", "Quando", "Ora", "Telefono", "Sì", "Vuota", "Formula", "Decimale"],
        ["03/05/2025", "03/05/2025 14:30", "09:05", "3331234567", "sì"],
        ["3/5/2025", "", "", "02 123", "no", "", "=1+1", "0.5"],
    ]


def test_dates_that_count_from_1904() -> None:
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append([date(2025, 5, 3)])
    file = io.BytesIO()
    book.save(file)
    assert read(file.getvalue()) == [["03/05/2025"]]


def test_a_joined_cell_stands_in_each_row_that_it_covers() -> None:
    rows = [
        ["Registro", None, None],
        ["Data", "Nome", "Note"],
        ["3/5", "Amina", None],
        [None, "Farid", "x"],
        [None, None, None],
    ]
    assert read(workbook(rows, ["A1:C1", "A3:A5"])) == [
        ["Registro"],
        ["Data", "Nome", "Note"],
        ["3/5", "Amina"],
        ["3/5", "Farid", "x"],
    ]


def test_the_sheet_that_holds_something_is_read_or_the_one_that_is_named() -> None:
    book = openpyxl.Workbook()
    book.active.title = "Vuoto"
    for name in ("2024", "2025"):
        book.create_sheet(name).append([name])
    book.create_sheet("Nascosto").append(["no"])
    book["Nascosto"].sheet_state = "hidden"
    file = io.BytesIO()
    book.save(file)
    sheet = open_sheet(file)
    assert (sheet.name, sheet.others, list(sheet.rows())) == ("2024", ("Vuoto", "2025"), [(1, ["2024"])])
    assert read(file.getvalue(), wanted=" 2025 ") == [["2025"]]
    with pytest.raises(FileRefused, match="Ci sono: Vuoto, 2024, 2025"):
        open_sheet(file, wanted="Nascosto")


def archive(**parts: str) -> bytes:
    """Give a spreadsheet made by hand: the least that makes one, with the parts that a test wants different."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    usual = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships {relations}><Relationship Id="r1" Type="x/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {space} xmlns:r="r"><sheets><sheet name="F" sheetId="1" r:id="r1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships {relations}><Relationship Id="r1" Type="x/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{parts.pop('rows', '')}</sheetData></worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in (usual | parts).items():
            made.writestr(name, content)
    return file.getvalue()


def test_a_cell_in_the_last_corner_costs_nothing() -> None:
    first = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
    rows = f'{first}<row r="1048576"><c r="B1048576"><v>1</v></c></row>'
    assert list(open_sheet(io.BytesIO(archive(rows=rows))).rows()) == [(1, ["a"]), (1_048_576, ["", "1"])]
    with pytest.raises(FileRefused, match="colonne"):
        read(archive(rows='<row r="1"><c r="XFD1"><v>1</v></c></row>'))


def test_rich_text_and_what_xml_cannot_hold() -> None:
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><r><t>due </t></r><r><t>pezzi</t></r><rPh><t>no</t></rPh></is></c>'
        '<c r="B1" t="str"><f>A1</f><v>calcolo</v></c><c r="C1"><f>SUM(A1)</f></c><c t="e"><v>#N/A</v></c>'
        '<c r="E1" t="inlineStr"><is><t>a_x000D_b</t></is></c><c r="F1" t="s"><v>99</v></c></row>'
    )
    assert read(archive(rows=rows)) == [["due pezzi", "calcolo", "=SUM(A1)", "#N/A", "a\rb"]]


def test_entities_are_refused() -> None:
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    bomb = f"{entities}<worksheet><sheetData>&b;</sheetData></worksheet>"
    with pytest.raises(FileRefused):
        read(archive(**{"xl/worksheets/sheet1.xml": bomb}))


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = archive(**{"xl/media/image.bin": " " * 6_000_000})
    assert (len(bomb) < 10_000, read(bomb)) == (True, [])
    monkeypatch.setattr(opening, "MAX_UNPACKED", 5_000_000)
    with pytest.raises(FileRefused, match="troppo grande"):
        read(bomb)


def test_texts_that_unpack_to_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    relations = (
        '<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/>'
        '<Relationship Id="r2" Type="x/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    )
    texts = f"<sst><si><t>{' ' * 1_100_000}</t></si></sst>"
    bomb = archive(**{"xl/_rels/workbook.xml.rels": relations, "xl/sharedStrings.xml": texts})
    assert read(bomb) == []
    monkeypatch.setattr(xlsx, "MAX_TEXTS", 1_000_000)
    with pytest.raises(FileRefused, match="troppo grande"):
        read(bomb)


@pytest.mark.parametrize("cut", [30, 200, -40])
def test_a_damaged_workbook_is_refused(cut: int) -> None:
    raw = workbook(ITALIAN)
    with pytest.raises(FileRefused):
        read(raw[:cut])


def test_a_workbook_whose_bytes_were_changed_is_refused_or_read_never_worse() -> None:
    raw = bytearray(workbook(ITALIAN))
    for place in range(0, len(raw), 37):
        spoiled = bytes(raw[:place]) + b"\xff" + bytes(raw[place + 1 :])
        try:
            read(spoiled)
        except FileRefused:
            continue


# --- .ods -------------------------------------------------------------------------------------------------


def document(table: str) -> bytes:
    names = (
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    )
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    content = f"<office:document-content {names}>{body}</office:document-content>"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        made.writestr("content.xml", content)
    return file.getvalue()


def test_an_open_document_gives_what_its_cells_hold() -> None:
    rows = (
        '<table:table-row><table:table-cell table:number-rows-spanned="2" office:value-type="date" '
        'office:date-value="2025-05-03"><text:p>sab 3</text:p></table:table-cell>'
        "<table:table-cell><text:p>due<text:s text:c='2'/>spazi</text:p><text:p>a capo</text:p>"
        "<office:annotation><text:p>nota mia</text:p></office:annotation></table:table-cell>"
        '<table:table-cell office:value-type="float" office:value="3331234567"><text:p>3,33E+9</text:p>'
        "</table:table-cell>"
        '<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
        "<table:table-row><table:covered-table-cell/><table:table-cell office:value-type='boolean' "
        "office:boolean-value='true'><text:p>VERO</text:p></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="2"><table:table-cell office:value-type="time" '
        'office:time-value="PT14H30M00S"><text:p>14:30</text:p></table:table-cell></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    )
    table = f'<table:table table:name="Vuoto"/><table:table table:name="2025">{rows}</table:table>'
    sheet = open_sheet(io.BytesIO(document(table)))
    assert (sheet.name, sheet.others) == ("2025", ("Vuoto",))
    assert list(sheet.rows()) == [
        (1, ["03/05/2025", "due  spazi\na capo", "3331234567"]),
        (2, ["03/05/2025", "sì"]),
        (3, ["14:30"]),
        (4, ["14:30"]),
    ]


def test_a_row_that_says_to_be_a_million_is_refused() -> None:
    cell = "<table:table-cell><text:p>x</text:p></table:table-cell>"
    row = f"<table:table-row table:number-rows-repeated='1000000'>{cell}</table:table-row>"
    with pytest.raises(FileRefused, match="ripete"):
        read(document(f'<table:table table:name="F">{row}</table:table>'))


# --- What leaves ------------------------------------------------------------------------------------------

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
NASTY = st.sampled_from(["=", "+", "-", "@", "'", "\t", "\r", "\n", " ", "\u200b", "＝", '"', ";", ",", "1"])
TEXTS = st.one_of(CELLS, st.lists(NASTY, max_size=6).map("".join))


@given(TEXTS)
def test_no_cell_begins_like_a_formula(cell: str) -> None:
    safe = safe_cell(cell)
    assert safe[:1] not in set("\t\r\n")
    assert safe.replace("\u200b", " ").lstrip()[:1] not in set("=+-@＝＋－＠")


@given(TEXTS)
def test_what_was_made_safe_can_be_had_back(cell: str) -> None:
    assert plain_cell(safe_cell(cell)) == cell


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(TEXTS.map(str.strip), min_size=2, max_size=4), min_size=1, max_size=5))
def test_any_text_survives_going_out_and_coming_in(rows: list[list[str]]) -> None:
    titles = ["uno", "due", "tre", "quattro"]
    out = "".join(csv_lines(titles, rows)).encode()
    came = [[plain_cell(cell) for cell in cells] for cells in read(out, delimiter=";")]
    assert came[1:] == _as_read(rows)
    book = io.BytesIO()
    write_xlsx(book, titles, rows)
    assert read(book.getvalue())[1:] == _as_read(rows)


def _as_read(rows: list[list[str]]) -> list[list[str]]:
    """Empty cells at the end, and empty rows, are not there."""
    trimmed = []
    for row in rows:
        cells = list(row)
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            trimmed.append(cells)
    return trimmed


def test_another_program_reads_our_workbook_as_text_and_dates() -> None:
    file = io.BytesIO()
    row = ["=1+1", 7, date(2025, 5, 3), datetime(2025, 5, 3, 14, 30), None, "<&>\x01"]
    write_xlsx(file, ["a", "b", "c", "d", "e", "f"], [row])
    sheet = openpyxl.load_workbook(file).active
    assert [cell.value for cell in sheet[2]] == [
        "=1+1",
        7,
        datetime(2025, 5, 3),
        datetime(2025, 5, 3, 14, 30),
        None,
        "<&>_x0001_",
    ]
    assert [cell.data_type for cell in sheet[2]][:3] == ["s", "n", "d"]


def test_a_list_leaves_as_csv_or_as_a_workbook() -> None:
    table = ExportTable("contatti", ["chi", "quando"], [["=Anna", date(2025, 5, 3)], [None, None]], 2)
    plain = download(RequestFactory().get("/"), table)
    assert b"".join(plain) == "\ufeffchi;quando\r\n'=Anna;03/05/2025\r\n;\r\n".encode()  # type: ignore[arg-type]
    assert plain["Content-Type"] == "text/csv; charset=utf-8"
    book = download(RequestFactory().get("/?formato=xlsx"), table)
    assert isinstance(book, FileResponse)
    assert read(b"".join(book)) == [["chi", "quando"], ["=Anna", "03/05/2025"]]  # type: ignore[arg-type]
    assert ".xlsx" in book["Content-Disposition"]
    book.file_to_stream.close()  # type: ignore[union-attr]
