"""Reading files of services: CSV with a header, or JSON. Nothing is written here (see services.import_services).

CSV columns (UTF-8, comma or semicolon; the first four are needed, the others may be missing or empty):
  code                 short name of the service, unique in the lab, also its address on the web: caf-di-quartiere
  name, description    what it is called, what it does
  organisation         who offers it; made anew when the lab does not know it yet; «lab» is the lab itself
  eligibility, application_process, fees, accessibility, area, alert      texts of the sheet
  needs                codes of the needs that it answers, separated by semicolons or spaces
  hours                lun-ven 9:30-12:30, 14-17; sab 9-12
  special_days         24/12/2026 chiuso: vigilia; 7/1/2027 9-12
  address, lat, lon, phone, email, url
  languages            codes of the languages spoken, separated by spaces: it ar en
  interpretation       sì or no
  status               active, temporarily closed, inactive, defunct
  verified_on          day on which somebody checked the sheet: 2026-11-03 or 3/11/2026
  name_en, description_ar, …   the same texts in another language; they come in as drafts
JSON is a list of objects (or {"services": […]}) with the same names, where lists may be lists, and with two shapes
more: texts by language ({"it": {"name": …}, "ar": {…}}), and "places", one object for each lab (its slug in "lab")
with the address there, for a service that several labs have.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.labs.models import Lab

from .models import Service
from .schedules import TypedDay, TypedHours, parse_hours, parse_special_days
from .texts import LANGUAGE_NAMES, SERVICE_FIELDS, SOURCE_LANGUAGE

MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 5_000
# As the file names them → as the sheet does.
TEXT_COLUMNS = {
    "name": "name",
    "description": "description",
    "eligibility": "eligibility_description",
    "application_process": "application_process",
    "fees": "fees_description",
    "accessibility": "accessibility",
    "area": "service_area",
    "alert": "alert",
}
NEEDED = ("code", "name", "organisation", "description")
OTHER_COLUMNS = (
    *("code", "organisation", "needs", "hours", "special_days", "address", "lat", "lon", "phone", "email", "url"),
    *("languages", "interpretation", "status", "verified_on"),
)
COLUMNS = frozenset({*TEXT_COLUMNS, *OTHER_COLUMNS})
YES = frozenset({"sì", "si", "s", "yes", "y", "1", "true", "vero", "x"})
NO = frozenset({"", "no", "n", "0", "false", "falso"})
_CODE = re.compile(r"^[a-z0-9][a-z0-9-]{0,79}$")


class FileNotReadable(Exception):
    """The file is not what was expected; the message says what to do."""


@dataclass(frozen=True)
class RowError:
    """What is wrong in one place of the file, in words for whoever made it."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        where = _("riga %(row)s") % {"row": self.row} if self.row else _("file")
        return f"{where}, {self.column}: {self.message}" if self.column else f"{where}: {self.message}"


@dataclass
class ServiceRow:
    """One service as the file has it, checked but for what only the database knows."""

    row: int
    code: str = ""
    organisation: str = ""
    needs: list[str] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    hours: list[TypedHours] = field(default_factory=list)
    special_days: list[TypedDay] = field(default_factory=list)
    translations: dict[str, dict[str, str]] = field(default_factory=dict)


def read_services(file: BinaryIO, lab: Lab) -> tuple[list[ServiceRow], list[RowError]]:
    """Give the services of `lab` in a file and everything that is wrong with it, row by row.

    Raise FileNotReadable when the file as a whole cannot be read: too big, not UTF-8, neither CSV nor JSON.
    """
    rows: list[ServiceRow] = []
    errors: list[RowError] = []
    seen: dict[str, int] = {}
    for number, record in _records(_text_of(file), lab):
        if len(rows) >= MAX_ROWS:
            raise FileNotReadable(
                _("Il file ha più di %(rows)s righe: dividilo in file più piccoli.") % {"rows": MAX_ROWS}
            )
        row, wrong = _check(number, record)
        if row.code and row.code in seen:
            wrong.append(RowError(number, "code", _("c’è già alla riga %(row)s") % {"row": seen[row.code]}))
        seen.setdefault(row.code, number)
        rows.append(row)
        errors.extend(wrong)
    if not rows:
        raise FileNotReadable(_("Nel file non c’è nessun servizio."))
    return rows, errors


