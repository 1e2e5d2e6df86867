"""The menu of languages, the phone links, the form controls."""

from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from ballatoio.base.core.languages import CODES, SPOKEN, both_names
from ballatoio.base.core.templatetags.page import language_links, tel


def links(path: str, language: str) -> list[str]:
    with translation.override(language):
        return [link.url for link in language_links(Context({"request": RequestFactory().get(path)}))]


def test_each_page_links_to_itself_in_each_language() -> None:
    assert links("/milo/casa/?q=odazio", "it") == [
        "/milo/casa/?q=odazio",
        "/en/milo/casa/?q=odazio",
        "/ar/milo/casa/?q=odazio",
    ]


def test_from_another_language_the_prefix_changes() -> None:
    assert links("/ar/milo/", "ar") == ["/milo/", "/en/milo/", "/ar/milo/"]


def test_the_menu_names_languages_in_themselves_and_says_their_direction() -> None:
    with translation.override("en"):
        found = language_links(Context({"request": RequestFactory().get("/en/")}))
    assert [(link.name, link.dir, link.current) for link in found] == [
        ("Italiano", "ltr", False),
        ("English", "ltr", True),
        ("العربيّة", "rtl", False),
    ]


def test_phone_links_have_digits_only() -> None:
    assert tel("02 5550-0101") == "0255500101"
    assert tel("+39 02 5550 0101") == "+390255500101"


def test_people_may_ask_for_thirteen_languages() -> None:
    assert len(SPOKEN) == len(CODES) == 13
    assert dict(both_names())["ar"] == "arabo · العربية"


class TryForm(forms.Form):
    phone = forms.CharField(label="Telefono", help_text="Con il prefisso")
    kind = forms.ChoiceField(label="Tipo", choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    sure = forms.BooleanField(label="Sicuro")


def render(name: str, form: forms.Form) -> str:
    return Template('{% include "core/_field.html" with field=form.' + name + " %}").render(Context({"form": form}))


def test_a_wrong_field_names_its_error_to_who_cannot_see_it() -> None:
    html = render("phone", TryForm({}))
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_phone_helptext id_phone_error"' in html
    assert 'id="id_phone_helptext"' in html
    assert 'id="id_phone_error"' in html


def test_labels_stand_above_and_belong_to_their_control() -> None:
    html = render("phone", TryForm())
    assert html.index('<label for="id_phone">') < html.index("<input")
    assert 'class="form-control"' in html


def test_choices_are_a_fieldset_with_a_legend() -> None:
    html = render("kind", TryForm())
    assert html.index("<fieldset") < html.index("<legend>Tipo</legend>") < html.index('for="id_kind_0"')


def test_a_box_to_tick_has_its_label_beside_it() -> None:
    html = render("sure", TryForm())
    assert html.index("<input") < html.index('<label for="id_sure">')
