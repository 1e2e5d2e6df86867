"""Pages of the directory, under /<lab>/servizi/."""

from django.urls import path

from . import export_views, staff_views, term_views, views

app_name = "directory"

urlpatterns = [
    path("", views.service_list, name="service_list"),
    path("gestione/", staff_views.service_manage, name="service_manage"),
    path("gestione/servizi.csv", export_views.service_export, name="service_export"),
    path("gestione/nuovo/", staff_views.service_new, name="service_new"),
    path("gestione/parole/", term_views.term_list, name="term_list"),
    path("gestione/parole/voce/", term_views.term_words, name="term_words"),
    path("gestione/parole/nuove/", term_views.synonym_propose, name="synonym_propose"),
    path("gestione/parole/rilette/", term_views.synonym_judge, name="synonym_judge"),
    path("gestione/parole/laboratorio/", term_views.local_term_add, name="local_term_add"),
    path("gestione/parole/laboratorio/<uuid:local>/", term_views.local_term_retire, name="local_term_retire"),
    path("gestione/<slug:slug>/", staff_views.service_edit, name="service_edit"),
    path("gestione/<slug:slug>/verifica/", staff_views.service_verify, name="service_verify"),
    path("gestione/<slug:slug>/lingue/<slug:language>/", staff_views.service_translate, name="service_translate"),
    path("<slug:slug>/", views.service_detail, name="service_detail"),
    path("<slug:slug>/scheda.pdf", views.service_sheet, name="service_sheet"),
]
