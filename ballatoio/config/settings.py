"""Every setting of the installation. Each one that a city may want to change comes from the environment."""

import base64
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import django.conf.locale
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

env = environ.Env()

PACKAGE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("BALLATOIO_DATA", default="ballatoio-data")).resolve()
DEMO = env.bool("BALLATOIO_DEMO", default=False)
DEBUG = env.bool("DEBUG", default=False)


def key_from_file(name: str, new_key: str) -> str:
    """Give the key kept in the data folder, or "" when there is none.

    Only the demo writes a missing one: a real installation must not run on a key that nobody has put in
    a safe place.
    """
    file = DATA_DIR / name
    if DEMO and not file.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(new_key, encoding="ascii")
    return file.read_text(encoding="ascii").strip() if file.exists() else ""


# --- Keys -----------------------------------------------------------------------------------------------
# Left empty when nobody set them, so that commands which need no key still work: Django refuses the first
# signature without SECRET_KEY, and the system checks and /readyz refuse to run without a master key.
SECRET_KEY = env.str("SECRET_KEY", default="") or key_from_file("secret.key", secrets.token_urlsafe(48))
MASTER_KEY = env.str("BALLATOIO_MASTER_KEY", default="") or key_from_file(
    "master.key", "k1:" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")
)

# --- Hosts ----------------------------------------------------------------------------------------------
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=LOCAL_HOSTS[:3] if DEMO else [])
if DEMO and (elsewhere := sorted(set(ALLOWED_HOSTS) - set(LOCAL_HOSTS))):
    # In the demo anybody signs in as anybody with one click.
    raise ImproperlyConfigured(
        f"BALLATOIO_DEMO=1 serves this machine only: take {', '.join(elsewhere)} out of ALLOWED_HOSTS, "
        "or unset BALLATOIO_DEMO."
    )
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where people find the pages: links in messages are written by the worker, which has no request to look at.
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/") or (
    "http://localhost:8000" if DEMO or DEBUG else f"https://{ALLOWED_HOSTS[0].lstrip('.')}" if ALLOWED_HOSTS else ""
)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# --- Applications ---------------------------------------------------------------------------------------
INSTALLED_APPS = [
    # First: its templates take the place of the libraries' own (sign-in pages).
    "ballatoio.base.core",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "django_prometheus",
    "ballatoio.base.audit",
    "ballatoio.base.labs",
    "ballatoio.base.accounts",
    "ballatoio.base.vault",
    "ballatoio.base.jobs",
    "ballatoio.base.territory",
    "ballatoio.base.people",
    "ballatoio.base.directory",
    "ballatoio.base.notices",
    "ballatoio.care.desk",
    "ballatoio.care.issues",
    "ballatoio.care.referrals",
    "ballatoio.care.appointments",
    "ballatoio.oversight.reporting",
    "ballatoio.oversight.spreadsheets",
    "ballatoio.oversight.hours",
    "ballatoio.oversight.privacy",
    "ballatoio.web.home",
]
if DEMO:
    INSTALLED_APPS.append("ballatoio.demo")

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ballatoio.config.headers.PermissionsPolicyMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Compressing pages that hold a secret and the visitor's own words invites BREACH; Django's middleware
    # answers with a random length (HTB, since 4.2) and masks the CSRF token on every page.
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "ballatoio.base.accounts.middleware.SecondFactorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ballatoio.base.people.middleware.MergedFileMiddleware",
    "ballatoio.config.gate.GateMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "ballatoio.config.urls"
WSGI_APPLICATION = "ballatoio.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database -------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR}/ballatoio.db")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # synchronous=FULL: in WAL mode NORMAL survives a killed process but may lose the last commits in a
        # power cut, and a contact that the desk saw saved must never be lost. secure_delete overwrites what
        # is erased.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;"
            "PRAGMA cache_size=-4000; PRAGMA mmap_size=268435456"
        ),
    }
else:
    DATABASES["default"]["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL", default=6), "timeout": 10}
    }

# Opening a connection costs as much as a small page: each thread keeps its own (the pool does so on PostgreSQL).
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["CONN_MAX_AGE"] = None

# --- Cache, sessions, mail, files -----------------------------------------------------------------------
# Rate limits live in the cache, so it has to be shared by all workers: files by default, Redis by setting.
# A full cache of files throws a third of them away, counters too: it must not fill in a day.
CACHES = {"default": env.cache("CACHE_URL", default=f"filecache://{DATA_DIR}/cache?max_entries=10000")}

