"""What the holder of a receipt opens, under /<lab>/: no sign-in, or their own page."""

from django.urls import path

from . import receipt_views

app_name = "receipts"
urlpatterns = [
    path("ricevuta/", receipt_views.receipt_check, name="receipt_check"),
    path("io/ricevuta/", receipt_views.receipt_keep, name="receipt_keep"),
]
