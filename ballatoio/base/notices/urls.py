"""The outbox, under /<lab>/posta/."""

from django.urls import path

from . import views

app_name = "notices"
urlpatterns = [
    path("", views.to_do_list, name="to_do_list"),
    path("lettere.pdf", views.letters_print, name="letters_print"),
    path("lettere/imbucate/", views.letters_post, name="letters_post"),
    path("non-arrivati/", views.dead_list, name="dead_list"),
    path("non-arrivati/riprova/", views.dead_retry, name="dead_retry"),
    path("spediti/", views.sent_list, name="sent_list"),
    path("messaggi/<uuid:notice>/", views.notice_detail, name="notice_detail"),
    path("messaggi/<uuid:notice>/telefonata/", views.notice_call, name="notice_call"),
    path("messaggi/<uuid:notice>/fatto/", views.notice_done, name="notice_done"),
    path("messaggi/<uuid:notice>/riprova/", views.notice_retry, name="notice_retry"),
    path("messaggi/<uuid:notice>/altra-strada/", views.notice_reroute, name="notice_reroute"),
    path("messaggi/<uuid:notice>/annulla/", views.notice_cancel, name="notice_cancel"),
    path("messaggi/<uuid:notice>/tornato/", views.notice_return, name="notice_return"),
]
