"""Every kind of page of the product, once: where it is, and who opens it."""

import re
from dataclasses import dataclass

from playwright.sync_api import APIRequestContext

LANGUAGES = ("it", "en", "ar")


@dataclass(frozen=True)
class Kind:
    """A kind of page. `path` may name a record in braces, found by following the product's own links."""

    name: str
    path: str
    staff: bool = False


PUBLIC = [
    Kind("labs", "/"),
    Kind("lab-home", "/mazzini/"),
    Kind("address-search", "/mazzini/casa/"),
    Kind("address-unknown", "/mazzini/casa/?q=via+che+non+esiste+999"),
    Kind("address", "/mazzini/casa/{building}/"),
    Kind("services", "/mazzini/servizi/"),
    Kind("services-near", "/mazzini/servizi/?casa={building}&aperti=on"),
    Kind("service", "/mazzini/servizi/{service}/"),
    Kind("callback", "/mazzini/richiamami/"),
    Kind("callback-done", "/mazzini/richiamami/fatto/"),
    Kind("accessibility", "/mazzini/accessibilita/"),
    Kind("accessibility-feedback", "/mazzini/accessibilita/segnala/"),
    Kind("privacy", "/mazzini/privacy/"),
    Kind("sign-in", "/accesso/login/"),
    Kind("code-sign-in", "/mazzini/entra/"),
    Kind("invitation", "/mazzini/invito/"),
]
STAFF = [
    Kind("today", "/mazzini/banco/", staff=True),
    Kind("contact-new", "/mazzini/banco/contatti/nuovo/", staff=True),
    Kind("contact", "/mazzini/banco/contatti/{contact}/", staff=True),
    Kind("contact-edit", "/mazzini/banco/contatti/{contact}/correggi/", staff=True),
    Kind("contacts", "/mazzini/banco/contatti/", staff=True),
    Kind("needs", "/mazzini/banco/bisogni/", staff=True),
    Kind("need", "/mazzini/banco/bisogni/{need}/", staff=True),
    Kind("handover", "/mazzini/banco/bisogni/passaggio/", staff=True),
    Kind("month", "/mazzini/banco/mese/", staff=True),
    Kind("person-timeline", "/mazzini/banco/persone/{person}/", staff=True),
    Kind("building-timeline", "/mazzini/banco/case/{house}/", staff=True),
    Kind("message", "/mazzini/banco/persone/{person}/messaggio/", staff=True),
    Kind("people", "/mazzini/persone/?q=mar", staff=True),
    Kind("person-new", "/mazzini/persone/nuova/", staff=True),
    Kind("person-edit", "/mazzini/persone/{person}/modifica/", staff=True),
    Kind("person", "/mazzini/persone/{person}/", staff=True),
    Kind("services-manage", "/mazzini/servizi/gestione/", staff=True),
    Kind("service-edit", "/mazzini/servizi/gestione/{service}/", staff=True),
    Kind("service-new", "/mazzini/servizi/gestione/nuovo/", staff=True),
    Kind("service-translate", "/mazzini/servizi/gestione/{service}/lingue/ar/", staff=True),
    Kind("audit", "/mazzini/registro/", staff=True),
    Kind("retention", "/mazzini/registro/conservazione/", staff=True),
    Kind("team", "/mazzini/squadra/", staff=True),
    Kind("invite", "/mazzini/squadra/invita/", staff=True),
]
KINDS = PUBLIC + STAFF

# A record -> the page that links to one, and how the link looks.
FOUND_ON = {
    "service": ("/mazzini/servizi/", r"/mazzini/servizi/([a-z0-9-]+)/\""),
    "need": ("/mazzini/banco/bisogni/", r"/banco/bisogni/([0-9a-f-]{36})/"),
    "contact": ("/mazzini/banco/contatti/?chi=conosciuto", r"/banco/contatti/([0-9a-f-]{36})/"),
}
HOUSE = re.compile(r"/banco/case/([0-9a-f-]{36})/")
PERSON = re.compile(r"/banco/persone/([0-9a-f-]{36})/")


def find_records(api: APIRequestContext, server: str) -> dict[str, str]:
    """Give one record of each kind that a path may name, as a coordinator finds them."""
    records = {"building": "via-mompiani-4"}
    contacts: list[str] = []
    for name, (path, link) in FOUND_ON.items():
        found = [slug for slug in re.findall(link, api.get(f"{server}{path}").text()) if slug != "gestione"]
        assert found, f"{path} links to no {name}"
        records[name] = found[0]
        contacts = found
    for contact in dict.fromkeys(contacts):
        # A contact that is about a house too, so that its page shows all that it can.
        text = api.get(f"{server}/mazzini/banco/contatti/{contact}/").text()
        house, person = HOUSE.search(text), PERSON.search(text)
        if house and person:
            return records | {"contact": contact, "house": house[1], "person": person[1]}
    raise AssertionError("no contact of somebody known is about a house")


def address(kind: Kind, language: str, records: dict[str, str]) -> str:
    """Give the path of a kind of page in a language."""
    prefix = "" if language == "it" else f"/{language}"
    return prefix + kind.path.format(**records)
