"""The hours of staff, under /<lab>/ore/."""

from django.urls import path

from . import views

app_name = "hours"
urlpatterns = [
    path("", views.week_fill, name="week_fill"),
    path("riepilogo/", views.hours_summary, name="hours_summary"),
    path("settimane/<uuid:week>/", views.week_detail, name="week_detail"),
    path("settimane/<uuid:week>/approva/", views.week_approve, name="week_approve"),
    path("settimane/<uuid:week>/rimanda/", views.week_return, name="week_return"),
    path("attivita/", views.activity_list, name="activity_list"),
    path("fondi/nuovo/", views.funding_line_new, name="funding_line_new"),
    path("attivita/<uuid:activity>/fine/", views.activity_end, name="activity_end"),
]
