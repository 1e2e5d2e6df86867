"""Addresses of our pages as they are written in messages: whole, because they are opened from elsewhere."""

from typing import Any

from django.conf import settings
from django.urls import reverse


def absolute_url(view_name: str, **arguments: Any) -> str:
    """Give the whole address (settings.PUBLIC_URL) of a page, in the language that is switched on."""
    return f"{settings.PUBLIC_URL}{reverse(view_name, kwargs=arguments)}"
