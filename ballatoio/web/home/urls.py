"""The public pages (the labs, a lab's home, my address, call me back, accessibility) and the operator's day."""

from django.urls import path

from ballatoio.web.home import staff_views, views

app_name = "home"
urlpatterns = [
    path("", views.lab_list, name="lab_list"),
    path("accessibilita/", views.accessibility, name="accessibility"),
    path("lavoro/", views.own_work, name="own_work"),
    path("<slug:lab>/", views.lab_home, name="lab_home"),
    path("<slug:lab>/banco/", staff_views.today, name="today"),
    path("<slug:lab>/mappa/quartiere.svg", views.district_map, name="district_map"),
    path("<slug:lab>/mappa/servizi.svg", views.services_map, name="services_map"),
    path("<slug:lab>/casa/", views.address_search, name="address_search"),
    path("<slug:lab>/casa/<slug:building>/", views.address_detail, name="address_detail"),
    path("<slug:lab>/casa/<slug:building>/mappa.svg", views.address_map, name="address_map"),
    path("<slug:lab>/richiamami/", views.callback_request, name="callback_request"),
    path("<slug:lab>/richiamami/fatto/", views.callback_done, name="callback_done"),
    path("<slug:lab>/accessibilita/", views.accessibility_statement, name="accessibility_statement"),
    path("<slug:lab>/accessibilita/segnala/", views.accessibility_feedback, name="accessibility_feedback"),
    path("<slug:lab>/accessibilita/segnala/fatto/", views.accessibility_done, name="accessibility_done"),
    path("<slug:lab>/privacy/", views.privacy_note, name="privacy_note"),
]
