"""Public pages: read what is public, render; three forms hand over to the services of the desk."""

from collections.abc import Callable
from itertools import chain

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db.models import Count, Q
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ballatoio.base.accounts.http import LabRequest
from ballatoio.base.accounts.limits import is_too_often
from ballatoio.base.accounts.models import User
from ballatoio.base.directory.models import Service
from ballatoio.base.directory.texts import SOURCE_LANGUAGE, language_notice, translated
from ballatoio.base.jobs.services import AlreadySubmitted, new_once_token
from ballatoio.base.labs.models import Lab, LabOrganisation
from ballatoio.base.territory.addresses import find_buildings
from ballatoio.base.territory.drawing import (
    EDGE,
    Drawing,
    address_drawing,
    district_drawing,
    lab_frame,
    services_drawing,
)
from ballatoio.base.territory.map import Point
from ballatoio.base.territory.models import Building
from ballatoio.care.desk.models import DESK_ROLES
from ballatoio.care.desk.services import LabCannotAnswer, receive_accessibility_feedback, request_callback
from ballatoio.web.home.cards import first_sentence, lab_cards
from ballatoio.web.home.forms import AccessibilityFeedbackForm, CallbackForm
from ballatoio.web.home.hours import desk_hours
from ballatoio.web.home.nearby import near_services, point_of

# The longest address that anybody types; the rest of a paste is left out.
LONGEST_QUESTION = 200


class SignedInRequest(HttpRequest):
    """A request from somebody who has signed in, outside any lab."""

    user: User


def lab_list(request: HttpRequest) -> HttpResponse:
    """The labs of the installation: living neighbourhoods, not a sign-in."""
    return render(request, "home/lab_list.html", {"cards": lab_cards()})


def own_work(request: SignedInRequest) -> HttpResponse:
    """Where somebody lands after signing in: their desk, the choice among their labs, or the open pages."""
    labs = list(Lab.objects.filter(pk__in=request.user.lab_ids).order_by("name"))
    desks = request.user.labs_as(*DESK_ROLES)
    places = [(lab, "home:today" if lab.pk in desks else "home:lab_home") for lab in labs]
    if not places:
        return redirect("home:lab_list")
    if len(places) == 1:
        return redirect(places[0][1], lab=places[0][0].slug)
    return render(
        request, "home/own_work.html", {"places": [(lab, reverse(to, args=[lab.slug])) for lab, to in places]}
    )


def lab_home(request: LabRequest) -> HttpResponse:
    """A lab's home: the house with its doors, hours, who runs it, the map with its list."""
    lab = request.lab
    doors = placed_services(lab)
    language = get_language() or SOURCE_LANGUAGE
    texts = translated([lab, *chain.from_iterable(doors.values())], language, ["blurb", "name"])
    blurb = texts[lab.pk]["blurb"]
    context = {
        "lab": lab,
        "desk": desk_hours(lab),
        "blurb": blurb,
        "opening_words": first_sentence(blurb.value),
        "notice": language_notice([blurb], language),
        "partners": LabOrganisation.objects.filter(lab=lab).select_related("organisation"),
        "doors": [[(row, texts[row.pk]["name"]) for row in door] for door in doors.values()],
    }
    return render(request, "home/lab_home.html", context)


def placed_services(lab: Lab) -> dict[Point, list[Service]]:
    """The lab's services that its map shows, by the door where they stand: each door has one number on the map."""
    frame = lab_frame(lab)
    placed = Service.objects.of_lab(lab).published().filter(lat__isnull=False, lon__isnull=False)
    doors: dict[Point, list[Service]] = {}
    for service in placed.only("slug", "name", "lat", "lon").order_by("name", "pk"):
        point = point_of(service)
        if frame and frame.shows(*point, inside=EDGE):
            doors.setdefault(point, []).append(service)
    return doors


def district_map(request: LabRequest) -> HttpResponse:
    """The picture of the lab's houses in their district."""
    return picture(request, district_drawing(request.lab))


def services_map(request: LabRequest) -> HttpResponse:
    """The same picture with the services numbered as in the list beside it."""
    return picture(request, services_drawing(request.lab, list(placed_services(request.lab))))


def picture(request: HttpRequest, drawing: Drawing | None) -> HttpResponse:
    """A map as an SVG file that the browser may keep for ten minutes."""
    response = render(request, "home/map.svg", {"map": drawing}, content_type="image/svg+xml")
    response.headers["Cache-Control"] = "public, max-age=600"
    return response


def address_search(request: LabRequest) -> HttpResponse:
    """Find my address: one house found opens its page, several are listed, none gives streets and a phone."""
    text = request.GET.get("q", "")[:LONGEST_QUESTION].strip()
    found = find_buildings(request.lab, text) if text else []
    if len(found) == 1 and found[0].exact:
        return redirect("home:address_detail", lab=request.lab.slug, building=found[0].building.slug)
    context = {"lab": request.lab, "text": text, "found": found, "streets": [] if found else streets_of(request.lab)}
    return render(request, "home/address_search.html", context)


def streets_of(lab: Lab) -> list[str]:
    """The streets in which the lab works."""
    return list(Building.objects.of_lab(lab).order_by("street").values_list("street", flat=True).distinct())


