"""Finding a person while one types."""

import random
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.core.search import prefix_filter, prefix_order
from ballatoio.base.core.text import normalise
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.indexing import index_people
from ballatoio.base.people.lookup import duplicate_hints, is_too_short, search_people
from ballatoio.base.people.models import Household, Person, PersonKey
from ballatoio.base.people.names import name_keys, person_keys, searchable_words
from ballatoio.base.people.phones import phone_keys, read_phone, typed_digits
from ballatoio.base.people.services import register_person, set_identifier
from ballatoio.base.people.sounds import sounds
from tests.factories import make_user

NAMES = [
    ("Mario", "Rossi", ""),
    ("Maria", "Rossini", ""),
    ("Rosa", "Marino", ""),
    ("Mohamed", "El Sayed", "Moh"),
    ("Nguyễn", "Thị Hoa", ""),
    ("小明", "王", "Xiaoming"),
    ("রহিমা", "খাতুন", "Rahima Khatun"),
    ("محمد", "حداد", "Muhammad Haddad"),
    ("Anna", "D'Angelo", ""),
    ("Giuseppe", "De Luca", ""),
    ("Lucia", "Corso", ""),
]


@pytest.fixture
def crowd(mazzini: Lab, anna: User) -> dict[str, Person]:
    people = {}
    for number, (given_name, family_name, pronounced) in enumerate(NAMES):
        person = register_person(
            mazzini,
            by=anna,
            given_name=given_name,
            family_name=family_name,
            pronounced=pronounced,
            phone=f"333 12345{number:02}",
        )
        people[family_name] = person
    return people


def found(user: User, lab: Lab, text: str) -> set[str]:
    return {person.family_name for person in search_people(user, lab, text)}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ros", {"Rossi", "Rossini", "Marino"}),
        ("ROSSI", {"Rossi", "Rossini"}),
        ("mar ros", {"Rossi", "Rossini", "Marino"}),
        ("rossi mario", {"Rossi"}),
        ("mario rossi ", {"Rossi"}),
        ("nguyen", {"Thị Hoa"}),
        ("hoa thi nguyen", {"Thị Hoa"}),
        ("王小", {"王"}),
        ("小明", {"王"}),
        ("xiao", {"王"}),
        ("রহিমা", {"খাতুন"}),
        ("rahima", {"খাতুন"}),
        # Whatever alphabet one types in, all who are called so are found.
        ("محمد", {"حداد", "El Sayed"}),
        ("مُحَمَّد", {"حداد", "El Sayed"}),
        ("elsayed", {"El Sayed"}),
        ("el sayed", {"El Sayed"}),
        ("angelo", {"D'Angelo"}),
        ("d'angelo", {"D'Angelo"}),
        ("dangelo anna", {"D'Angelo"}),
        ("deluca", {"De Luca"}),
        ("corso", {"Corso"}),
        ("corso lucia", {"Corso"}),
        # Spelled otherwise: found by the sound only when nothing begins so.
        ("muhamad", {"El Sayed", "حداد"}),
        ("giusepe", {"De Luca"}),
        ("sayd mohammed", {"El Sayed"}),
        ("xyzzy", set()),
        ("rossi xyzzy", set()),
        # Telephones, in any form.
        ("333 123 4500", {"Rossi"}),
        ("+39 333 12.345.00", {"Rossi"}),
        ("0039-333-1234500", {"Rossi"}),
        ("393331234500", {"Rossi"}),
        ("(333) 1234500", {"Rossi"}),
        ("345", set()),
        # Too short.
        ("r", set()),
        ("ro", set()),
        ("", set()),
        ("   ", set()),
        ("33", set()),
    ],
)
def test_search(crowd: dict[str, Person], mazzini: Lab, anna: User, typed: str, expected: set[str]) -> None:
    assert found(anna, mazzini, typed) == expected


def test_the_first_digits_of_a_telephone_are_enough(crowd: dict[str, Person], mazzini: Lab, anna: User) -> None:
    assert len(search_people(anna, mazzini, "333 123")) == 10
    assert len(search_people(anna, mazzini, "333 123", limit=25)) == len(NAMES)


def test_the_exact_word_comes_first(mazzini: Lab, anna: User) -> None:
    for name in ("Rossini", "Rossi", "Rossato"):
        register_person(mazzini, by=anna, family_name=name)
    assert [p.family_name for p in search_people(anna, mazzini, "rossi")] == ["Rossi", "Rossini"]


