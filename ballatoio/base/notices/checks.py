"""What Django asks before a command or the server starts."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from .sms import HttpSms, what_is_missing


def sms_can_be_sent(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Give an error when SMS_BACKEND names no class, or the one that it names lacks its own settings."""
    if not settings.SMS_BACKEND:
        return []
    try:
        backend = import_string(settings.SMS_BACKEND)
    except ImportError:
        sentence = f"SMS_BACKEND è «{settings.SMS_BACKEND}», che non c’è: scrivi il percorso di una classe."
        return [Error(sentence, id="notices.E001")]
    problem = what_is_missing() if backend is HttpSms else ""
    return [Error(problem, id="notices.E002")] if problem else []
