"""What the server runs."""

import gc
import os
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.template.loader import get_template
from django.urls import get_resolver
from django.utils import translation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ballatoio.config.settings")

application = get_wsgi_application()


def warm_up() -> None:
    """Load what every worker needs before the server forks them: they share it, and the first visitor does not wait."""
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            translation.gettext("")
            get_resolver()._populate()
    for app in apps.get_app_configs():
        if app.name.startswith("ballatoio."):
            folder = Path(app.path) / "templates"
            for file in sorted(folder.rglob("*.html")):
                get_template(file.relative_to(folder).as_posix())
    # What stands now is never looked at by the garbage collector: a page that is only read stays shared.
    gc.collect()
    gc.freeze()


warm_up()
