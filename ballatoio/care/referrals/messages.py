"""What is written to services and to people about a referral. Nothing in a message says whom it is about, or why."""

from datetime import date

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.services import Text

from .models import Referral


def _day(day: date) -> str:
    return date_format(day, "j F Y").lower()


def _facts(referral: Referral) -> dict[str, str]:
    lab = referral.lab
    return {
        "lab": lab.name,
        "phone": lab.phone,
        "address": lab.address,
        "service": referral.service_name,
        "reference": referral.reference,
        "sent": _day(timezone.localdate(referral.sent_at)),
        "until": _day(referral.expires_on),
    }


def _signed(lab: Lab, *sentences: str) -> str:
    """Give the sentences with who writes, where they are and how to reach them below."""
    return "\n\n".join([*sentences, f"{lab.name}\n{lab.address}\n{lab.phone}"])


def request_by_email(referral: Referral, link: str, *, again: bool) -> Text:
    """Ask a service to read a request and answer it; `again` when it was asked before."""
    facts = _facts(referral)
    subject = (
        _("Promemoria: una richiesta per voi (%(reference)s)") if again else _("Una richiesta per voi (%(reference)s)")
    )
    opening = (
        _("il %(sent)s vi abbiamo mandato una persona per «%(service)s». Non abbiamo ancora una risposta.")
        if again
        else _("vi mandiamo una persona per «%(service)s».")
    )
    body = _signed(
        referral.lab,
        _("Buongiorno,") + "\n" + opening % facts,
        _("Per leggere la richiesta e rispondere:") + f"\n{link}",
        _("Il link manda un codice a questo indirizzo: così la richiesta la leggete solo voi. Vale fino al %(until)s.")
        % facts,
        _("Potete anche rispondere per telefono, al %(phone)s. Dite solo il riferimento: %(reference)s.") % facts,
    )
    return Text(subject % facts, body, _("%(lab)s: una richiesta per voi, riferimento %(reference)s.") % facts)


def request_by_hand(referral: Referral, *, again: bool) -> Text:
    """What a colleague does who has to call, or write to, a service that has no e-mail."""
    facts = _facts(referral)
    subject = _("Chiedere se hanno risposto: invio %(reference)s") if again else _("Presentare l’invio %(reference)s")
    body = _signed(
        referral.lab,
        _("Per «%(service)s», invio del %(sent)s, riferimento %(reference)s. Serve una risposta entro il %(until)s.")
        % facts,
        _("Che cosa si può dire è scritto nella pagina dell’invio. Lì si segna anche la risposta."),
    )
    return Text(subject % facts, body, subject % facts)


def check_code(referral: Referral, code: str, *, minutes: int) -> Text:
    """The code that shows that whoever opened the link reads the post of the service."""
    spaced = f"{code[:5]} {code[5:]}"
    subject = _("Codice di conferma: %(code)s") % {"code": spaced}
    body = _signed(
        referral.lab,
        _("Il codice per leggere la richiesta %(reference)s è: %(code)s")
        % {"reference": referral.reference, "code": spaced},
        _("Vale %(minutes)s minuti e una volta sola. Se non l’avete chiesto voi, non serve fare niente.")
        % {"minutes": minutes},
    )
    return Text(subject, body, subject)


def request_withdrawn(referral: Referral) -> Text:
    """Tell a service which has read a request that it is taken back."""
    facts = _facts(referral)
    subject = _("Richiesta ritirata (%(reference)s)") % facts
    body = _signed(
        referral.lab,
        _("Buongiorno,")
        + "\n"
        + _("la richiesta %(reference)s del %(sent)s per «%(service)s» è ritirata: la persona ha cambiato idea.")
        % facts,
        _("Vi chiediamo di non cercarla e di cancellare quello che avete scritto su di lei."),
    )
    return Text(subject, body, subject)


def answer_is_here(referral: Referral) -> Text:
    """Tell who asked that there is an answer; neither which one nor whose: anybody may open it, or pick it up."""
    lab = referral.lab
    facts = _facts(referral) | {"asked": _day(timezone.localdate(referral.need.opened_at))}
    body = _signed(
        lab,
        _("C’è una risposta alla tua richiesta del %(asked)s.") % facts,
        _("Chiama il %(phone)s, oppure passa da noi: %(address)s. Te la diciamo a voce.") % facts,
    )
    short = _("%(lab)s: c’è una risposta alla tua richiesta. Chiama il %(phone)s o passa: %(address)s.") % facts
    return Text(_("C’è una risposta per te"), body, short)
