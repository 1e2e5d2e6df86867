"""Which way a message takes: what people asked for, as far as it harms nobody."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.routes import language_of, other_routes, route_to, way_of
from ballatoio.base.people.households import house_household, join_household, separate_person
from ballatoio.base.people.models import ContactPoint, Person
from tests.factories import make_person
from tests.people.conftest import make_dwelling

from .conftest import reach, told

pytestmark = pytest.mark.django_db
Channel = Delivery.Channel
EMAIL, MOBILE, LANDLINE = "amina@example.org", "+39 333 123 4567", "+39 02 5550 0103"
# What a person may have: name → kind and value of a contact point, and how it may be used.
POINTS: dict[str, tuple[str, str, dict[str, bool]]] = {
    "email": ("email", EMAIL, {}),
    "shared email": ("email", "casa@example.org", {"is_shared": True}),
    "unsafe email": ("email", "marito@example.org", {"safe_to_call": False}),
    "phone": ("phone", MOBILE, {}),
    "shared phone": ("phone", "+39 333 765 4321", {"is_shared": True}),
    "unsafe phone": ("phone", "+39 333 111 1111", {"safe_to_call": False}),
    "landline": ("phone", LANDLINE, {}),
    "messenger": ("messenger", "+39 333 222 2222", {}),
}


def person_with(lab: Lab, *points: str, home: bool = False, **facts: Any) -> Person:
    """Give a person with these points of POINTS, and a home if there is one."""
    person = make_person(lab, **facts)
    for name in points:
        kind, value, how = POINTS[name]
        reach(person, kind, value, **how)
    if home:
        household = join_household(person, by=None, since=date(2020, 1, 1)).household
        house_household(household, make_dwelling(lab), by=None)
    return person


def way(person: Person, wanted: str = "") -> tuple[str, str] | None:
    """Give the channel and where it leads, in short."""
    route = route_to(person, wanted=wanted)
    return (route.channel, route.to) if route else None


@pytest.mark.parametrize(
    ("points", "facts", "expected"),
    [
        # Nobody asked: the quickest.
        (("email", "phone"), {}, (Channel.EMAIL, EMAIL)),
        (("phone",), {}, (Channel.SMS, MOBILE)),
        (("landline",), {}, (Channel.CALL, LANDLINE)),
        (("messenger",), {}, (Channel.COPY, "+39 333 222 2222")),
        ((), {}, None),
        # What they asked for, when it can be done.
        (("email", "phone"), {"reach_by": "call"}, (Channel.CALL, MOBILE)),
        (("email", "phone"), {"reach_by": "copy"}, (Channel.COPY, MOBILE)),
        (("email", "landline"), {"reach_by": "sms"}, (Channel.EMAIL, EMAIL)),
        (("email",), {"reach_by": "nobody"}, None),
        # Who does not read us is called, and only then written to.
        (("email", "phone"), {"languages_spoken": ["ar"]}, (Channel.CALL, MOBILE)),
        (("email", "phone"), {"languages_spoken": ["bn"], "languages_read": ["bn"]}, (Channel.CALL, MOBILE)),
        (("email",), {"languages_spoken": ["bn"]}, (Channel.EMAIL, EMAIL)),
        (("email", "phone"), {"languages_spoken": ["ar"], "languages_read": ["ar"]}, (Channel.EMAIL, EMAIL)),
        # One's own before one that others answer; never one that is not safe.
        (("shared email", "email"), {}, (Channel.EMAIL, EMAIL)),
        (("shared email",), {}, (Channel.EMAIL, "casa@example.org")),
        (("unsafe email", "phone"), {}, (Channel.SMS, MOBILE)),
        (("unsafe email", "unsafe phone"), {}, None),
        # A protected person: nothing shared.
        (("shared email", "shared phone"), {"is_protected": True}, None),
        (("shared email", "phone"), {"is_protected": True}, (Channel.SMS, MOBILE)),
    ],
)
def test_the_way_to_a_person(
    points: tuple[str, ...], facts: dict[str, Any], expected: tuple[str, str] | None, mazzini: Lab
) -> None:
    assert way(person_with(mazzini, *points, **facts)) == expected


def test_a_letter_is_the_last_way_and_has_the_whole_address(mazzini: Lab) -> None:
    mazzini.province = "MI"
    mazzini.save()
    person = person_with(mazzini, home=True)
    assert way(person) == (Channel.LETTER, "viale Omero 12\nscala B, interno 1\nMilano (MI)")


def test_a_letter_to_a_protected_person_is_never_written(mazzini: Lab) -> None:
    assert way(person_with(mazzini, home=True, is_protected=True, reach_by="letter"), wanted="letter") is None


def test_what_the_caller_wants_comes_first_but_not_against_safety(mazzini: Lab) -> None:
    person = person_with(mazzini, "email", "phone", "unsafe phone")
    assert way(person, wanted="call") == (Channel.CALL, MOBILE)
    ContactPoint.objects.filter(value=MOBILE).delete()
    assert way(person, wanted="call") == (Channel.EMAIL, EMAIL)


def test_without_an_sms_service_nothing_goes_by_sms(mazzini: Lab, settings: Settings) -> None:
    settings.SMS_BACKEND = ""
    assert way(person_with(mazzini, "phone", reach_by="sms")) == (Channel.COPY, MOBILE)


@pytest.mark.parametrize(
    ("channel", "language"), [(Channel.CALL, "ar"), (Channel.EMAIL, "en"), (Channel.LETTER, "en"), (Channel.SMS, "en")]
)
def test_a_call_is_in_the_language_spoken_and_the_rest_in_the_one_read(
    channel: str, language: str, mazzini: Lab
) -> None:
    person = make_person(mazzini, languages_spoken=["bn", "ar"], languages_read=["bn", "en", "it"])
    assert language_of(person, channel) == language


def test_other_ways_leave_out_the_present_one_and_those_that_harm(mazzini: Lab) -> None:
    person = person_with(mazzini, "email", "phone", "unsafe phone")
    notice = told(person)
    assert [(route.channel, route.to) for route in other_routes(notice)] == [
        (Channel.SMS, MOBILE),
        (Channel.CALL, MOBILE),
        (Channel.COPY, MOBILE),
    ]


def test_who_is_protected_later_has_no_way_for_what_was_written_before(mazzini: Lab, anna: User) -> None:
    person = person_with(mazzini, "email", "phone", home=True)
    before = told(person)
    separate_person(person, by=anna)
    after = told(Person.objects.get(pk=person.pk))
    before.refresh_from_db()
    after.refresh_from_db()
    assert (way_of(before).problem, other_routes(before)) == (Delivery.Problem.PROTECTED, [])
    assert (way_of(after).problem, len(other_routes(after))) == ("", 3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    points=st.sets(st.sampled_from(sorted(POINTS))),
    reach_by=st.sampled_from(Person.ReachBy.values),
    wanted=st.sampled_from(["", *Channel.values]),
    protected=st.booleans(),
    read=st.lists(st.sampled_from(["it", "ar", "bn"]), max_size=2, unique=True),
    spoken=st.lists(st.sampled_from(["it", "ar", "bn"]), max_size=2, unique=True),
)
def test_no_combination_ever_leads_through_harm(
    points: set[str], reach_by: str, wanted: str, protected: bool, read: list[str], spoken: list[str], mazzini: Lab
) -> None:
    facts = {"reach_by": reach_by, "is_protected": protected, "languages_read": read, "languages_spoken": spoken}
    person = person_with(mazzini, *points, **facts)
    route = route_to(person, wanted=wanted)
    if route is None:
        safe = [name for name in points if "unsafe" not in name and not (protected and "shared" in name)]
        assert reach_by == "nobody" or safe == []
        return
    point = ContactPoint.objects.get(pk=route.point_id)
    assert reach_by != Person.ReachBy.NOBODY
    assert (point.person_id, point.value, point.safe_to_call) == (person.pk, route.to, True)
    assert not (protected and point.is_shared)
    assert route.channel not in (Channel.SMS, Channel.COPY) or point.value != LANDLINE