def test_a_codice_fiscale_finds_its_person_without_being_opened(mazzini: Lab, anna: User, bruno: User) -> None:
    mario = register_person(mazzini, by=anna, given_name="Mario")
    set_identifier(mario, by=anna, kind="fiscal_code", value="RSSMRA80A01F205X")
    assert search_people(anna, mazzini, "rssmra 80a01 f205x") == [mario]
    assert search_people(anna, mazzini, "RSSMRA80A01F205Y") == []
    assert search_people(bruno, mazzini, "RSSMRA80A01F205X") == []


def test_an_address_finds_who_lives_there(haddad: Household, amal: Person, karim: Person, anna: User) -> None:
    for typed in ("omero 12", "v.le Omero, 12", "viale omero 12 scala b"):
        assert search_people(anna, haddad.lab, typed) == [amal, karim]
    assert search_people(anna, haddad.lab, "omero 12 scala a") == []
    assert search_people(anna, haddad.lab, "odazio 7") == []


@pytest.mark.parametrize("role", [Role.INTERPRETER, Role.HOUSING_MANAGER, Role.INSTITUTION])
def test_who_does_not_work_with_people_finds_nobody(crowd: dict[str, Person], mazzini: Lab, role: str) -> None:
    other = make_user("Ivo", mazzini, role)
    assert search_people(other, mazzini, "rossi") == []
    assert duplicate_hints(other, mazzini, "Mario", "Rossi", None, "333 1234500") == []


def test_each_lab_finds_its_own_people(
    crowd: dict[str, Person], mazzini: Lab, milo: Lab, anna: User, bruno: User
) -> None:
    twin = register_person(milo, by=bruno, given_name="Mario", family_name="Rossi", phone="333 1234500")
    assert search_people(bruno, milo, "mario rossi") == [twin]
    assert search_people(bruno, mazzini, "rossi") == []
    assert search_people(anna, milo, "rossi") == []
    assert [hint.person_id for hint in duplicate_hints(bruno, milo, "Mario", "Rossi", None, "333 1234500")] == [twin.pk]


def test_a_hint_tells_little(crowd: dict[str, Person], mazzini: Lab, anna: User) -> None:
    [hint] = duplicate_hints(anna, mazzini, "Mario", "Rossi", date(1950, 1, 1))
    assert (hint.name, hint.birth_year, hint.phone_end) == ("Mario Rossi", None, "500")
    assert [h.name for h in duplicate_hints(anna, mazzini, "Tizio", "Caio", None, "+39 3331234501")] == [
        "Maria Rossini"
    ]
    assert duplicate_hints(anna, mazzini, "Tizio", "Caio", None, "333 pippo") == []


def test_another_year_of_birth_is_another_person(mazzini: Lab, anna: User) -> None:
    register_person(mazzini, by=anna, given_name="Mario", family_name="Rossi", birth_year=1980)
    assert duplicate_hints(anna, mazzini, "Mario", "Rossi", 1955) == []
    assert len(duplicate_hints(anna, mazzini, "Mario", "Rossi", date(1980, 5, 1))) == 1


def test_hints_are_at_most_five(mazzini: Lab, anna: User) -> None:
    for _ in range(8):
        register_person(mazzini, by=anna, given_name="Mario", family_name="Rossi", phone="333 1234500")
    assert len(duplicate_hints(anna, mazzini, "Mario", "Rossi", None, "333 1234500")) == 5


@pytest.mark.parametrize(
    "typed", ["ros", "mar ros", "rossi maria xyz", "333 12", "giusepe", "omero 12", "corso lucia", "zzz"]
)
def test_at_most_three_queries(crowd: dict[str, Person], haddad: Household, anna: User, typed: str) -> None:
    anna.labs_as(Role.DESK)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        search_people(anna, haddad.lab, typed)
    assert len(queries) <= 3


