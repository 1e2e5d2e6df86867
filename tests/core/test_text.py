"""What people type, and codes that are read aloud."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballatoio.base.core.ids import CODE_ALPHABET, clean_code, new_code, new_id
from ballatoio.base.core.text import normalise, words


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("  Viale Omèro, 12/A ", "viale omero 12 a"),
        ("D'Annunzio", "d annunzio"),
        ("STRASSE ß", "strasse ss"),
        ("محمّد", "محمد"),
        ("李 明", "李 明"),
        ("___", ""),
    ],
)
def test_text_is_made_comparable(typed: str, compared: str) -> None:
    assert normalise(typed) == compared


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_words_come_once_and_in_order() -> None:
    assert words("via Via, Odazio 7 odazio") == ["via", "odazio", "7"]


def test_a_code_is_recognised_however_it_is_copied() -> None:
    code = new_code()
    assert len(code) == 10
    assert set(code) <= set(CODE_ALPHABET)
    assert clean_code(f" {code[:5].lower()}-{code[5:]} ") == code


def test_identifiers_follow_time() -> None:
    made = [new_id() for _ in range(200)]
    assert made == sorted(made)
    assert {identifier.version for identifier in made} == {7}
