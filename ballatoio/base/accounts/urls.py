from django.urls import path

from . import views

app_name = "accounts"
urlpatterns = [
    path("squadra/", views.member_list, name="member_list"),
    path("squadra/invita/", views.member_invite, name="member_invite"),
    path("squadra/<uuid:membership>/fine/", views.membership_end, name="membership_end"),
    path("invito/", views.invitation_accept, name="invitation_accept"),
]
