"""Tripwires of the whole suite, and the cast that its stories are about.

An undefined template variable fails (tests/settings.py), a warning is an error (pyproject.toml): an
unordered queryset that is cut into pages is one of them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db.backends.sqlite3.base import DatabaseOperations
from pytest_django.fixtures import Settings

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.guard import lower_guard
from ballatoio.base.directory.term_index import forget_kept
from ballatoio.base.labs.models import Lab
from tests.factories import make_lab, make_user


@pytest.fixture(scope="session", autouse=True)
def audit_can_be_flushed() -> Iterator[None]:
    """After a test with transactions of its own the runner empties the database: the append-only audit, too.

    SQLite's triggers are lowered for it, and stand again with the post_migrate that follows.
    """
    flush = DatabaseOperations.execute_sql_flush

    def lower_and_flush(self: DatabaseOperations, sql_list: list[str]) -> None:
        lower_guard(self.connection.alias)
        flush(self, sql_list)

    DatabaseOperations.execute_sql_flush = lower_and_flush  # type: ignore[method-assign]
    yield
    DatabaseOperations.execute_sql_flush = flush  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def own_folder_and_cache(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """Nothing that a test writes outside the database is seen by the next one."""
    settings.DATA_DIR = tmp_path
    yield
    cache.clear()


@pytest.fixture
def taxonomy_kept(settings: Settings) -> Iterator[None]:
    """The process keeps the needs taxonomy that it reads, as it does at work, and forgets it after the test."""
    settings.NEED_TERMS_KEPT = 60
    forget_kept()
    yield
    forget_kept()


@pytest.fixture
def mazzini(db: None) -> Lab:
    return make_lab("mazzini", name="Laboratorio di quartiere Mazzini")


@pytest.fixture
def milo(db: None) -> Lab:
    return make_lab("milo", name="MILO·Lab")


@pytest.fixture
def anna(mazzini: Lab) -> User:
    """Works at the desk of Mazzini."""
    return make_user("Anna", mazzini, Role.DESK)


@pytest.fixture
def bruno(milo: Lab) -> User:
    """Works at the desk of MILO·Lab."""
    return make_user("Bruno", milo, Role.DESK)


@pytest.fixture
def carla(mazzini: Lab) -> User:
    """Mediates conflicts at Mazzini."""
    return make_user("Carla", mazzini, Role.MEDIATOR)


@pytest.fixture
def dario(db: None) -> User:
    """Speaks for an association: an account, no place among the staff."""
    return make_user("Dario")


@pytest.fixture
def elena(mazzini: Lab) -> User:
    """Coordinates Mazzini."""
    return make_user("Elena", mazzini, Role.COORDINATOR)


@pytest.fixture
def farid(db: None) -> User:
    """Lives in the district."""
    return make_user("Farid")
