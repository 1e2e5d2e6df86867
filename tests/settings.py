"""The settings of the suite: the real ones, with an environment of its own."""

import hashlib
import os
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# Two checkouts on one machine never share a database or a folder.
NAME = "ballatoio_" + hashlib.sha256(bytes(CHECKOUT)).hexdigest()[:8] + os.environ.get("BALLATOIO_TEST_SUFFIX", "")

os.environ["BALLATOIO_DEMO"] = "1"
os.environ["BALLATOIO_DATA"] = str(Path(tempfile.gettempdir()) / f"{NAME}_{os.getpid()}")
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
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


class UndefinedVariable(str):
    """Put in the place of a template variable that does not exist: printing it fails the test."""

    def __contains__(self, key: object) -> bool:
        return key == "%s"

    def __mod__(self, name: object) -> str:
        raise AssertionError(f"undefined template variable: {name}")


TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = UndefinedVariable("%s")
