"""Every kind of page of the product, once: where it is, and who opens it."""

import re
from dataclasses import dataclass

from playwright.sync_api import APIRequestContext

LANGUAGES = ("it", "en", "ar")
# A coordinator, who may open every page of the desk.
ELENA = "elena"


@dataclass(frozen=True)
class Kind:
    """A kind of page. `path` may name a record in braces, found by following the product's own links."""

    name: str
    path: str
    who: str = ""  # of the cast; nobody signed in when empty


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
    Kind("booking", "/mazzini/prenota/"),
    Kind("booking-times", "/mazzini/prenota/{kind}/"),
    Kind("own-appointment", "/mazzini/appuntamento/"),
    Kind("receipt", "/mazzini/ricevuta/"),
]
STAFF = [
    Kind("today", "/mazzini/banco/", ELENA),
    Kind("contact-new", "/mazzini/banco/contatti/nuovo/", ELENA),
    Kind("contact", "/mazzini/banco/contatti/{contact}/", ELENA),
    Kind("contact-edit", "/mazzini/banco/contatti/{contact}/correggi/", ELENA),
    Kind("contacts", "/mazzini/banco/contatti/", ELENA),
    Kind("needs", "/mazzini/banco/bisogni/", ELENA),
    Kind("need", "/mazzini/banco/bisogni/{need}/", ELENA),
    Kind("handover", "/mazzini/banco/bisogni/passaggio/", ELENA),
    Kind("month", "/mazzini/banco/mese/", ELENA),
    Kind("person-timeline", "/mazzini/banco/persone/{person}/", ELENA),
    Kind("building-timeline", "/mazzini/banco/case/{house}/", ELENA),
    Kind("message", "/mazzini/banco/persone/{person}/messaggio/", ELENA),
    Kind("people", "/mazzini/persone/?q=mar", ELENA),
    Kind("person-new", "/mazzini/persone/nuova/", ELENA),
    Kind("person-edit", "/mazzini/persone/{person}/modifica/", ELENA),
    Kind("person", "/mazzini/persone/{person}/", ELENA),
    Kind("person-separate", "/mazzini/persone/{person}/separa/", ELENA),
    Kind("contact-point", "/mazzini/persone/{person}/recapiti/nuovo/", ELENA),
    Kind("home", "/mazzini/persone/{person}/casa/", ELENA),
    Kind("identifier", "/mazzini/persone/{person}/codici/nuovo/", ELENA),
    Kind("consent", "/mazzini/persone/{person}/consensi/nuovo/", ELENA),
    Kind("services-manage", "/mazzini/servizi/gestione/", ELENA),
    Kind("service-edit", "/mazzini/servizi/gestione/{service}/", ELENA),
    Kind("service-new", "/mazzini/servizi/gestione/nuovo/", ELENA),
    Kind("service-translate", "/mazzini/servizi/gestione/{service}/lingue/ar/", ELENA),
    Kind("audit", "/mazzini/registro/", ELENA),
    Kind("retention", "/mazzini/registro/conservazione/", ELENA),
    Kind("team", "/mazzini/squadra/", ELENA),
    Kind("invite", "/mazzini/squadra/invita/", ELENA),
    Kind("appointments", "/mazzini/appuntamenti/", ELENA),
    Kind("appointment-new", "/mazzini/appuntamenti/nuovo/", ELENA),
    Kind("waiting-list", "/mazzini/appuntamenti/attesa/", ELENA),
    Kind("rotas", "/mazzini/appuntamenti/orari/", ELENA),
    Kind("rota-new", "/mazzini/appuntamenti/orari/nuovo/", ELENA),
    Kind("appointment-kinds", "/mazzini/appuntamenti/tipi/", ELENA),
    Kind("calendar", "/mazzini/appuntamenti/calendario/", ELENA),
    Kind("referrals", "/mazzini/invii/", ELENA),
    Kind("referral", "/mazzini/invii/{referral}/", ELENA),
    Kind("referral-new", "/mazzini/invii/nuovo/{need}/", ELENA),
    Kind("outbox", "/mazzini/posta/", ELENA),
    Kind("outbox-dead", "/mazzini/posta/non-arrivati/", ELENA),
    Kind("outbox-sent", "/mazzini/posta/spediti/", ELENA),
    Kind("issues", "/mazzini/questioni/", ELENA),
    Kind("issue", "/mazzini/questioni/{issue}/", ELENA),
    Kind("doubles", "/mazzini/persone/doppioni/", ELENA),
    Kind("merge-choose", "/mazzini/persone/{person}/unisci/", ELENA),
    Kind("receipts", "/mazzini/banco/ricevute/", ELENA),
    Kind("messages", "/mazzini/banco/messaggi/", ELENA),
    Kind("needs-map", "/mazzini/rendiconto/bisogni/", ELENA),
    Kind("trends", "/mazzini/rendiconto/andamento/", ELENA),
    Kind("published", "/mazzini/rendiconto/numeri/", ELENA),
    Kind("questions", "/mazzini/rendiconto/domande/", ELENA),
    Kind("question-sheet", "/mazzini/rendiconto/domande/{questions}/", ELENA),
    Kind("desk-sheet", "/mazzini/rendiconto/sportello/?mese=2026-10", ELENA),
    Kind("hours", "/mazzini/ore/", ELENA),
    Kind("hours-summary", "/mazzini/ore/riepilogo/", ELENA),
    Kind("activities", "/mazzini/ore/attivita/", ELENA),
    Kind("imports", "/mazzini/fogli/", ELENA),
    Kind("import-new", "/mazzini/fogli/nuovo/", ELENA),
    Kind("words", "/mazzini/servizi/gestione/parole/", ELENA),
    Kind("settings", "/mazzini/laboratorio/", ELENA),
    Kind("closing-days", "/mazzini/laboratorio/chiusure/", ELENA),
]
OTHERS = [
    Kind("today-of-one", "/mazzini/banco/?", "anna"),
    Kind("resident", "/mazzini/io/", "farid"),
    Kind("resident-audit", "/mazzini/io/registro/", "farid"),
]
KINDS = PUBLIC + STAFF + OTHERS

# A record -> the page that links to one, and how the link looks.
FOUND_ON = {
    "service": ("/mazzini/servizi/", r"/mazzini/servizi/([a-z0-9-]+)/\""),
    "need": ("/mazzini/banco/bisogni/", r"/banco/bisogni/([0-9a-f-]{36})/"),
    "kind": ("/mazzini/prenota/", r"/mazzini/prenota/([a-z0-9-]+)/"),
    "referral": ("/mazzini/invii/", r"/mazzini/invii/([0-9a-f-]{36})/"),
    "issue": ("/mazzini/questioni/", r"/mazzini/questioni/([0-9a-f-]{36})/"),
    "questions": ("/mazzini/rendiconto/domande/", r"/mazzini/rendiconto/domande/([0-9a-f-]{36})/"),
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
