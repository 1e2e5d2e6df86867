"""The settings of a lab, under /<lab>/laboratorio/."""

from django.urls import path

from . import views

app_name = "labs"
urlpatterns = [
    path("", views.settings_home, name="settings_home"),
    path("dati/", views.details_edit, name="details_edit"),
    path("orari/", views.hours_edit, name="hours_edit"),
    path("impegni/", views.promises_edit, name="promises_edit"),
    path("chiusure/", views.closing_list, name="closing_list"),
    path("chiusure/nuova/", views.closing_add, name="closing_add"),
    path("chiusure/togli/", views.closing_remove, name="closing_remove"),
]
