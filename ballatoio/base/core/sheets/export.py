"""Tables that leave the program: CSV line by line, or .xlsx, and nothing in them that a spreadsheet would work out."""

import csv
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, BinaryIO
from xml.sax.saxutils import escape

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise

Cell = str | int | date | datetime | None | Promise | object

# How a formula begins (OWASP, «CSV Injection»), also written wide or after signs that are not seen; a cell that has
# apostrophes before one gets another, so that what was written can be had back (plain_cell).
_FORMULA = re.compile(r"'*(?:[\s\x00\ufeff\u200b-\u200f\u2060]*[=+\-@＝＋－＠]|[\t\r\n])")
# Beyond it a browser would wait too long for the whole file; CSV has no limit.
MAX_XLSX_ROWS = 100_000
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What XML cannot hold is written as a spreadsheet does (ECMA-376, part 1, 22.9.2.19).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class ExportTable:
    """A list as it leaves the program: the name of its file, its titles, its rows, and how many they are."""

    name: str
    titles: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    count: int


def safe_cell(value: object) -> str:
    """Give a cell that a spreadsheet takes as text: one that starts like a formula gets an apostrophe (OWASP)."""
    cell = _SURROGATE.sub("?", str(value))
    return f"'{cell}" if _FORMULA.match(cell) else cell


def plain_cell(cell: str) -> str:
    """Give what was written in a cell before safe_cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _written(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{timezone.localtime(value) if timezone.is_aware(value) else value:%d/%m/%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return safe_cell(value)


class _Echo:
    """A file that gives back what is written to it, so that rows leave one by one."""

    def write(self, value: str) -> str:
        return value


def csv_lines(titles: Iterable[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Give the lines of a table for Italian spreadsheets: semicolons, and a byte order mark in front."""
    writer = csv.writer(_Echo(), delimiter=";")
    yield "\ufeff" + writer.writerow([_written(title) for title in titles])
    for row in rows:
        yield writer.writerow([_written(cell) for cell in row])


def write_xlsx(file: BinaryIO | IO[bytes], titles: Iterable[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table as an .xlsx, row by row: texts are texts whatever they look like, dates are dates."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(_SHEET_START.encode())
            sheet.write(_xlsx_row(list(titles), style=1).encode())
            for row in rows:
                sheet.write(_xlsx_row(row).encode())
            sheet.write(b"</sheetData></worksheet>")


def _xlsx_row(cells: Sequence[Cell], style: int = 0) -> str:
    return f"<row>{''.join(_xlsx_cell(cell, style) for cell in cells)}</row>"


def _xlsx_cell(value: Cell, style: int) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"<c><v>{value}</v></c>"
    if isinstance(value, datetime):
        moment = timezone.make_naive(value) if timezone.is_aware(value) else value
        days = (moment - datetime(1899, 12, 30)).total_seconds() / 86_400  # noqa: DTZ001 (a spreadsheet has no zone)
        return f'<c s="3"><v>{days:.9f}</v></c>'
    if isinstance(value, date):
        return f'<c s="2"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    text = _NOT_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", _SURROGATE.sub("?", str(value)))
    marked = f' s="{style}"' if style else ""
    return f'<c t="inlineStr"{marked}><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def download(request: HttpRequest, table: ExportTable) -> HttpResponseBase:
    """Answer with a table as a file: CSV, or .xlsx when the address says `formato=xlsx`.

    What is too long for an .xlsx is said on a page, with the way to the CSV.
    """
    name = f"{table.name}-{timezone.localdate():%Y-%m-%d}"
    if request.GET.get("formato") != "xlsx":
        response = StreamingHttpResponse(csv_lines(table.titles, table.rows), content_type=CSV_TYPE)
        response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return response
    if table.count > MAX_XLSX_ROWS:
        return render(request, "core/too_many_rows.html", {"count": table.count, "most": MAX_XLSX_ROWS}, status=422)
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the answer closes it)
    write_xlsx(file, table.titles, table.rows)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)


_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS = {
    "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>',
    "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
    '<sheets><sheet name="Foglio1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    # Styles: as it is, bold, date, date and time.
    "xl/styles.xml": f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>'
    '<numFmt numFmtId="165" formatCode="dd/mm/yyyy hh:mm"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
_SHEET_START = (
    f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
    '<sheetFormatPr defaultColWidth="18" defaultRowHeight="15"/><sheetData>'
)
