from django.urls import path

from . import views

app_name = "privacy"
urlpatterns = [
    path("registro/", views.audit_list, name="audit_list"),
    path("registro/conservazione/", views.retention_list, name="retention_list"),
    path("persone/<uuid:person>/codice/", views.code_issue, name="code_issue"),
    path("entra/", views.sign_in, name="sign_in"),
    path("io/", views.resident_home, name="resident_home"),
    path("io/registro/", views.resident_audit, name="resident_audit"),
]
