from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from .models import Row


def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Y1: one page, one query."""
    return render(request, "plain_page.html", {"row": get_object_or_404(Row.objects.select_related("topic"), pk=pk)})


@login_required
def rows(request: HttpRequest) -> HttpResponse:
    """Y2: a list of 25 rows, four queries (session, user, count, rows)."""
    found = Row.objects.select_related("topic", "author").order_by("-created_at", "-pk")
    return render(request, "plain_rows.html", {"page": Paginator(found, 25).get_page(request.GET.get("page"))})


@login_required
def add(request: HttpRequest) -> HttpResponse:
    """Y3: a POST that inserts one row, behind session and CSRF."""
    if request.method == "POST":
        Row.objects.create(title=request.POST["title"], text=request.POST["text"], topic_id=1, author=request.user)
        return redirect("/rows/")
    return render(request, "plain_add.html")
