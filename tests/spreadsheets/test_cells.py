"""Cells as people fill them in."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballatoio.oversight.spreadsheets.cells import (
    BadCell,
    find_phones,
    is_nobody,
    read_birth,
    read_day,
    read_time,
    split_name,
)

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("written", "day", "at"),
    [
        ("3/5/2025", date(2025, 5, 3), None),
        ("03/05/25", date(2025, 5, 3), None),
        ("3-5-2025", date(2025, 5, 3), None),
        ("3.5.25", date(2025, 5, 3), None),
        ("3 / 5 / 2025", date(2025, 5, 3), None),
        ("2025-05-03", date(2025, 5, 3), None),
        ("2025-05-03T14:30:00", date(2025, 5, 3), time(14, 30)),
        ("03/05/2025 14:30", date(2025, 5, 3), time(14, 30)),
        ("3/5/25 ore 9", date(2025, 5, 3), time(9)),
        ("3/5/25, 14.30", date(2025, 5, 3), time(14, 30)),
        ("3 maggio 2025", date(2025, 5, 3), None),
        ("3 MAGGIO 25", date(2025, 5, 3), None),
        ("3 mag 2025", date(2025, 5, 3), None),
        ("3-mag-25", date(2025, 5, 3), None),
        ("sab 3 maggio 2025", date(2025, 5, 3), None),
        ("sabato 3/5/2025", date(2025, 5, 3), None),
        ("giovedì 1° maggio 2025", date(2025, 5, 1), None),
        ("3 di maggio del 2025", date(2025, 5, 3), None),
        ("3 sett. 2025", date(2025, 9, 3), None),
        ("45780", date(2025, 5, 3), None),
        ("45780.5", date(2025, 5, 3), time(12)),
        ("45780,604166", date(2025, 5, 3), time(14, 30)),
        ("29/2/2024", date(2024, 2, 29), None),
        ("2/3/26", TODAY, None),
        ("31/12/99", date(1999, 12, 31), None),
    ],
)
def test_days_as_one_writes_them(written: str, day: date, at: time | None) -> None:
    assert read_day(written, TODAY) == (day, at)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("31/02/2025", "«31/02/2025» non esiste: correggi il foglio e ricaricalo."),
        ("29/2/2025", "«29/2/2025» non esiste: correggi il foglio e ricaricalo."),
        ("5/13/2025", "«5/13/2025» ha il mese prima del giorno: correggi il foglio e ricaricalo."),
        ("3/5", "«3/5» è senza l’anno: correggi il foglio e ricaricalo."),
        ("3/3/2026", "«3/3/2026» deve ancora venire: correggi il foglio e ricaricalo."),
        ("3/5/1925", "«3/5/1925» è troppo lontano: correggi il foglio e ricaricalo."),
        ("ieri", "«ieri» non è una data, come 3/5/2025: correggi il foglio e ricaricalo."),
        ("3 brumaio 2025", "«3 brumaio 2025» non è una data, come 3/5/2025: correggi il foglio e ricaricalo."),
        ("#REF!", "«#REF!» non è una data, come 3/5/2025: correggi il foglio e ricaricalo."),
    ],
)
def test_days_that_cannot_be(written: str, why: str) -> None:
    with pytest.raises(BadCell) as refusal:
        read_day(written, TODAY)
    assert str(refusal.value) == why


@given(st.text(max_size=30))
def test_no_text_at_all_breaks_the_reader_of_days(written: str) -> None:
    try:
        day, _at = read_day(written, TODAY)
    except BadCell:
        return
    assert date(1990, 1, 1) <= day <= TODAY


@given(st.dates(date(1990, 1, 1), TODAY), st.sampled_from(["%d/%m/%Y", "%d-%m-%y", "%d.%m.%Y", "%Y-%m-%d"]))
def test_every_day_is_read_back(day: date, shape: str) -> None:
    assert read_day(f"{day:{shape}}", TODAY)[0] == day


@pytest.mark.parametrize(
    ("written", "at"),
    [("14:30", time(14, 30)), ("14.30", time(14, 30)), ("9", time(9)), ("ore 9", time(9)), ("alle 9,15", time(9, 15))],
)
def test_hours(written: str, at: time) -> None:
    assert read_time(written) == at


@pytest.mark.parametrize("written", ["25:00", "mattina", "9:75"])
def test_hours_that_are_none(written: str) -> None:
    with pytest.raises(BadCell, match="non è un’ora"):
        read_time(written)


@pytest.mark.parametrize(
    ("written", "born"),
    [
        ("1980", (None, 1980)),
        ("3/5/1950", (date(1950, 5, 3), 1950)),
        ("3/5/50", (date(1950, 5, 3), 1950)),
        ("3/5/20", (date(2020, 5, 3), 2020)),
        ("12 dicembre 1961", (date(1961, 12, 12), 1961)),
        ("29221", (date(1980, 1, 1), 1980)),
    ],
)
def test_births(written: str, born: tuple[date | None, int]) -> None:
    assert read_birth(written, TODAY) == born


@pytest.mark.parametrize("written", ["1850", "2030", "3/5/2027", "boh", "31/2/1980"])
def test_births_that_cannot_be(written: str) -> None:
    with pytest.raises(BadCell):
        read_birth(written, TODAY)


@pytest.mark.parametrize(
    ("written", "phones", "beside"),
    [
        ("333 123 4567", ("+39 333 123 4567",), ""),
        ("333/1234567", ("+39 333 123 4567",), ""),
        ("3331234567.0", ("+39 333 123 4567",), ""),
        ("0039 333 1234567", ("+39 333 123 4567",), ""),
        ("212345678", ("+39 02 1234 5678",), ""),
        ("02 123 4567", ("+39 02 123 4567",), ""),
        ("333 1234567 (figlia)", ("+39 333 123 4567",), "figlia"),
        ("333 1234567 / 347 7654321", ("+39 333 123 4567", "+39 347 765 4321"), ""),
        ("+44 20 7946 0958", ("+44 20 7946 0958",), ""),
        ("", (), ""),
        ("-", (), ""),
        ("n.d.", (), ""),
    ],
)
def test_telephones_as_one_writes_them(written: str, phones: tuple[str, ...], beside: str) -> None:
    assert find_phones(written) == (phones, beside)


@pytest.mark.parametrize("written", ["12", "chiamare la figlia", "333"])
def test_telephones_that_are_none(written: str) -> None:
    with pytest.raises(BadCell):
        find_phones(written)


@given(st.text(max_size=40))
def test_no_text_at_all_breaks_the_reader_of_telephones(written: str) -> None:
    try:
        phones, _beside = find_phones(written)
    except BadCell:
        return
    assert all(phone.startswith("+") for phone in phones)


@pytest.mark.parametrize(
    ("written", "given_first", "family_first"),
    [
        ("Mario Rossi", ("Mario", "Rossi"), ("Rossi", "Mario")),
        ("ROSSI MARIO", ("Rossi", "Mario"), ("Mario", "Rossi")),
        ("Rossi, Mario", ("Mario", "Rossi"), ("Mario", "Rossi")),
        ("Maria De Luca", ("Maria", "De Luca"), ("De Luca", "Maria")),
        ("De Luca Maria Grazia", ("De Luca Maria", "Grazia"), ("Maria Grazia", "De Luca")),
        ("Youssef Ben Ali", ("Youssef", "Ben Ali"), ("Ben Ali", "Youssef")),
        ("Amina", ("Amina", ""), ("Amina", "")),
        ("王小明", ("王小明", ""), ("王小明", "")),
        ("محمد حداد", ("محمد", "حداد"), ("حداد", "محمد")),
    ],
)
def test_names_written_together(written: str, given_first: tuple[str, str], family_first: tuple[str, str]) -> None:
    assert split_name(written, family_first=False) == given_first
    assert split_name(written, family_first=True) == family_first


def test_nobody_is_written_in_many_ways() -> None:
    assert [is_nobody(text) for text in ("", "-", "Anonimo", "N.D.", "xxx", "non noto", "Anonima Rossi")] == [
        *(True, True, True, True, True, True),
        False,
    ]
