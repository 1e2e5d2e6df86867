"""Merge, then undo: as if nothing had been."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.accounts.services import issue_code
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.households import house_household, join_household
from ballatoio.base.people.merge_rows import belongings
from ballatoio.base.people.merging import undo_merge
from ballatoio.base.people.models import (
    EntrySnapshot,
    Household,
    HouseholdDwelling,
    HouseholdMember,
    Person,
    PersonIdentifier,
    PersonKey,
)
from ballatoio.base.people.services import (
    add_contact_point,
    record_consent,
    record_entry_snapshot,
    register_person,
    set_identifier,
)
from ballatoio.base.vault.services import open_texts
from tests.factories import make_contact

from .conftest import fresh, merge

pytestmark = pytest.mark.django_db
SIGN_IN = AccessCode.Purpose.SIGN_IN

# Whatever a merge writes about itself, and what tells versions of a file apart, is not part of the file.
NOT_COMPARED = {"version", "compared_version", "sealed", "data_key_id"}


def everything(people: list[Person]) -> dict[str, Any]:
    """All that the database has about some people, as it can be compared."""
    ids = [person.pk for person in people]
    households = HouseholdMember.objects.filter(person__in=ids).values("household")
    rows: dict[str, Any] = {
        model._meta.label: sorted(
            (_plain(row) for row in model._base_manager.filter(**{f"{field.name}__in": ids}).values()), key=str
        )
        for model, field in belongings()
    }
    rows["dwellings"] = sorted(map(str, HouseholdDwelling.objects.filter(household__in=households).values()))
    rows["people"] = [_plain(row) for row in Person.objects.filter(pk__in=ids).order_by("pk").values()]
    rows["texts"] = [open_texts(fresh(person)) for person in people]
    rows["keys"] = sorted(map(str, PersonKey.objects.filter(person__in=ids).values_list("person_id", "key")))
    rows["codes"] = sorted(map(str, AccessCode.objects.filter(object_id__in=ids).values_list("pk", "object_id")))
    rows["identifiers"] = sorted(
        open_texts(found)["value"] + str(found.person_id)
        for found in PersonIdentifier.objects.filter(person__in=ids).select_related("data_key")
    )
    return rows


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in NOT_COMPARED}


words = st.sampled_from(["", "Mohamed", "Muhammad", "محمد", "De Luca", "Rossi", "Олена"])
languages = st.lists(st.sampled_from(["ar", "fr", "it", "uk"]), max_size=2, unique=True)
births = st.sampled_from([{}, {"birth_year": 1980}, {"birth_date": date(1980, 5, 3)}, {"birth_date": date(1981, 1, 1)}])
file_strategy = st.fixed_dictionaries(
    {
        "given_name": words,
        "family_name": words.filter(bool),
        "pronounced": words,
        "birth": births,
        "languages_spoken": languages,
        "languages_read": languages,
        "interpreter": st.sampled_from(["", "wanted"]),
        "reach_by": st.sampled_from(["", "call"]),
        "notes": st.sampled_from(["", "Ama il tè.", "Viene il martedì."]),
        "accessibility": st.sampled_from(["", "Niente scale."]),
        "phones": st.lists(st.sampled_from(["333 1234567", "333 7654321", "02 4771401"]), max_size=3, unique=True),
        "careful": st.booleans(),
        "documents": st.lists(st.sampled_from(["CA1", "CA2"]), max_size=2, unique=True),
        "sheets": st.lists(st.sampled_from(["9.4", "9.5"]), max_size=2, unique=True),
        "sheet_day": st.integers(1, 9),
        "contacts": st.integers(0, 2),
        "consents": st.integers(0, 1),
        "home": st.sampled_from(["", "shared", "own", "left"]),
        "coded": st.booleans(),
        "seen": st.integers(1, 28),
    }
)
choice = st.sampled_from(["kept", "merged"])
choices_strategy = st.fixed_dictionaries(
    {
        **dict.fromkeys(("given_name", "family_name", "pronounced", "birth", "interpreter", "home"), choice),
        **{name: st.sampled_from(["kept", "merged", "both"]) for name in ("languages_spoken", "notes")},
    }
)


def open_file(lab: Lab, by: User, shared: Household, facts: dict[str, Any]) -> Person:
    """Write down a person as the strategy tells of them."""
    plain = ("given_name", "family_name", "pronounced", "languages_spoken", "languages_read", "interpreter")
    person = register_person(
        lab,
        by=by,
        **{name: facts[name] for name in (*plain, "reach_by", "notes", "accessibility")},
        **facts["birth"],
    )
    for phone in facts["phones"]:
        add_contact_point(person, by=by, kind="phone", value=phone, is_shared=facts["careful"])
    for value in facts["documents"]:
        set_identifier(person, by=by, kind="document", value=value)
    for operation in facts["sheets"]:
        sheet = record_entry_snapshot(person, by=by, operation=operation, has_earlier_contact=True, values={})
        EntrySnapshot.objects.filter(pk=sheet.pk).update(entered_on=date(2026, 1, facts["sheet_day"]))
    for _ in range(facts["contacts"]):
        make_contact(lab, by, person=person)
    for _ in range(facts["consents"]):
        record_consent(person, by=by, scope="recall", text_version="1", how="spoken")
    if facts["home"]:
        member = join_household(person, shared if facts["home"] == "shared" else None, by=by, since=date(2024, 1, 1))
        house_household(member.household, shared.dwellings.get().dwelling, by=by)
        if facts["home"] == "left":
            HouseholdMember.objects.filter(pk=member.pk).update(until=date(2025, 1, 1))
    if facts["coded"]:
        issue_code(person, purpose=SIGN_IN, lab=lab, valid_for=timedelta(days=1), by=by)
    Person.objects.filter(pk=person.pk).update(last_seen_on=date(2026, 2, facts["seen"]))
    return fresh(person)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept_facts=file_strategy, merged_facts=file_strategy, choices=choices_strategy, account=st.sampled_from("-km"))
def test_to_merge_and_to_undo_is_to_do_nothing(
    haddad: Household,
    anna: User,
    farid: User,
    kept_facts: dict[str, Any],
    merged_facts: dict[str, Any],
    choices: dict[str, str],
    account: str,
) -> None:
    with transaction.atomic():
        kept, merged = (open_file(haddad.lab, anna, haddad, facts) for facts in (kept_facts, merged_facts))
        if account != "-":
            Person.objects.filter(pk=(kept if account == "k" else merged).pk).update(user=farid)
        before = everything([kept, merged])
        done = merge(kept, merged, anna, choices=choices, confirmed=True)
        assert everything([kept, merged]) != before
        assert undo_merge(done, by=anna).later == 0
        assert everything([kept, merged]) == before
        transaction.set_rollback(True)
