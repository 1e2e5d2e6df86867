"""Referrals: for the desk under /<lab>/invii/, for the service that answers under /<lab>/invio/<code>/."""

from django.urls import path

from . import link_views, views

app_name = "referrals"
urlpatterns = [
    path("invii/", views.referral_list, name="referral_list"),
    path("invii/nuovo/<uuid:need>/", views.referral_new, name="referral_new"),
    path("invii/risposta/<uuid:answer>/", views.referral_of_answer, name="referral_of_answer"),
    path("invii/<uuid:referral>/", views.referral_detail, name="referral_detail"),
    path("invii/<uuid:referral>/risponde/", views.referral_answer, name="referral_answer"),
    path("invii/<uuid:referral>/ritira/", views.referral_withdraw, name="referral_withdraw"),
    path("invii/<uuid:referral>/ricorda/", views.referral_remind, name="referral_remind"),
    path("invio/grazie/", link_views.link_thanks, name="link_thanks"),
    path("invio/<str:link>/", link_views.link_open, name="link_open"),
    path("invio/<str:link>/codice/", link_views.link_check, name="link_check"),
    path("invio/<str:link>/richiesta/", link_views.link_answer, name="link_answer"),
]
