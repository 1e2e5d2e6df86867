"""Copies: what goes out comes back, keys stay apart, and what was erased stays erased."""

import json
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.services import verify_chains
from ballatoio.base.labs.models import Lab
from ballatoio.base.vault.archive import KEYS_NAME, models_with_data
from ballatoio.base.vault.models import DataKey
from ballatoio.base.vault.services import destroy_key, open_texts
from ballatoio.care.desk.models import Contact
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "Mi hanno staccato la luce"


def archives(folder: Path) -> tuple[Path, Path]:
    data = sorted(folder.glob("dati-*.zip"))
    return data[-1], folder / KEYS_NAME


def empty_database() -> None:
    call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def contact(transactional_db: None) -> Contact:
    lab = factories.make_lab("mazzini")
    anna = factories.make_user("Anna", lab, Role.DESK)
    return factories.make_contact(lab, anna, words=WORDS, person=factories.make_person(lab))


def test_what_was_copied_comes_back(contact: Contact, tmp_path: Path) -> None:
    before = {model._meta.label: model._base_manager.count() for model in models_with_data()}
    call_command("backup", tmp_path / "copie")
    data, keys = archives(tmp_path / "copie")
    empty_database()
    call_command("restore", data, keys=keys)
    assert {model._meta.label: model._base_manager.count() for model in models_with_data()} == before
    assert open_texts(Contact.objects.get())["words"] == WORDS
    assert list(verify_chains()) == []


def test_the_data_archive_holds_no_key_and_no_readable_text(contact: Contact, tmp_path: Path) -> None:
    call_command("backup", tmp_path)
    data, keys = archives(tmp_path)
    with zipfile.ZipFile(data) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        assert "vault.datakey.jsonl" not in archive.namelist()
    assert WORDS.encode() not in everything
    with zipfile.ZipFile(keys) as archive:
        assert archive.namelist() == ["manifest.json", "vault.datakey.jsonl"]
    assert (data.stat().st_mode & 0o777, keys.stat().st_mode & 0o777) == (0o600, 0o600)


def test_what_is_erased_after_a_copy_is_forgotten_by_it_too(contact: Contact, tmp_path: Path) -> None:
    call_command("backup", tmp_path)
    old_data, _ = archives(tmp_path)
    old_data = old_data.rename(tmp_path / "dati-00000000-000000.zip")
    destroy_key(contact, by=User.objects.get(), lab_id=contact.lab_id)
    Contact.objects.filter(pk=contact.pk).update(data_key=None)
    call_command("backup", tmp_path)
    empty_database()
    call_command("restore", old_data, keys=tmp_path / KEYS_NAME)
    assert Contact.objects.get().data_key is None


def test_a_copy_is_not_put_over_somebody_s_work(contact: Contact, tmp_path: Path) -> None:
    call_command("backup", tmp_path)
    data, keys = archives(tmp_path)
    with pytest.raises(CommandError, match="non è vuota"):
        call_command("restore", data, keys=keys)


def test_a_copy_of_another_version_is_refused(contact: Contact, tmp_path: Path) -> None:
    call_command("backup", tmp_path)
    _, keys = archives(tmp_path)
    empty_database()
    other = tmp_path / "altra.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("manifest.json", json.dumps({"version": "9.9", "migrations": ["labs.9999"]}))
    with pytest.raises(CommandError, match=r"versione 9\.9"):
        call_command("restore", other, keys=keys)


def test_half_a_copy_restores_nothing(contact: Contact, tmp_path: Path) -> None:
    call_command("backup", tmp_path)
    data, keys = archives(tmp_path)
    empty_database()
    data.write_bytes(data.read_bytes()[:2000])
    with pytest.raises(CommandError, match="non è una copia intera"):
        call_command("restore", data, keys=keys)
    assert (Lab.objects.count(), DataKey.objects.count()) == (0, 0)


def test_a_copy_that_does_not_fit_leaves_the_one_before(
    contact: Contact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("backup", tmp_path)
    _, keys = archives(tmp_path)
    whole = keys.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        call_command("backup", tmp_path)
    assert keys.read_bytes() == whole
    assert list(tmp_path.glob("*.partial")) == []


def test_the_copy_does_not_stop_the_desk(contact: Contact, tmp_path: Path, client: Client) -> None:
    call_command("backup", tmp_path)
    assert not connection.in_atomic_block
    assert factories.make_contact(contact.lab, User.objects.get()).pk