def address_detail(request: LabRequest, building: str) -> HttpResponse:
    """What one has at this door: whom to ask, what is open nearby. Nothing about who lives there or what is empty."""
    house = public_house(request.lab, building)
    near = near_services(request.lab, house)
    context = {"lab": request.lab, "building": house, "desk": desk_hours(request.lab), "near": near}
    return render(request, "home/address_detail.html", context)


def address_map(request: LabRequest, building: str) -> HttpResponse:
    """The surroundings of a door, with the nearest services numbered as on its page."""
    house = public_house(request.lab, building)
    places = [near.point for near in near_services(request.lab, house)]
    return picture(request, address_drawing(request.lab, house, places))


def public_house(lab: Lab, slug: str) -> Building:
    """The lab's house with this slug, whom to ask about it and in how many stairs it has a lift, or a missing page."""
    houses = Building.objects.of_lab(lab).select_related("owner", "manager", "district")
    houses = houses.defer("district__geometry", "geometry").annotate(
        stair_count=Count("stairs", filter=Q(stairs__has_lift__isnull=False)),
        lift_count=Count("stairs", filter=Q(stairs__has_lift=True)),
    )
    return get_object_or_404(houses, slug=slug)


def callback_request(request: LabRequest) -> HttpResponse:
    """«Call me back in my language»: number, language, safe hours; it becomes a need of the lab."""
    form = CallbackForm(request.POST or None, initial={"language": get_language()})
    if request.method == "POST" and form.is_valid():
        if is_too_often(request, "callback"):
            return render(request, "429.html", status=429)
        given = form.cleaned_data
        sent = sent_to_desk(
            form,
            lambda: request_callback(
                request.lab,
                phone=given["phone"],
                language=given["language"],
                hours=form.hours_for_the_desk(),
                name=given["name"],
                once=request.POST.get("once", ""),
            ),
        )
        if sent:
            return redirect("home:callback_done", lab=request.lab.slug)
    return form_page(request, "home/callback_request.html", form)


def sent_to_desk(form: Form, send: Callable[[], object]) -> bool:
    """Do `send` and tell whether the desk has it; a second click counts as done, a desk without people as an error."""
    try:
        send()
    except AlreadySubmitted:
        return True
    except LabCannotAnswer:
        form.add_error(None, _("In questo momento non possiamo prendere richieste da qui. Telefona allo sportello."))
        return False
    return True


def callback_done(request: LabRequest) -> HttpResponse:
    """We have your number, and this is when we call."""
    return render(request, "home/callback_done.html", {"lab": request.lab, "desk": desk_hours(request.lab)})


def form_page(request: LabRequest, template: str, form: Form) -> HttpResponse:
    """A form with the token of its first showing: sent twice, it counts once."""
    once = request.POST.get("once") or new_once_token()
    context = {"lab": request.lab, "form": form, "once": once}
    return render(request, template, context, status=422 if form.errors else 200)


def accessibility(request: HttpRequest) -> HttpResponse:
    """The accessibility statement of the installation, with the labs to tell."""
    return render(request, "home/accessibility_statement.html", {"labs": Lab.objects.order_by("name"), "lab": None})


def accessibility_statement(request: LabRequest) -> HttpResponse:
    """The accessibility statement, with this lab to tell."""
    return render(request, "home/accessibility_statement.html", {"labs": [], "lab": request.lab})


def accessibility_feedback(request: LabRequest) -> HttpResponse:
    """What cannot be read or does not work; an answer is due within 30 days."""
    form = AccessibilityFeedbackForm(request.POST or None, initial={"page": request.GET.get("pagina", "")[:300]})
    if request.method == "POST" and form.is_valid():
        if is_too_often(request, "accessibility"):
            return render(request, "429.html", status=429)
        given = form.cleaned_data
        sent = sent_to_desk(
            form,
            lambda: receive_accessibility_feedback(
                request.lab,
                words=f"{given['page']}\n{given['problem']}".strip(),
                reply_to=given["reply_to"],
                language=get_language() or settings.LANGUAGE_CODE,
                once=request.POST.get("once", ""),
            ),
        )
        if sent:
            return redirect("home:accessibility_done", lab=request.lab.slug)
    return form_page(request, "home/accessibility_feedback.html", form)


def accessibility_done(request: LabRequest) -> HttpResponse:
    """We have it, and this is by when we answer."""
    return render(request, "home/accessibility_done.html", {"lab": request.lab})


def privacy_note(request: LabRequest) -> HttpResponse:
    """What we write down, who reads it, for how long, in plain words."""
    return render(request, "home/privacy_note.html", {"lab": request.lab})


def server_error(request: HttpRequest) -> HttpResponse:
    """Something broke: one calm sentence, and the phone when the lab is known. Reads nothing from the database."""
    return render(None, "500.html", {"lab": getattr(request, "lab", None)}, status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that cannot be read: when it is too big, a sentence says so (413), nothing of it was saved."""
    too_big = isinstance(exception, RequestDataTooBig | TooManyFieldsSent)
    return render(request, "413.html" if too_big else "400.html", status=413 if too_big else 400)
