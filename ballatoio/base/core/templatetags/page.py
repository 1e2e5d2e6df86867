"""What every page shows: the menu of languages, the operator's menu, form controls with the house's classes."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, Select, SelectMultiple
from django.http import HttpRequest
from django.template import Context, TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import get_language, get_language_info, gettext
from django.utils.translation import gettext_lazy as _

from ballatoio.base.core.languages import SPOKEN

register = template.Library()


@dataclass(frozen=True)
class LanguageLink:
    """One entry of the menu of languages."""

    code: str
    name: str
    url: str
    dir: str
    current: bool


@register.simple_tag(takes_context=True)
def language_links(context: dict[str, Any]) -> list[LanguageLink]:
    """The present page in each language of the installation, named in that language.

    The prefix is changed by hand: resolving and reversing the address for each language costs a millisecond.
    """
    request: HttpRequest | None = context.get("request")
    if request is None:
        return []
    here = get_language() or settings.LANGUAGE_CODE
    path = request.get_full_path()
    if here != settings.LANGUAGE_CODE and path.startswith(f"/{here}/"):
        path = path[len(here) + 1 :]
    links = []
    for code, _name in settings.LANGUAGES:
        info = get_language_info(code)
        url = path if code == settings.LANGUAGE_CODE else f"/{code}{path}"
        links.append(
            LanguageLink(code, info["name_local"].capitalize(), url, "rtl" if info["bidi"] else "ltr", code == here)
        )
    return links


@register.filter
def tel(number: str) -> str:
    """A phone number as a `tel:` link wants it: digits, and a plus in front if it was there."""
    return ("+" if number.strip().startswith("+") else "") + "".join(c for c in number if c.isdigit())


@register.filter
def language_name(code: str) -> str:
    """The name of a language in the language of the page, for a label with little room."""
    return next((str(name) for known, _own, name in SPOKEN if known == code), gettext("altra lingua"))


@register.filter
def unbroken(text: str) -> str:
    """Hours of opening that a narrow page may not part at their dash (U+2060, word joiner)."""
    return text.replace("–", "\u2060–\u2060")


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Whether the field is one box to tick: its label stands beside it, not above."""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def styled(field: BoundField) -> SafeString:
    """The control of a field with the class that the style sheet gives to its kind."""
    widget = field.field.widget
    if isinstance(widget, CheckboxInput):
        kind = "form-check-input"
    elif isinstance(widget, Select | SelectMultiple):
        kind = "form-select"
    else:
        kind = "form-control"
    attrs: dict[str, str | bool] = {"class": f"{widget.attrs.get('class', '')} {kind}".strip()}
    if field.errors:
        attrs["aria-invalid"] = "true"
        described = f"{field.auto_id}_error"
        attrs["aria-describedby"] = f"{field.auto_id}_helptext {described}" if field.help_text else described
    return field.as_widget(attrs=attrs)


@dataclass(frozen=True)
class NavItem:
    """One entry of the operator's menu; `is_more` puts it behind «Altro»."""

    label: str | Promise
    url: str
    current: bool
    is_new: bool
    is_more: bool
    key: str


DESK = frozenset({"desk", "mediator", "caseworker", "coordinator"})
COORDINATOR = frozenset({"coordinator"})
READERS = DESK | {"institution", "city_coordinator"}
# View name, label, access key, roles that find something behind it (the gate decides again at each request).
STAFF_NAV: tuple[tuple[str, str | Promise, str, frozenset[str]], ...] = (
    ("home:today", _("Oggi"), "o", DESK),
    ("desk:contact_new", _("Nuovo contatto"), "n", DESK),
    ("appointments:week", _("Appuntamenti"), "", DESK),
    ("desk:contact_list", _("Contatti"), "c", DESK),
    ("people:person_list", _("Persone"), "p", DESK),
    ("directory:service_manage", _("Servizi"), "s", DESK),
)
# What is not opened every hour.
STAFF_NAV_MORE: tuple[tuple[str, str | Promise, str, frozenset[str]], ...] = (
    ("desk:need_list", _("Bisogni"), "b", DESK),
    ("referrals:referral_list", _("Invii ai servizi"), "i", DESK),
    ("notices:to_do_list", _("Posta in uscita"), "u", DESK),
    ("issues:issue_list", _("Questioni delle case"), "q", DESK),
    ("desk:month", _("Il mese"), "m", DESK),
    ("reporting:needs_map", _("Mappa dei bisogni"), "", READERS),
    ("reporting:desk_sheet", _("Foglio dello sportello"), "", DESK),
    ("reporting:question_list", _("Domande agli enti"), "", COORDINATOR | {"institution"}),
    ("hours:week_fill", _("Le mie ore"), "", DESK | {"interpreter"}),
    ("hours:hours_summary", _("Ore di tutti"), "", COORDINATOR),
    ("people:double_list", _("Schede doppie"), "", DESK),
    ("spreadsheets:import_list", _("Fogli di calcolo"), "", COORDINATOR),
    ("accounts:member_list", _("Squadra"), "", COORDINATOR),
    ("labs:settings_home", _("Impostazioni"), "", COORDINATOR),
    ("privacy:audit_list", _("Registro"), "r", COORDINATOR),
)


def address(name: str, lab_slug: str) -> str:
    """The address of a page of the lab; empty when the installation does not have it."""
    try:
        return reverse(name, kwargs={"lab": lab_slug})
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def staff_nav(context: dict[str, Any]) -> list[NavItem]:
    """The operator's menu: the pages that one of their roles opens."""
    request = context["request"]
    found = []
    for entries in (STAFF_NAV, STAFF_NAV_MORE):
        for name, label, key, roles in entries:
            url = address(name, request.lab.slug)
            if url and roles & request.roles:
                current = request.resolver_match is not None and request.resolver_match.view_name == name
                is_new, is_more = name == "desk:contact_new", entries is STAFF_NAV_MORE
                found.append(NavItem(label, url, current, is_new, is_more, key))
    return found


@register.simple_tag(takes_context=True)
def staff_home(context: dict[str, Any]) -> str:
    """Where the lab's name leads: the operator's day, or the public page for whoever has none."""
    request = context["request"]
    return address("home:today", request.lab.slug) or address("home:lab_home", request.lab.slug)


@register.simple_tag(takes_context=True)
def staff_search_url(context: dict[str, Any]) -> str:
    """Where the search box of the bar leads; empty for roles that may not search people."""
    request = context["request"]
    if not request.roles & {"desk", "mediator", "caseworker", "coordinator"}:
        return ""
    return address("people:person_list", request.lab.slug)


@register.simple_tag(takes_context=True)
def demo_entrance(context: Context) -> str:
    """The cast of the demo, one click each; nothing at all outside demo mode."""
    if not settings.DEMO:
        return ""
    try:
        entrance = get_template("demo/_entrance.html")
    except TemplateDoesNotExist:
        return ""
    return entrance.render({}, context["request"])


@register.simple_tag
def demo_mode() -> bool:
    """Whether people, phones and stories on the page are invented."""
    return bool(settings.DEMO)