def test_hints_cost_five_queries_at_most(
    crowd: dict[str, Person], mazzini: Lab, anna: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    anna.labs_as(Role.DESK)
    with django_assert_max_num_queries(5):
        duplicate_hints(anna, mazzini, "Mario", "Rossi", None, "333 1234500")
        # Found by the telephone, by the name, and by how another alphabet writes it.
    with django_assert_max_num_queries(5):
        found = duplicate_hints(anna, mazzini, "Muhammad", "Hadad", None, "333 1234500")
    assert {hint.name for hint in found} == {"Mario Rossi", "محمد حداد"}


@pytest.mark.parametrize(
    ("typed", "short"),
    [
        ("", True),
        ("ro", True),
        ("li wu", True),
        ("ros", False),
        ("王", True),
        ("王明", False),
        ("12", True),
        ("333", False),
    ],
)
def test_what_is_too_short(typed: str, short: bool) -> None:
    assert is_too_short(typed) is short


@pytest.fixture
def many(mazzini: Lab) -> None:
    """Enough people for the database to prefer an index."""
    dice = random.Random(7)
    syllables = ["ma", "ri", "ro", "si", "ka", "ta", "ne", "lu", "fo", "de"]

    def word() -> str:
        return "".join(dice.choices(syllables, k=4)).title()

    people = [Person(lab=mazzini, given_name=word(), family_name=word()) for _ in range(1500)]
    Person.objects.bulk_create(people)
    index_people((person, [f"+39 333 {number:07}"]) for number, person in enumerate(people))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.parametrize("prefix", ["maro", "3330"])
def test_the_prefix_is_answered_from_the_index(many: None, mazzini: Lab, prefix: str) -> None:
    rows = PersonKey.objects.filter(prefix_filter("key", prefix), lab=mazzini).order_by(prefix_order("key"))
    plan = rows.values("person_id")[:30].explain()
    assert "person_key_prefix" in plan
    assert "Seq Scan" not in plan
    # The order comes from the index too, so that the limit stops the reading.
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_the_order_of_the_prefix_is_by_code_point(many: None, mazzini: Lab) -> None:
    rows = PersonKey.objects.filter(prefix_filter("key", "ma"), lab=mazzini).order_by(prefix_order("key"))
    keys = list(rows.values_list("key", flat=True))
    assert len(keys) > 100
    assert keys == sorted(keys)


def test_a_prefix_with_the_signs_of_a_pattern_is_taken_literally(mazzini: Lab, anna: User) -> None:
    person = register_person(mazzini, by=anna, given_name="Li")
    PersonKey.objects.create(lab=mazzini, person=person, key="a%b_c")
    for prefix, expected in (("a%b_", 1), ("a%", 1), ("a_", 0), ("%", 0)):
        assert PersonKey.objects.filter(prefix_filter("key", prefix)).count() == expected


@given(st.integers(3_200_000_000, 3_999_999_999), st.data())
def test_a_mobile_is_found_however_it_is_written(number: int, data: st.DataObject) -> None:
    digits = str(number)
    kept = read_phone(digits)
    assert phone_keys(kept) == {digits}
    prefix = data.draw(st.sampled_from(["", "+39", "0039", "+39 ", "39"]))
    cuts = data.draw(st.lists(st.integers(0, 9), max_size=4))
    marks = data.draw(st.sampled_from([" ", "-", ".", "/", " - "]))
    written = prefix + "".join(digit + (marks if place in cuts else "") for place, digit in enumerate(digits))
    assert typed_digits(written) == digits
    assert read_phone(written) == kept


@given(st.text(max_size=60), st.text(max_size=60))
def test_every_name_is_found_by_each_of_its_words(given_name: str, family_name: str) -> None:
    keys = name_keys(given_name, family_name)
    assert all(0 < len(key) <= 80 for key in keys)
    for word in searchable_words(f"{given_name} {family_name}"):
        assert any(key.startswith(word) for key in keys)


@given(st.text(max_size=80))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mohamed", "muhammad", "mohammad", "muhamed"), "mhmd"),
        (("hussein", "husain", "ussain", "حسين"), "asn"),
        (("yusuf", "youssef", "يوسف"), "ysf"),
        (("rahima", "রহিমা"), "rhm"),
        (("olena", "elena", "олена"), "aln"),
        (("xiaoming", "小明"), "ksmng"),
        (("giuseppe", "giusepe"), "gsp"),
        (("khaled", "kalid"), "kld"),
        (("محمد", "محمود"), "mhmd"),
    ],
)
def test_names_that_sound_alike(words: tuple[str, ...], told: str) -> None:
    assert {sounds(word)[0] for word in words} == {told}


def test_keys_of_everything_at_once() -> None:
    keys = person_keys("Anna Maria", "De Luca", "Dilùca", ["+39 02 4771 4011"])
    assert {"anna", "maria", "annamaria", "de", "luca", "deluca", "diluca", "0247714011"} <= keys
