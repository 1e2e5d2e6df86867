"""Pages of the directory, under /<lab>/servizi/."""

from django.urls import path

from . import staff_views, views

app_name = "directory"

urlpatterns = [
    path("", views.service_list, name="service_list"),
    path("gestione/", staff_views.service_manage, name="service_manage"),
    path("gestione/nuovo/", staff_views.service_new, name="service_new"),
    path("gestione/<slug:slug>/", staff_views.service_edit, name="service_edit"),
    path("gestione/<slug:slug>/verifica/", staff_views.service_verify, name="service_verify"),
    path("gestione/<slug:slug>/lingue/<slug:language>/", staff_views.service_translate, name="service_translate"),
    path("<slug:slug>/", views.service_detail, name="service_detail"),
    path("<slug:slug>/scheda.pdf", views.service_sheet, name="service_sheet"),
]
