"""The desk, under /<lab>/banco/."""

from django.urls import path

from . import export_views, need_views, receipt_views, timeline_views, views

app_name = "desk"
urlpatterns = [
    path("contatti/", views.contact_list, name="contact_list"),
    path("contatti/nuovo/", views.contact_new, name="contact_new"),
    path("contatti/contatti.csv", export_views.contact_export, name="contact_export"),
    path("contatti/<uuid:contact>/", views.contact_detail, name="contact_detail"),
    path("contatti/<uuid:contact>/correggi/", views.contact_edit, name="contact_edit"),
    path("contatti/<uuid:contact>/ricevuta/", receipt_views.receipt_issue, name="receipt_issue"),
    path("contatti/<uuid:contact>/ricevuta/stampa/", receipt_views.receipt_print, name="receipt_print"),
    path("contatti/<uuid:contact>/ricevuta/persa/", receipt_views.receipt_lose, name="receipt_lose"),
    path("ricevute/", receipt_views.receipt_find, name="receipt_find"),
    path("ricevute/unisci/", receipt_views.receipt_claim, name="receipt_claim"),
    path("bozze/salva/", views.draft_save, name="draft_save"),
    path("bozze/<uuid:draft>/scarta/", views.draft_drop, name="draft_drop"),
    path("cerca/persone/", views.person_search, name="person_search"),
    path("cerca/case/", views.building_search, name="building_search"),
    path("cerca/bisogni/", views.term_search, name="term_search"),
    path("bisogni/", need_views.need_list, name="need_list"),
    path("bisogni/bisogni.csv", export_views.need_export, name="need_export"),
    path("bisogni/passaggio/", need_views.handover, name="handover"),
    path("bisogni/<uuid:need>/", need_views.need_detail, name="need_detail"),
    path("bisogni/<uuid:need>/risposta/", need_views.need_answer, name="need_answer"),
    path("bisogni/<uuid:need>/avvisa/", need_views.need_tell, name="need_tell"),
    path("bisogni/<uuid:need>/tentativo/", need_views.need_attempt, name="need_attempt"),
    path("bisogni/<uuid:need>/attesa/", need_views.need_wait, name="need_wait"),
    path("bisogni/<uuid:need>/affida/", need_views.need_plan, name="need_plan"),
    path("bisogni/<uuid:need>/chiudi/", need_views.need_close, name="need_close"),
    path("bisogni/<uuid:need>/riapri/", need_views.need_reopen, name="need_reopen"),
    path("risposte/<uuid:answer>/esito/", need_views.answer_outcome, name="answer_outcome"),
    path("persone/<uuid:person>/", timeline_views.person_timeline, name="person_timeline"),
    path("persone/<uuid:person>/messaggio/", timeline_views.message_leave, name="message_leave"),
    path("messaggi/", timeline_views.message_list, name="message_list"),
    path("messaggi/<uuid:delivery>/", timeline_views.message_read, name="message_read"),
    path("case/<uuid:building>/", timeline_views.building_timeline, name="building_timeline"),
    path("mese/", views.month, name="month"),
]
