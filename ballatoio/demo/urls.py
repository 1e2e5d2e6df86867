"""Under /demo/, in demo mode only."""

from django.urls import path

from . import views

app_name = "demo"
urlpatterns = [path("entra/<slug:name>/", views.enter, name="enter")]