# For so many seconds a process may go on with the needs taxonomy that it read.
NEED_TERMS_KEPT = 60

SESSION_ENGINE = "django.contrib.sessions.backends.db"
# A desk is shared: a shift's length at most, and gone with the browser.
SESSION_COOKIE_AGE = 10 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

EMAIL_CONFIG = env.email("EMAIL_URL", default=f"filemail://{DATA_DIR}/posta")
if file_path := EMAIL_CONFIG.get("EMAIL_FILE_PATH"):
    # django-environ drops the first slash, and the post would lie wherever the program was started.
    EMAIL_CONFIG["EMAIL_FILE_PATH"] = f"/{file_path.lstrip('/')}"
globals().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Ballatoio <ballatoio@localhost>")

# Dotted path of a class with `send(number, text, *, reference)` (notices/carriers.py); empty: nothing is sent by SMS.
SMS_BACKEND = env.str("SMS_BACKEND", default="ballatoio.base.notices.sms.FileSms" if DEMO else "")
# For ballatoio.base.notices.sms.HttpSms: where it posts, with which token, whose name stands as sender.
SMS_URL = env.str("SMS_URL", default="")
SMS_TOKEN = env.str("SMS_TOKEN", default="")
SMS_SENDER = env.str("SMS_SENDER", default="")

storage_url = urlparse(env.str("STORAGE_URL", default=f"file://{DATA_DIR}/file"))
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": storage_url.path}}
    if storage_url.scheme == "file"
    else {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": storage_url.netloc, "location": storage_url.path.strip("/"), "default_acl": None},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"

# --- Who signs in, and how ------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home:own_work"

ACCOUNT_ADAPTER = "ballatoio.base.accounts.adapters.AccountAdapter"
MFA_ADAPTER = "ballatoio.base.accounts.adapters.SecondFactorAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
# Accounts are opened by the lab, which has checked the address; nobody signs up alone.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if DEMO or DEBUG else "https"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
# Either of the first two is the second factor of staff. A passkey comes after the password, never in its place: that
# a device was opened with a PIN which others of the house know must not be enough.
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = False
MFA_FORMS = {
    "add_webauthn": "ballatoio.base.accounts.forms.AddPasskeyForm",
    "edit_webauthn": "ballatoio.base.accounts.forms.RenamePasskeyForm",
}
# The demo is served over plain HTTP on this machine.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEMO
MFA_TOTP_ISSUER = "Ballatoio"

# SPID and CIE come through an OpenID Connect gateway; without these three settings it is not installed.
if OIDC_SERVER_URL := env.str("OIDC_SERVER_URL", default=""):
    INSTALLED_APPS += ["allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"]
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": env.str("OIDC_NAME", default="SPID / CIE"),
                    "client_id": env.str("OIDC_CLIENT_ID"),
                    "secret": env.str("OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": OIDC_SERVER_URL},
                }
            ]
        }
    }

# --- Languages and time ---------------------------------------------------------------------------------
# Languages of the neighbourhoods that Django does not know: menus and data name them.
django.conf.locale.LANG_INFO.update(
    {
        "si": {"bidi": False, "code": "si", "name": "Sinhala", "name_local": "සිංහල"},
        "tl": {"bidi": False, "code": "tl", "name": "Tagalog", "name_local": "Tagalog"},
    }
)
LANGUAGE_CODE = "it"
LANGUAGES = [("it", _("Italiano")), ("en", _("Inglese")), ("ar", _("Arabo"))]
LOCALE_PATHS = [PACKAGE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Rome"

# Where «leave this page quickly» leads: somewhere that anybody may have been looking at.
QUICK_EXIT_URL = env.str("QUICK_EXIT_URL", default="https://www.wikipedia.org/")

# --- Browser defences -----------------------------------------------------------------------------------
OVER_HTTPS = not (DEMO or DEBUG)
SECURE_SSL_REDIRECT = OVER_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if OVER_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = OVER_HTTPS
SECURE_HSTS_PRELOAD = OVER_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OVER_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "django.views.csrf.csrf_failure"
X_FRAME_OPTIONS = "DENY"
# A long story told at the desk fits; a pasted book does not.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "script-src": [SELF],
        # data: for the picture of the second factor's key, which must not be a file on the server.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- Operation ------------------------------------------------------------------------------------------
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
SECURITY_CONTACT = env.str("SECURITY_CONTACT", default="")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "ballatoio.config.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Django's own set-up would also print to the console and mail whole requests to administrators.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # It warns at each HEAD that Django answers with a body, and then drops the body, as it should.
        "gunicorn.http.wsgi": {"level": "ERROR"},
    },
}
if SENTRY_DSN := env.str("SENTRY_DSN", default=""):
    import sentry_sdk

    from ballatoio.config.sentry import drop_breadcrumb, scrub_event

    # No request body, no user, no local variables: all three hold what people told the desk.
    sentry_sdk.init(
        SENTRY_DSN,
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        before_send=scrub_event,
        before_breadcrumb=drop_breadcrumb,
    )

