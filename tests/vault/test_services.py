"""The envelope: sealed texts open with the right key, for their own record, until the key is destroyed."""

import base64
from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.jobs.models import Draft
from ballatoio.base.jobs.services import read_draft, save_draft
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import (
    MasterKeyIsWrong,
    TextIsGone,
    TextWasTampered,
    check_master_key,
    destroy_key,
    forget_keys,
    open_texts,
    reseal_texts,
    rotate_master_key,
    seal_texts,
)

pytestmark = pytest.mark.django_db

OLD = "test:" + "QUFB" * 10 + "QUE="
NEW = "k2:" + base64.urlsafe_b64encode(b"2" * 32).decode()


def make_draft(user: User, lab: Lab, text: str, key: str = "1") -> Draft:
    return save_draft(by=user, lab=lab, kind="contact", key=key, fields={"words": text})


def test_a_sealed_text_opens_and_does_not_stand_in_the_database(anna: User, mazzini: Lab) -> None:
    draft = make_draft(anna, mazzini, "perdita d’acqua dal bagno")
    draft.refresh_from_db()
    assert b"acqua" not in bytes(draft.sealed)
    assert read_draft(draft) == {"words": "perdita d’acqua dal bagno"}


def test_the_same_text_sealed_twice_looks_different(anna: User, mazzini: Lab) -> None:
    one, two = make_draft(anna, mazzini, "uguale"), make_draft(anna, mazzini, "uguale", key="2")
    assert bytes(one.sealed) != bytes(two.sealed)


def test_a_record_without_text_has_no_key(anna: User, mazzini: Lab) -> None:
    draft = Draft(user=anna, lab=mazzini, kind="contact", key="1")
    seal_texts([(draft, {"words": ""})])
    assert (draft.data_key, open_texts(draft), DataKey.objects.count()) == (None, {}, 0)


def test_resealing_keeps_the_key(anna: User, mazzini: Lab) -> None:
    draft = make_draft(anna, mazzini, "prima")
    key = draft.data_key_id
    reseal_texts(draft, {"fields": '{"words": "dopo"}'})
    assert (draft.data_key_id, read_draft(draft)) == (key, {"words": "dopo"})


def test_a_text_moved_to_another_record_does_not_open(anna: User, mazzini: Lab) -> None:
    one, two = make_draft(anna, mazzini, "di una"), make_draft(anna, mazzini, "di un’altra", key="2")
    two.data_key, two.sealed = one.data_key, one.sealed
    with pytest.raises(TextWasTampered):
        open_texts(two)


def test_a_changed_text_does_not_open(anna: User, mazzini: Lab) -> None:
    draft = make_draft(anna, mazzini, "intero")
    draft.sealed = bytes(draft.sealed)[:-1] + b"\0"
    with pytest.raises(TextWasTampered):
        open_texts(draft)


def test_destroying_the_key_is_for_good_and_leaves_an_act(anna: User, mazzini: Lab) -> None:
    draft = make_draft(anna, mazzini, "da dimenticare")
    destroy_key(draft, by=anna, lab_id=mazzini.pk)
    destroy_key(draft, by=anna, lab_id=mazzini.pk)
    with pytest.raises(TextIsGone):
        open_texts(Draft.objects.get(pk=draft.pk))
    assert [entry.verb for entry in AuditEntry.objects.all()] == ["vault.destroy_key"]
    assert DataKey.objects.count() == 0


def test_keys_are_destroyed_many_at_a_time(
    anna: User, mazzini: Lab, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    keys = [make_draft(anna, mazzini, "x", key=str(number)).data_key_id for number in range(5)]
    with django_assert_num_queries(1):
        assert forget_keys(keys) == 5


def test_rotation_locks_every_key_again_and_may_be_interrupted(anna: User, mazzini: Lab, settings: Settings) -> None:
    drafts = [make_draft(anna, mazzini, f"testo {number}", key=str(number)) for number in range(5)]
    settings.MASTER_KEY = f"{NEW},{OLD}"
    first = rotate_master_key(batch=2)
    assert next(first) == 2
    first.close()
    assert sorted(DataKey.objects.values_list("key_id", flat=True)) == ["k2", "k2", "test", "test", "test"]
    assert list(rotate_master_key(batch=2)) == [2, 3]
    settings.MASTER_KEY = NEW
    texts = [read_draft(Draft.objects.get(pk=draft.pk))["words"] for draft in drafts]
    assert texts == [f"testo {number}" for number in range(5)]


def test_the_rotation_command(anna: User, mazzini: Lab, settings: Settings) -> None:
    make_draft(anna, mazzini, "testo")
    settings.MASTER_KEY = f"{NEW},{OLD}"
    out = StringIO()
    call_command("rotate_master_key", stdout=out)
    assert out.getvalue() == "1 chiavi chiuse di nuovo con «k2».\n"


def test_a_wrong_master_key_is_found_before_anything_is_written(anna: User, mazzini: Lab, settings: Settings) -> None:
    make_draft(anna, mazzini, "testo")
    check_master_key()
    settings.MASTER_KEY = "test:" + base64.urlsafe_b64encode(b"x" * 32).decode()
    with pytest.raises(MasterKeyIsWrong, match="BALLATOIO_MASTER_KEY"):
        check_master_key()


def test_a_missing_older_key_is_found(anna: User, mazzini: Lab, settings: Settings) -> None:
    make_draft(anna, mazzini, "testo")
    settings.MASTER_KEY = f"{NEW},{OLD}"
    make_draft(anna, mazzini, "testo", key="2")
    check_master_key()
    settings.MASTER_KEY = NEW
    with pytest.raises(ImproperlyConfigured, match="«test» is missing"):
        check_master_key()


@pytest.mark.parametrize("key", ["", "k1:short", "nokey"])
def test_the_system_check_refuses_a_bad_setting(settings: Settings, key: str) -> None:
    settings.MASTER_KEY = key
    assert [error.id for error in run_checks(tags=["security"]) if error.id.startswith("vault")] == ["vault.E001"]


def test_the_system_check_of_the_database_refuses_a_wrong_key(anna: User, mazzini: Lab, settings: Settings) -> None:
    make_draft(anna, mazzini, "testo")
    assert run_checks(tags=["database"], databases=["default"]) == []
    settings.MASTER_KEY = NEW
    errors = run_checks(tags=["database"], databases=["default"])
    assert [error.id for error in errors] == ["vault.E002"]


def test_readyz_says_no_with_a_wrong_key(client: Client, anna: User, mazzini: Lab, settings: Settings) -> None:
    make_draft(anna, mazzini, "testo")
    assert client.get("/readyz").status_code == 200
    settings.MASTER_KEY = NEW
    assert client.get("/readyz").status_code == 503
