"""Pages of the directory, under /<lab>/servizi/."""

from django.urls import path

from . import views

app_name = "directory"

urlpatterns = [
    path("", views.service_list, name="service_list"),
    path("<slug:slug>/", views.service_detail, name="service_detail"),
    path("<slug:slug>/scheda.pdf", views.service_sheet, name="service_sheet"),
]
