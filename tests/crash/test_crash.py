"""What was acknowledged is there, once, whole, readable, and written in the audit, however the server died."""

import os
from pathlib import Path

import pytest

from tests.crash.harness import crash

# `make crash` says 20; three are enough to notice that something broke.
KILLS = int(os.environ.get("CRASH_KILLS", "3"))


@pytest.mark.crash
def test_no_acknowledged_contact_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    found = crash(tmp_path, KILLS)
    print(f"{KILLS} kills: {found}")
    assert found.pop("acknowledged") >= KILLS * 4
    assert found == dict.fromkeys(found, 0)
