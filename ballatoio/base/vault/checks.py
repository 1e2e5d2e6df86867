"""What Django asks before a command or the server starts."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from ballatoio.base.core import keys

from .models import DataKey
from .services import MasterKeyIsWrong, check_master_key


def master_key_is_there(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Give an error when there is no usable master key in the settings."""
    try:
        keys.master_keys()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="vault.E001")]
    return []


def master_key_opens(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Give an error when the master key is not the one of this database; an empty database takes any key."""
    if not databases or DataKey._meta.db_table not in connections["default"].introspection.table_names():
        return []
    try:
        check_master_key()
    except (MasterKeyIsWrong, ImproperlyConfigured) as error:
        return [Error(str(error), id="vault.E002")]
    return []
