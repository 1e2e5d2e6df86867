"""Figures and what leaves the lab, under /<lab>/rendiconto/."""

from django.urls import path

from . import needs_views, question_views, sheet_views

app_name = "reporting"
urlpatterns = [
    path("bisogni/", needs_views.needs, name="needs_map"),
    path("andamento/", needs_views.trends, name="trends"),
    path("numeri/", needs_views.published_figures, name="published"),
    path("numeri/numeri.pdf", needs_views.published_sheet, name="published_pdf"),
    path("numeri/numeri.csv", needs_views.published_export, name="published_csv"),
    path("sportello/", sheet_views.desk_sheet, name="desk_sheet"),
    path("sportello/foglio.pdf", sheet_views.desk_sheet_file, {"form": "pdf"}, name="desk_sheet_pdf"),
    path("sportello/foglio.xlsx", sheet_views.desk_sheet_file, {"form": "xlsx"}, name="desk_sheet_xlsx"),
    path("sportello/fissa/", sheet_views.desk_sheet_fix, name="desk_sheet_fix"),
    path("domande/", question_views.question_list, name="question_list"),
    path("domande/chi-risponde/", question_views.recipient_list, name="recipient_list"),
    path("domande/chi-risponde/<uuid:recipient>/togli/", question_views.recipient_remove, name="recipient_remove"),
    path("domande/<uuid:questions>/", question_views.question_sheet, name="question_sheet"),
    path("domande/<uuid:questions>/foglio.pdf", question_views.question_pdf, name="question_pdf"),
    path("domande/<uuid:questions>/manda/", question_views.question_send, name="question_send"),
    path("domande/<uuid:questions>/nuova/", question_views.question_new, name="question_new"),
    path("domande/<uuid:questions>/parole/", question_views.question_word, name="question_word"),
    path("domande/<uuid:questions>/<uuid:line>/togli/", question_views.question_drop, name="question_drop"),
    path("domande/<uuid:questions>/risposte/", question_views.question_answer, name="question_answer"),
    path("domande/<uuid:questions>/<uuid:line>/riporta/", question_views.question_return, name="question_return"),
]
