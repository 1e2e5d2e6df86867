"""Houses, stairs and flats as their coordinator keeps them, under /<lab>/laboratorio/case/."""

from django.urls import path

from . import views

app_name = "territory"
urlpatterns = [
    path("", views.building_list, name="building_list"),
    path("nuova/", views.building_new, name="building_new"),
    path("<uuid:building>/", views.building_manage, name="building_manage"),
    path("<uuid:building>/indirizzo/", views.building_correct, name="building_correct"),
    path("<uuid:building>/scale/", views.stair_add, name="stair_add"),
    path("<uuid:building>/alloggi/", views.dwelling_add, name="dwelling_add"),
    path("alloggi/<uuid:dwelling>/", views.dwelling_change, name="dwelling_change"),
]