# Background work: kind of DueWork -> dotted path of the function in a tasks.py that does it.
DUE_WORK: dict[str, str] = {
    "audit.seal": "ballatoio.base.audit.tasks.seal_chains",
    "jobs.clear": "ballatoio.base.jobs.tasks.clear_old_work",
    "accounts.forget_codes": "ballatoio.base.accounts.tasks.forget_expired_codes",
    "privacy.erase": "ballatoio.oversight.privacy.tasks.erase_expired",
    "desk.escalate": "ballatoio.care.desk.tasks.escalate_silent_needs",
    "desk.deliver_message": "ballatoio.care.desk.tasks.deliver_message",
    "territory.address_changed": "ballatoio.care.desk.tasks.refresh_building",
    "people.person_changed": "ballatoio.care.desk.tasks.refresh_person",
    "people.follow_merge": "ballatoio.base.people.tasks.follow_late_records",
    "people.compare": "ballatoio.base.people.tasks.compare_changed_people",
    "people.reindex": "ballatoio.base.people.tasks.reindex_everybody",
    "referrals.clock": "ballatoio.care.referrals.tasks.keep_time_of_all",
    "reporting.fix_sheets": "ballatoio.oversight.reporting.tasks.fix_sheets",
    "reporting.tally": "ballatoio.oversight.reporting.tasks.tally_needs",
    "reporting.publish": "ballatoio.oversight.reporting.tasks.publish_figures",
    "reporting.bring_answer": "ballatoio.oversight.reporting.tasks.bring_answer",
    "notices.send": "ballatoio.base.notices.tasks.send_due",
    "appointments.refresh": "ballatoio.care.appointments.tasks.refresh_all_slots",
    "appointments.expire": "ballatoio.care.appointments.tasks.expire_all_offers",
    "spreadsheets.work": "ballatoio.oversight.spreadsheets.tasks.work_on_sheet",
    "spreadsheets.clear": "ballatoio.oversight.spreadsheets.tasks.clear_old_sheets",
}
# Kinds that talk to other servers or last long: they run outside a transaction, which would hold everybody's writing
# up, and may run twice.
WORK_OUTSIDE_TRANSACTION = {
    "people.compare",
    "people.reindex",
    "notices.send",
    "referrals.clock",
    "spreadsheets.work",
    "reporting.tally",
    "reporting.publish",
    "reporting.bring_answer",
}
# Who tells whether a person had a contact before a day: what funds ask is never asked at a first contact.
MET_BEFORE = "ballatoio.care.desk.services.had_contact_before"
# Who keeps dates that a closing day would leave hanging: each gives (what, how many) on some days of a lab.
DATES_FALLING: tuple[str, ...] = (
    "ballatoio.care.desk.day.needs_falling",
    "ballatoio.care.appointments.falling.appointments_falling",
)
# Who offers times on a lab's days, and must know when its hours or closing days change.
DAYS_CHANGED: tuple[str, ...] = ("ballatoio.care.appointments.slot_services.refresh_slots",)
# Who tells how often each term of the needs taxonomy was used in a lab since a day.
TERM_USE = "ballatoio.care.desk.terms.term_use"
# What comes back by itself: kind of DueWork -> every so many minutes.
PERIODIC_WORK: dict[str, int] = {
    "audit.seal": 5,
    "jobs.clear": 24 * 60,
    "accounts.forget_codes": 24 * 60,
    "privacy.erase": 24 * 60,
    "desk.escalate": 60,
    "referrals.clock": 60,
    "people.compare": 5,
    "notices.send": 1,
    # Every offer that is due and was not let go, whenever it came due.
    "appointments.expire": 5,
    "appointments.refresh": 6 * 60,
    "reporting.fix_sheets": 6 * 60,
    "reporting.tally": 15,
    "reporting.publish": 60,
    "spreadsheets.clear": 24 * 60,
}
