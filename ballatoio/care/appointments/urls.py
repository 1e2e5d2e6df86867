"""Appointments: the desk's pages, booking by everybody, one's own by its code."""

from django.urls import path

from . import public_views, rota_views, views, waiting_views

app_name = "appointments"
urlpatterns = [
    path("appuntamenti/", views.week, name="week"),
    path("appuntamenti/nuovo/", views.appointment_new, name="appointment_new"),
    path("appuntamenti/codice/", views.appointment_find, name="appointment_find"),
    path("appuntamenti/persone/<uuid:person>/", views.person_appointments, name="person_appointments"),
    path("appuntamenti/da-spostare/", views.stranded_list, name="stranded_list"),
    path("appuntamenti/attesa/", waiting_views.waiting_list, name="waiting_list"),
    path("appuntamenti/attesa/nuova/", waiting_views.waiting_join, name="waiting_join"),
    path("appuntamenti/attesa/<uuid:place>/", waiting_views.waiting_detail, name="waiting_detail"),
    path("appuntamenti/attesa/<uuid:place>/accetta/", waiting_views.waiting_accept, name="waiting_accept"),
    path("appuntamenti/attesa/<uuid:place>/rifiuta/", waiting_views.waiting_decline, name="waiting_decline"),
    path("appuntamenti/attesa/<uuid:place>/togli/", waiting_views.waiting_leave, name="waiting_leave"),
    path("appuntamenti/orari/", rota_views.rota_list, name="rota_list"),
    path("appuntamenti/orari/nuovo/", rota_views.rota_new, name="rota_new"),
    path("appuntamenti/orari/<uuid:rota>/", rota_views.rota_edit, name="rota_edit"),
    path("appuntamenti/orari/<uuid:rota>/chiudi/", rota_views.rota_end, name="rota_end"),
    path("appuntamenti/assenze/nuova/", rota_views.absence_new, name="absence_new"),
    path("appuntamenti/assenze/<uuid:absence>/togli/", rota_views.absence_remove, name="absence_remove"),
    path("appuntamenti/chiusure/", rota_views.closing_list, name="closing_list"),
    path("appuntamenti/chiusure/riapri/", rota_views.closing_remove, name="closing_remove"),
    path("appuntamenti/tipi/", rota_views.kind_list, name="kind_list"),
    path("appuntamenti/tipi/nuovo/", rota_views.kind_new, name="kind_new"),
    path("appuntamenti/tipi/<uuid:kind>/", rota_views.kind_edit, name="kind_edit"),
    path("appuntamenti/calendario/", rota_views.calendar_link, name="calendar_link"),
    path("appuntamenti/<slug:code>.ics", rota_views.calendar_feed, name="calendar_feed"),
    path("appuntamenti/<uuid:appointment>/", views.appointment_detail, name="appointment_detail"),
    path("appuntamenti/<uuid:appointment>/arrivata/", views.appointment_receive, name="appointment_receive"),
    path("appuntamenti/<uuid:appointment>/segna/", views.appointment_mark, name="appointment_mark"),
    path("appuntamenti/<uuid:appointment>/annulla/", views.appointment_cancel, name="appointment_cancel"),
    path("appuntamenti/<uuid:appointment>/sposta/", views.appointment_move, name="appointment_move"),
    path("appuntamenti/<uuid:appointment>/va-bene/", views.appointment_settle, name="appointment_settle"),
    path("appuntamenti/<uuid:appointment>/foglio.pdf", views.appointment_slip, name="appointment_slip"),
    path("prenota/", public_views.booking, name="booking"),
    path("prenota/<slug:kind>/", public_views.booking_times, name="booking_times"),
    path("prenota/<slug:kind>/dati/", public_views.booking_details, name="booking_details"),
    path("prenota/<slug:kind>/attesa/", public_views.booking_wait, name="booking_wait"),
    path("appuntamento/", public_views.own, name="own"),
    path("appuntamento/rispondi/", public_views.own_answer, name="own_answer"),
    path("appuntamento/foglio.pdf", public_views.own_slip, name="own_slip"),
    path("appuntamento/<slug:code>/", public_views.own_enter, name="own_enter"),
]
