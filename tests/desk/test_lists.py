"""The ways by which a list is found are for speed only: the contacts and their number are always the same."""

from itertools import product

import pytest
from django.http import QueryDict
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from ballatoio.base.accounts.models import User
from ballatoio.base.directory import term_index as terms
from ballatoio.base.directory.models import NeedTerm
from ballatoio.base.labs.models import Lab
from ballatoio.care.desk import lists
from ballatoio.care.desk.forms import DeskLists
from ballatoio.care.desk.lists import ContactFilter
from ballatoio.care.desk.models import Contact
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from tests.factories import make_contact, make_person, make_term

ANSWERS = (AnswerGiven(kind="information", text="Si fa il martedì"),)
FILTERS = [
    *("q=haddad", "q=affitto", "q=haddad+affitto", "q=nessuno", "canale=phone", "q=affitto&canale=phone"),
    *("bisogno=casa", "bisogno=affitto", "bisogno=senza", "bisogno=casa&chi=conosciuto", "stato=aperti"),
    *("stato=closed", "bisogno=casa&stato=closed", "bisogno=casa&q=haddad", "stato=closed&q=affitto&chi=anonimo"),
]


@pytest.fixture
def desk_life(mazzini: Lab, milo: Lab, anna: User, bruno: User) -> None:
    """Contacts of every kind, some with two needs of one branch; a colleague elsewhere has the same."""
    house = make_term("Casa")
    rent, papers = make_term("Affitto", parent=house), make_term("Documenti")
    for lab, by in ((mazzini, anna), (milo, bruno)):
        amina = make_person(lab)
        for term, person, channel in product((rent, papers, None), (amina, None), ("phone", "walk_in")):
            told = NeedHeard(term=term, words="" if term else "acqua", answers=ANSWERS, told=True)
            make_contact(lab, by, told, NeedHeard(term=house), person=person, channel=channel)
            make_contact(lab, by, told, person=person, channel=channel)


def found(mazzini: Lab, anna: User, query: str) -> tuple[list[Contact], int]:
    form = ContactFilter(QueryDict(query), lists=DeskLists(mazzini, anna))
    return list(form.contacts()), form.total()


@pytest.mark.usefixtures("desk_life")
@pytest.mark.parametrize("query", FILTERS)
def test_frequent_and_rare_filters_find_the_same_contacts(
    query: str, mazzini: Lab, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = found(mazzini, anna, query)
    monkeypatch.setattr(lists, "COUNTED", 0)
    frequent = found(mazzini, anna, query)
    assert frequent[0] == rare[0]
    assert {contact.lab_id for contact in rare[0]} <= {mazzini.pk}
    assert (len(rare[0]), frequent[1]) == (rare[1], min(rare[1], 1))
    assert bool(rare[0]) == ("nessuno" not in query)


def test_the_taxonomy_is_read_once_and_again_when_it_is_old(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.NEED_TERMS_KEPT = 60
    terms.forget_kept()
    make_term("Affitto")
    now = 1000.0
    monkeypatch.setattr(terms, "monotonic", lambda: now)
    terms.active_terms()
    NeedTerm.objects.update(name="Canone")
    with django_assert_num_queries(0):
        assert [term.name for term in terms.active_terms()] == ["Affitto"]
    now += 60
    assert [term.name for term in terms.active_terms()] == ["Canone"]
    terms.forget_kept()
