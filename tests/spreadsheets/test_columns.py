"""What a sheet looks like before anybody says so."""

import random

import pytest

from ballatoio.base.labs.models import Lab
from ballatoio.base.territory.models import Building
from ballatoio.demo.sheets import desk_log, register
from ballatoio.oversight.spreadsheets.columns import describe_columns, find_header_row, heading_of, letter
from ballatoio.oversight.spreadsheets.targets import TARGETS
from ballatoio.oversight.spreadsheets.values import (
    ValueLists,
    guess_language,
    listed_words,
    split_languages,
    split_topics,
)
from tests.factories import make_service, make_term, make_user
from tests.spreadsheets.conftest import LOG, REGISTER, TODAY


def numbered(rows: list[list[str]]) -> list[tuple[int, list[str]]]:
    return [(number, cells) for number, cells in enumerate(rows, start=1) if cells]


def guesses(rows: list[list[str]], kind: str) -> tuple[int, list[str]]:
    header_row = find_header_row(numbered(rows), kind)
    return header_row, [column.guess for column in describe_columns(numbered(rows), header_row, kind)]


def test_headings_are_found_under_titles_and_say_what_the_columns_are(dice: random.Random) -> None:
    assert guesses(desk_log(dice, 40, today=TODAY), "desk_log") == (
        4,
        [
            *("date", "time", "full_name", "phone", "language", "channel", "topic", "words", "answer", "service"),
            *("state", "operator", "building", "note", "note", ""),
        ],
    )
    assert guesses(register(dice, 20, today=TODAY), "register") == (
        1,
        [
            *("family_name", "given_name", "phone", "birth", "languages_spoken", "address", "address", "email"),
            "notes",
        ],
    )


def test_the_small_examples_of_these_tests_are_understood() -> None:
    assert guesses(LOG, "desk_log")[1] == [
        *("date", "full_name", "phone", "language", "topic", "words", "answer", "operator"),
    ]
    assert guesses(REGISTER, "register")[1] == [
        *("family_name", "given_name", "phone", "birth", "languages_spoken", "address", "notes"),
    ]


def test_without_headings_the_values_say_what_they_can() -> None:
    rows = [["3/5/2025", "Amina", "333 1234567", "a@b.it"], ["4/5/2025", "Farid", "333 7654321", "c@d.it"]]
    assert guesses(rows, "desk_log") == (0, ["date", "", "phone", ""])
    assert guesses(rows, "register") == (0, ["known_since", "", "phone", "email"])


def test_columns_with_the_same_heading_and_without_any_have_names() -> None:
    columns = describe_columns(numbered([["Note", "", "Note"], ["a", "b", "c", "d"]]), 1, "desk_log")
    assert [heading_of(columns, n) for n in range(4)] == ["Note (1)", "Colonna B", "Note (2)", "Colonna D"]
    assert [letter(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_column_knows_its_words_and_how_often() -> None:
    rows = [["Argomento"], ["casa"], ["casa"], [""], ["lavoro"], ["x" * 200]]
    column = describe_columns([(n, row) for n, row in enumerate(rows, 1)], 1, "desk_log")[0]
    assert (column.filled, column.values, column.examples) == (
        4,
        {"casa": 2, "lavoro": 1},
        ["casa", "lavoro", "x" * 80],
    )


def test_every_field_is_explained_and_none_is_named_twice() -> None:
    for targets in TARGETS.values():
        assert len({target.name for target in targets}) == len(targets)
        assert [target.name for target in targets if not target.help or not target.words] == []


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *(("italiano", "it"), ("ITA", "it"), ("", "it"), ("Arabo egiziano", "ar"), ("العربية", "ar"), ("ar", "ar")),
        *(("spagnola", "other"), ("Spagnolo", "es"), ("cin", "zh-hans"), ("中文", "zh-hans"), ("bangla", "bn")),
        *(("rumeno", "ro"), ("wolof", "other"), ("inglese (poco)", "en")),
    ],
)
def test_languages_under_many_names(written: str, code: str) -> None:
    assert guess_language(written) == code


def test_several_words_in_one_cell() -> None:
    assert split_languages("arabo, francese / italiano e inglese") == ["arabo", "francese", "italiano", "inglese"]
    assert split_topics("casa, lavoro,, casa", "comma") == ["casa", "lavoro"]
    assert split_topics("casa, lavoro", "") == ["casa, lavoro"]


@pytest.mark.django_db
def test_words_are_guessed_from_what_the_lab_has(mazzini: Lab) -> None:
    anna = make_user("Anna Colombo", mazzini, "desk")
    make_user("Anna Riva", mazzini, "desk")
    make_user("Lucia Conti", mazzini, "interpreter")
    rent = make_term("Affitto")
    caf = make_service(mazzini, "CAF di quartiere")
    lists = ValueLists(mazzini, {"topic": {"boh": rent.code}})
    guessed = {
        ("topic", "AFFITTO"): rent.code,
        ("topic", "affit"): rent.code,
        ("topic", "boh"): rent.code,
        ("topic", "astronomia"): "",
        ("operator", "anna c."): str(anna.pk),
        ("operator", "AC"): str(anna.pk),
        ("operator", "anna"): "",
        ("operator", "Lucia"): "",
        ("service", "caf"): caf.slug,
        ("channel", "Telefonata"): "phone",
        ("channel", "colombofonia"): "walk_in",
        ("state", "in attesa dell’ente"): "waiting",
        ("state", "risolto"): "closed",
    }
    assert {key: lists.meaning(*key) for key in guessed} == guessed
    assert Building.objects.count() == 0


@pytest.mark.django_db
def test_only_the_most_frequent_words_are_asked_about(mazzini: Lab) -> None:
    rows = [["Argomento"], *([f"tema {n % 90}"] for n in range(200)), ["TEMA 3"]]
    columns = describe_columns([(n, row) for n, row in enumerate(rows, 1)], 1, "desk_log")
    words, others = listed_words(ValueLists(mazzini), "desk_log", columns, {"0": "topic"}, "")["topic"]
    assert (len(words), others, words[0].written, words[0].times) == (60, 30, "tema 3", 4)
