"""What hangs on a contact goes with it: the codes of its receipts, its place in an issue of the house."""

from datetime import timedelta

import time_machine
from django.utils import timezone

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.models import DataKey
from ballatoio.care.desk.models import Contact
from ballatoio.care.desk.need_services import tell_need
from ballatoio.care.desk.receipts import issue_receipt
from ballatoio.care.desk.services import AnswerGiven, NeedHeard
from ballatoio.care.issues.lists import voices_of
from ballatoio.care.issues.models import IssueNeed
from ballatoio.care.issues.services import open_issue
from ballatoio.oversight.privacy.services import erase_expired, set_retention_rule
from tests.factories import make_building, make_contact, make_term


def test_an_erased_contact_leaves_no_receipt_and_no_place_in_an_issue(mazzini: Lab, anna: User) -> None:
    house, term = make_building(mazzini), make_term("Ascensore")
    heard = NeedHeard(term=term, words="piove", answers=(AnswerGiven(kind="information", text="lunedì"),))
    old, young = (make_contact(mazzini, anna, heard, building=house) for _ in range(2))
    for contact in (old, young):
        issue_receipt(contact, by=anna)
        tell_need(contact.needs.get(), by=anna, version=1, how="phone")
    day = timezone.localdate() + timedelta(days=5)
    needs = [old.needs.get(), young.needs.get()]
    issue = open_issue(house, by=anna, term=term, title="Ascensore", owner=anna, next_on=day, needs=needs)
    Contact.objects.filter(pk=old.pk).update(
        started_at=timezone.now() - timedelta(days=800), ended_at=timezone.now() - timedelta(days=800)
    )
    set_retention_rule(mazzini, kind="contact", months=24, source="registro", by=None, confirmed=True)
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert erase_expired(mazzini) == 1
    assert list(Contact.objects.all()) == [young]
    assert AccessCode.objects.get().object_id == young.pk
    assert (IssueNeed.objects.get().need, voices_of(issue).contacts) == (young.needs.get(), 1)
    assert DataKey.objects.count() == 2
