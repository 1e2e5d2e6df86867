"""Issues of the buildings, under /<lab>/questioni/."""

from django.urls import path

from . import views

app_name = "issues"
urlpatterns = [
    path("", views.issue_list, name="issue_list"),
    path("nuova/", views.issue_new, name="issue_new"),
    path("casa/<uuid:building>/", views.building_issues, name="building_issues"),
    path("bisogno/<uuid:need>/", views.need_issue, name="need_issue"),
    path("<uuid:issue>/", views.issue_detail, name="issue_detail"),
    path("<uuid:issue>/passo/", views.issue_step, name="issue_step"),
    path("<uuid:issue>/affida/", views.issue_plan, name="issue_plan"),
    path("<uuid:issue>/riapri/", views.issue_reopen, name="issue_reopen"),
    path("<uuid:issue>/unisci/", views.issue_join, name="issue_join"),
    path("<uuid:issue>/togli/<uuid:need>/", views.issue_leave, name="issue_leave"),
]
