"""The settings of the suite: the real ones, with an environment of its own."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# Two checkouts on one machine never share a database or a folder.
SUFFIX = os.environ.get("BALLATOIO_TEST_SUFFIX", "")
NAME = f"ballatoio_{hashlib.sha256(bytes(CHECKOUT)).hexdigest()[:8]}{SUFFIX}"

os.environ["BALLATOIO_DEMO"] = "1"
os.environ["BALLATOIO_DATA"] = str(Path(tempfile.gettempdir()) / NAME)
os.environ["SECRET_KEY"] = "only-for-tests-" + "s" * 50
os.environ["BALLATOIO_MASTER_KEY"] = "test:" + "QUFB" * 10 + "QUE="
os.environ["CACHE_URL"] = "locmemcache://"
os.environ["EMAIL_URL"] = "memorymail://"

from ballatoio.config.settings import *  # noqa: E402, F403
from ballatoio.config.settings import ALLOWED_HOSTS, DATABASES, STORAGES, TEMPLATES  # noqa: E402

ALLOWED_HOSTS.append("testserver")
DATABASES["default"]["OPTIONS"].pop("pool", None)
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"]["TEST"] = {"NAME": f"test_{NAME}"}
elif "BALLATOIO_TEST_FILE" in os.environ:
    # The browser's requests come in several threads at once: in memory they would share one connection.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"test_{NAME}.db")}
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
# Each test has a taxonomy of its own.
NEED_TERMS_KEPT = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


class UndefinedVariable(str):
    """Put in the place of a template variable that does not exist: printing it in a page of ours fails the test.

    Templates of libraries live with their own holes.
    """

    def __contains__(self, key: object) -> bool:
        return key == "%s"

    def __mod__(self, name: object) -> str:
        frame = sys._getframe(1)
        while frame.f_back and not hasattr(frame.f_locals.get("self"), "origin"):
            frame = frame.f_back
        template = getattr(frame.f_locals.get("self"), "origin", None)
        if str(template).startswith(str(CHECKOUT / "ballatoio")):
            raise AssertionError(f"undefined template variable in {template}: {name}")
        return ""


TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = UndefinedVariable("%s")
