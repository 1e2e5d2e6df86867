from django.urls import path

from . import export_views, views

app_name = "accounts"
urlpatterns = [
    path("squadra/", views.member_list, name="member_list"),
    path("squadra/squadra.csv", export_views.member_export, name="member_export"),
    path("squadra/invita/", views.member_invite, name="member_invite"),
    path("squadra/<uuid:membership>/fine/", views.membership_end, name="membership_end"),
    path("squadra/<uuid:membership>/invito/", views.invitation_renew, name="invitation_renew"),
    path("invito/", views.invitation_accept, name="invitation_accept"),
]
