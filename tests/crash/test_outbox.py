"""However often the mail server and the senders are killed: no message is lost, and none comes twice but in flight."""

import os
from pathlib import Path

import pytest

from tests.crash.outbox import crash_outbox

# `make crash` says 20, in the middle of 2,000 messages; fewer are enough to notice that something broke.
KILLS = int(os.environ.get("CRASH_KILLS", "4"))
MESSAGES = 2000 if "CRASH_KILLS" in os.environ else 300


@pytest.mark.crash
def test_no_message_is_lost_when_mail_server_and_senders_are_killed_in_the_middle(tmp_path: Path) -> None:
    found = crash_outbox(tmp_path, MESSAGES, KILLS)
    print(f"{MESSAGES} messages, {KILLS} kills: {found}")
    assert found.pop("messages") == MESSAGES
    assert found.pop("doubled") <= found.pop("in flight at most")
    assert found == dict.fromkeys(found, 0)
