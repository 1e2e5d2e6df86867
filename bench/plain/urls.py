from django.urls import path

from . import views

urlpatterns = [
    path("page/<int:pk>/", views.page),
    path("rows/", views.rows),
    path("add/", views.add),
]