def _text_of(file: BinaryIO) -> str:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise FileNotReadable(_("Il file supera 10 MB: dividilo in file più piccoli."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileNotReadable(
            _("Il file non è scritto in UTF-8: salvalo di nuovo come «CSV UTF-8» e riprova.")
        ) from None


def _records(text: str, lab: Lab) -> Iterator[tuple[int, dict[str, Any]]]:
    if text.lstrip()[:1] in ("{", "["):
        return _json_records(text, lab)
    return _csv_records(text)


def _csv_records(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True)
    try:
        names = [(name or "").strip() for name in reader.fieldnames or []]
        missing = [name for name in NEEDED if name not in names]
        if missing:
            raise FileNotReadable(
                _("Nella prima riga mancano le colonne %(columns)s.") % {"columns": ", ".join(missing)}
            )
        reader.fieldnames = names
        for record in reader:
            if None in record:
                raise FileNotReadable(
                    _("La riga %(row)s ha più caselle della prima riga: controlla virgole e virgolette.")
                    % {"row": reader.line_num}
                )
            yield reader.line_num, {name: (value or "").strip() for name, value in record.items()}
    except csv.Error as error:
        raise FileNotReadable(
            _("Alla riga %(row)s il file non è un CSV: controlla le virgolette.") % {"row": reader.line_num}
        ) from error


def _json_records(text: str, lab: Lab) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise FileNotReadable(_("Alla riga %(row)s il file non è un JSON valido.") % {"row": line}) from error
    listed = content.get("services") if isinstance(content, dict) else content
    if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
        raise FileNotReadable(_("Il JSON deve essere un elenco di servizi."))
    for number, record in enumerate(listed, start=1):
        flat = _flatten(record, lab)
        if flat is not None:
            yield number, flat


def _flatten(record: Mapping[str, Any], lab: Lab) -> dict[str, Any] | None:
    """Bring a JSON record to the shape of a CSV row; None when the service is not one of this lab."""
    flat = dict(record)
    places = flat.pop("places", None)
    if places is not None:
        here = next((place for place in places if place.get("lab") == lab.slug), None)
        if here is None:
            return None
        flat |= {name: value for name, value in here.items() if name != "lab"}
    for language in LANGUAGE_NAMES:
        for name, value in (flat.pop(language, None) or {}).items():
            flat[name if language == SOURCE_LANGUAGE else f"{name}_{language}"] = value
    if "exceptions" in flat:
        flat["special_days"] = [_special_line(day) for day in flat.pop("exceptions")]
    if "verified_days_ago" in flat:
        flat["verified_on"] = (timezone.localdate() - timedelta(days=flat.pop("verified_days_ago"))).isoformat()
    return {name: _cell(value) for name, value in flat.items()}


def _cell(value: Any) -> str:
    """Give a value of a JSON file as a CSV has it: lists one item on a line."""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value).strip()


def _special_line(day: Mapping[str, Any]) -> str:
    """Give a special day of a JSON file as a line: its date, or in how many days from today."""
    on = day.get("on") or (timezone.localdate() + timedelta(days=int(day.get("in_days", 0)))).isoformat()
    what = "chiuso" if day.get("closed") or not day.get("opens") else f"{day['opens']}-{day['closes']}"
    return f"{on} {what}" + (f": {day['note']}" if day.get("note") else "")


def _check(number: int, record: Mapping[str, str]) -> tuple[ServiceRow, list[RowError]]:
    """Turn a record into a checked row, with everything that is wrong in it."""
    row = ServiceRow(number, code=record.get("code", ""), organisation=record.get("organisation", ""))
    errors = [RowError(number, name, _("manca")) for name in NEEDED if not record.get(name)]
    if row.code and not _CODE.match(row.code):
        errors.append(RowError(number, "code", _("usa solo lettere minuscole senza accenti, numeri e trattini")))
    row.needs = re.split(r"[;,\s]+", record.get("needs", "")) if record.get("needs") else []
    for name, value in record.items():
        if name in TEXT_COLUMNS:
            row.columns[TEXT_COLUMNS[name]] = value
        elif name not in COLUMNS and value:
            errors.extend(_read_translation(row, name, value))
    for name, read in _READERS.items():
        try:
            read(row, record.get(name, ""))
        except (ValueError, ValidationError) as error:
            message = error.messages[0] if isinstance(error, ValidationError) else str(error)
            errors.append(RowError(number, name, message))
    errors.extend(_too_long(row))
    return row, errors


def _read_translation(row: ServiceRow, name: str, value: str) -> list[RowError]:
    base, _separator, language = name.rpartition("_")
    if base not in TEXT_COLUMNS or language not in LANGUAGE_NAMES:
        return [RowError(row.row, name, _("questa colonna non esiste"))]
    row.translations.setdefault(language, {})[TEXT_COLUMNS[base]] = value
    return []


def _too_long(row: ServiceRow) -> Iterator[RowError]:
    for name in (*SERVICE_FIELDS, "address", "phone", "url"):
        limit = getattr(Service._meta.get_field(name), "max_length", None)
        if limit and len(row.columns.get(name, "")) > limit:
            yield RowError(row.row, name, _("è più lungo di %(limit)s caratteri") % {"limit": limit})
    if len(row.organisation) > 160:
        yield RowError(row.row, "organisation", _("è più lungo di %(limit)s caratteri") % {"limit": 160})


def _read_hours(row: ServiceRow, text: str) -> None:
    row.hours = parse_hours(text)


def _read_special_days(row: ServiceRow, text: str) -> None:
    row.special_days = parse_special_days(text)


def _read_plain(name: str) -> Any:
    def read(row: ServiceRow, text: str) -> None:
        row.columns[name] = text

    return read


def _read_coordinate(name: str, low: float, high: float) -> Any:
    def read(row: ServiceRow, text: str) -> None:
        row.columns[name] = None
        if text:
            try:
                row.columns[name] = float(text.replace(",", "."))
            except ValueError:
                raise ValueError(_("non è un numero")) from None
            if not low <= row.columns[name] <= high:
                raise ValueError(_("non è un punto della Terra"))

    return read


def _read_email(row: ServiceRow, text: str) -> None:
    row.columns["email"] = text
    if text:
        EmailValidator()(text)


def _read_url(row: ServiceRow, text: str) -> None:
    row.columns["url"] = text
    if text:
        URLValidator(schemes=["http", "https"])(text)


def _read_languages(row: ServiceRow, text: str) -> None:
    codes = [code for code in re.split(r"[;,\s]+", text.lower()) if code]
    unknown = [code for code in codes if code not in LANGUAGE_NAMES]
    if unknown:
        raise ValueError(
            _("non conosco %(codes)s; le lingue sono %(known)s")
            % {"codes": ", ".join(unknown), "known": ", ".join(LANGUAGE_NAMES)}
        )
    row.columns["languages"] = codes


def _read_interpretation(row: ServiceRow, text: str) -> None:
    if text.lower() not in YES | NO:
        raise ValueError(_("scrivi sì o no"))
    row.columns["interpretation_services"] = text.lower() in YES


def _read_status(row: ServiceRow, text: str) -> None:
    status = text.lower().replace("_", " ") or Service.Status.ACTIVE
    if status not in Service.Status.values:
        raise ValueError(_("scrivi uno di questi: %(known)s") % {"known": ", ".join(Service.Status.values)})
    row.columns["status"] = status


def _read_verified(row: ServiceRow, text: str) -> None:
    row.columns["last_verified_on"] = None
    if not text:
        return
    try:
        on = date.fromisoformat(text) if "-" in text else date(*map(int, reversed(text.split("/"))))
    except (ValueError, TypeError):
        raise ValueError(_("non è una data: scrivi per esempio 3/11/2026")) from None
    if on > timezone.localdate():
        raise ValueError(_("è nel futuro"))
    row.columns["last_verified_on"] = on


_READERS = {
    "hours": _read_hours,
    "special_days": _read_special_days,
    "address": _read_plain("address"),
    "phone": _read_plain("phone"),
    "lat": _read_coordinate("lat", -90, 90),
    "lon": _read_coordinate("lon", -180, 180),
    "email": _read_email,
    "url": _read_url,
    "languages": _read_languages,
    "interpretation": _read_interpretation,
    "status": _read_status,
    "verified_on": _read_verified,
}
