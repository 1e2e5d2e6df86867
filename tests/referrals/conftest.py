"""What the stories of referrals are about: Samira, who needs help, and a service that has an e-mail."""

import pytest

from ballatoio.base.accounts.models import User
from ballatoio.base.directory.models import Service
from ballatoio.base.labs.models import Lab
from ballatoio.base.people.models import Person
from ballatoio.base.people.services import register_person
from ballatoio.care.desk.models import Need
from ballatoio.care.referrals.models import Referral
from tests.factories import make_need, make_referral, make_service


@pytest.fixture
def samira(mazzini: Lab, anna: User) -> Person:
    return register_person(
        mazzini, by=anna, given_name="Samira", family_name="Haddad", phone="333 1234567", languages_read=["it"]
    )


@pytest.fixture
def clinic(mazzini: Lab) -> Service:
    return make_service(mazzini, "Consultorio familiare", email="posta@consultorio.example", phone="02 5550000")


@pytest.fixture
def need(mazzini: Lab, anna: User, samira: Person) -> Need:
    return make_need(mazzini, anna, person=samira)


@pytest.fixture
def referral(mazzini: Lab, anna: User, need: Need, clinic: Service) -> Referral:
    return make_referral(mazzini, anna, clinic, need=need)
