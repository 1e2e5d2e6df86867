"""The audit: what is written stays written, and whoever touches it is found out."""

import json
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.guard import lower_guard, stand_guard
from ballatoio.base.audit.models import AuditEntry, ChainHead
from ballatoio.base.audit.services import (
    INSTALLATION,
    record_act,
    record_reading,
    seal_chains,
    seal_path,
    verify_chains,
)
from ballatoio.base.labs.models import Lab

pytestmark = pytest.mark.django_db


def reasons() -> list[str]:
    return [found.reason for found in verify_chains()]


def write(lab: Lab, by: User | None = None, times: int = 1) -> None:
    for _ in range(times):
        record_act("lab.close_day", lab, by=by, lab_id=lab.pk)


def tamper(sql: str, *params: object) -> None:
    """Do what somebody with the database in their hands could do."""
    lower_guard("default")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, params)
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    stand_guard("default")


def test_an_act_and_a_reading_say_who_when_and_on_what(mazzini: Lab, anna: User) -> None:
    subject = uuid.uuid4()
    act = record_act("lab.close_day", mazzini, by=anna, lab_id=mazzini.pk, detail={"on": "2026-08-15"})
    reading = record_reading("audit.read", mazzini, by=anna, lab_id=mazzini.pk, subject_id=subject)
    assert [act.position, reading.position] == [1, 2]
    assert [act.is_reading, reading.is_reading] == [False, True]
    assert (act.actor_id, act.actor_role, act.object_type, act.object_id) == (
        anna.pk,
        "desk",
        "labs.lab",
        str(mazzini.pk),
    )
    assert list(AuditEntry.objects.about(subject)) == [reading]


def test_each_lab_has_a_chain_of_its_own_and_the_installation_too(mazzini: Lab, milo: Lab) -> None:
    write(mazzini, times=2)
    write(milo)
    record_act("lab.close_day", milo, by=None, lab_id=None)
    counts = dict(ChainHead.objects.values_list("chain", "count"))
    assert counts == {mazzini.pk: 2, milo.pk: 1, INSTALLATION: 1}
    assert reasons() == []


def test_what_is_rolled_back_leaves_no_entry(mazzini: Lab) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        write(mazzini)
        raise ZeroDivisionError
    assert AuditEntry.objects.count() == 0
    write(mazzini)
    assert reasons() == []


@pytest.mark.parametrize("statement", ["UPDATE audit_auditentry SET verb = 'x'", "DELETE FROM audit_auditentry"])
def test_the_database_itself_refuses_to_change_an_entry(mazzini: Lab, statement: str) -> None:
    write(mazzini)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.get().verb == "lab.close_day"


def test_the_triggers_stand_after_the_table_was_altered() -> None:
    if connection.vendor == "sqlite":
        call_command("migrate", "audit", verbosity=0)
        names = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_auditentry'"
        expected = {"audit_no_update", "audit_no_delete"}
    else:
        names = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_auditentry'::regclass AND NOT tgisinternal"
        expected = {"audit_append_only", "audit_never_emptied"}
    with connection.cursor() as cursor:
        cursor.execute(names)
        assert {name for (name,) in cursor.fetchall()} == expected


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit_auditentry SET verb = 'other' WHERE position = 2", "una riga è stata cambiata"),
        ("UPDATE audit_auditentry SET actor_role = 'x' WHERE position = 1", "una riga è stata cambiata"),
        ("DELETE FROM audit_auditentry WHERE position = 2", "manca una riga"),
        ("DELETE FROM audit_auditentry WHERE position = 3", "la fine della catena è stata tagliata"),
        ("UPDATE audit_chainhead SET count = 2", "la fine della catena è stata tagliata"),
    ],
)
def test_a_change_behind_our_back_is_found(mazzini: Lab, statement: str, reason: str) -> None:
    write(mazzini, times=3)
    assert reasons() == []
    tamper(statement)
    assert reasons()[0] == reason


def test_a_cut_that_mends_the_head_is_found_by_the_seal(mazzini: Lab) -> None:
    write(mazzini, times=3)
    assert seal_chains() == 1
    second = AuditEntry.objects.get(position=2)
    tamper("DELETE FROM audit_auditentry WHERE position = 3")
    ChainHead.objects.update(count=2, mac=bytes(second.mac))
    assert reasons() == ["una riga già sigillata non c’è più"]


def test_a_chain_that_vanished_is_found_by_the_seal(mazzini: Lab) -> None:
    write(mazzini)
    seal_chains()
    tamper("DELETE FROM audit_auditentry")
    ChainHead.objects.all().delete()
    assert reasons() == ["l’intera catena non c’è più"]


def test_entries_whose_head_is_gone_are_found(mazzini: Lab) -> None:
    write(mazzini)
    ChainHead.objects.all().delete()
    assert reasons() == ["ci sono righe senza la testa della catena"]


def test_a_forged_seal_is_found(mazzini: Lab) -> None:
    write(mazzini, times=2)
    seal_chains()
    line = json.loads(seal_path().read_text())
    seal_path().write_text(json.dumps(line | {"count": 1}) + "\nnot a line\n")
    assert reasons() == [
        "la riga 1 del file dei sigilli è stata cambiata",
        "la riga 2 del file dei sigilli è stata cambiata",
    ]


def test_sealing_again_adds_a_line_only_for_chains_that_grew(mazzini: Lab, milo: Lab) -> None:
    write(mazzini)
    write(milo)
    assert seal_chains() == 2
    assert seal_chains() == 0
    write(milo)
    assert seal_chains() == 1
    assert len(seal_path().read_text().splitlines()) == 3
    assert reasons() == []


def test_the_command_says_intact(mazzini: Lab) -> None:
    write(mazzini, times=2)
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert out.getvalue() == "Il registro è intatto: 2 righe.\n"


def test_the_command_ends_with_one_when_broken(mazzini: Lab) -> None:
    write(mazzini, times=2)
    tamper("UPDATE audit_auditentry SET verb = 'other' WHERE position = 1")
    with pytest.raises(CommandError, match="rotto in 1 punti") as raised:
        call_command("verify_audit", "--no-progress")
    assert raised.value.returncode == 1


def test_the_command_ends_with_two_when_a_key_is_missing(mazzini: Lab, settings: pytest.FixtureRequest) -> None:
    write(mazzini)
    settings.MASTER_KEY = "other:" + "QUFB" * 10 + "QUE="  # type: ignore[attr-defined]
    with pytest.raises(CommandError) as raised:
        call_command("verify_audit", "--no-progress")
    assert raised.value.returncode == 2


@pytest.mark.django_db(transaction=True)
def test_the_runner_can_empty_the_audit_between_tests(mazzini: Lab) -> None:
    write(mazzini)
    assert AuditEntry.objects.count() == 1


def test_and_the_triggers_stand_again_afterwards(mazzini: Lab) -> None:
    assert AuditEntry.objects.count() == 0
    write(mazzini)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.all().delete()
