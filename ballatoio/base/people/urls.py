"""People, under /<lab>/persone/."""

from django.urls import path

from . import entry_views, export_views, file_views, merge_views, views

app_name = "people"
urlpatterns = [
    path("", views.person_list, name="person_list"),
    path("persone.csv", export_views.person_export, name="person_export"),
    path("rubrica.csv", export_views.register_export, name="register_export"),
    path("nuova/", views.person_new, name="person_new"),
    path("doppioni/", merge_views.double_list, name="double_list"),
    path("doppioni/<uuid:double>/diverse/", merge_views.double_differ, name="double_differ"),
    path("unioni/<uuid:merge>/annulla/", merge_views.merge_undo, name="merge_undo"),
    path("<uuid:person>/", views.person_detail, name="person_detail"),
    path("<uuid:person>/modifica/", views.person_edit, name="person_edit"),
    path("<uuid:person>/recapiti/nuovo/", file_views.contact_point_add, name="contact_point_add"),
    path("<uuid:person>/recapiti/<uuid:point>/togli/", file_views.contact_point_remove, name="contact_point_remove"),
    path("<uuid:person>/casa/", file_views.home_set, name="home_set"),
    path("<uuid:person>/codici/nuovo/", file_views.identifier_set, name="identifier_set"),
    path("<uuid:person>/codici/<uuid:identifier>/mostra/", file_views.identifier_show, name="identifier_show"),
    path("<uuid:person>/consensi/nuovo/", file_views.consent_record, name="consent_record"),
    path("<uuid:person>/consensi/<uuid:consent>/ritira/", file_views.consent_withdraw, name="consent_withdraw"),
    path("<uuid:person>/ingresso/", entry_views.entry_edit, name="entry_edit"),
    path("<uuid:person>/ingresso/<uuid:snapshot>/mostra/", entry_views.entry_show, name="entry_show"),
    path("<uuid:person>/unisci/", merge_views.merge_choose, name="merge_choose"),
    path("<uuid:person>/unisci/<uuid:other>/", merge_views.merge_preview, name="merge_preview"),
    path("<uuid:person>/accesso/togli/", merge_views.account_close, name="account_close"),
    path("<uuid:person>/separa/", file_views.person_separate, name="person_separate"),
    path("<uuid:person>/fine-protezione/", file_views.protection_lift, name="protection_lift"),
]
