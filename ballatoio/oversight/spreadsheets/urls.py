"""Spreadsheets, under /<lab>/fogli/."""

from django.urls import path

from . import views

app_name = "spreadsheets"
urlpatterns = [
    path("", views.import_list, name="import_list"),
    path("nuovo/", views.import_new, name="import_new"),
    path("<uuid:spreadsheet>/", views.import_detail, name="import_detail"),
    path("<uuid:spreadsheet>/colonne/", views.import_columns, name="import_columns"),
    path("<uuid:spreadsheet>/parole/", views.import_values, name="import_values"),
    path("<uuid:spreadsheet>/persone/", views.import_people, name="import_people"),
    path("<uuid:spreadsheet>/persone/tutte/", views.import_everybody, name="import_everybody"),
    path("<uuid:spreadsheet>/righe-da-correggere.csv", views.import_errors, name="import_errors"),
    path("<uuid:spreadsheet>/controlla/", views.import_check, name="import_check"),
    path("<uuid:spreadsheet>/importa/", views.import_start, name="import_start"),
    path("<uuid:spreadsheet>/butta/", views.import_discard, name="import_discard"),
    path("<uuid:spreadsheet>/annulla/", views.import_undo, name="import_undo"),
]
