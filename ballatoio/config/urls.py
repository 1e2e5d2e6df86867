"""The site map."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.urls import URLPattern, URLResolver, include, path

from ballatoio.config import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path(".well-known/security.txt", health.security_txt, name="security_txt"),
]
if settings.DEMO:
    urlpatterns.append(path("demo/", include("ballatoio.demo.urls")))
urlpatterns += i18n_patterns(
    path("accesso/", include("allauth.urls")),
    path("<slug:lab>/", include("ballatoio.base.accounts.urls")),
    path("<slug:lab>/", include("ballatoio.oversight.privacy.urls")),
    path("<slug:lab>/", include("ballatoio.care.desk.receipt_urls")),
    path("<slug:lab>/laboratorio/", include("ballatoio.base.labs.urls")),
    path("<slug:lab>/laboratorio/case/", include("ballatoio.base.territory.urls")),
    path("<slug:lab>/banco/", include("ballatoio.care.desk.urls")),
    path("<slug:lab>/persone/", include("ballatoio.base.people.urls")),
    path("<slug:lab>/servizi/", include("ballatoio.base.directory.urls")),
    path("<slug:lab>/posta/", include("ballatoio.base.notices.urls")),
    path("<slug:lab>/questioni/", include("ballatoio.care.issues.urls")),
    path("<slug:lab>/", include("ballatoio.care.referrals.urls")),
    path("<slug:lab>/", include("ballatoio.care.appointments.urls")),
    path("<slug:lab>/rendiconto/", include("ballatoio.oversight.reporting.urls")),
    path("<slug:lab>/ore/", include("ballatoio.oversight.hours.urls")),
    path("<slug:lab>/fogli/", include("ballatoio.oversight.spreadsheets.urls")),
    path("", include("ballatoio.web.home.urls")),
    prefix_default_language=False,
)

handler400 = "ballatoio.web.home.views.bad_request"
handler500 = "ballatoio.web.home.views.server_error"
