"""What each verb of the audit means, for people who are not programmers."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

VERBS: dict[str, "str | Promise"] = {
    "audit.read": _("Ha letto il registro"),
    "code.issue": _("Ha dato un codice di accesso"),
    "code.redeem": _("Ha usato un codice di accesso"),
    "code.revoke": _("Ha fermato dei codici di accesso"),
    "invitation.accept": _("Ha accettato un invito"),
    "lab.close_day": _("Ha segnato un giorno di chiusura"),
    "membership.end": _("Ha chiuso un incarico"),
    "membership.start": _("Ha dato un incarico"),
    "person.link_account": _("Ha aperto l’accesso alla propria pagina"),
    "retention.erase": _("Ha cancellato dati scaduti"),
    "retention.set": _("Ha cambiato per quanto tempo si conservano i dati"),
    "vault.destroy_key": _("Ha reso illeggibile un testo, per sempre"),
}


def name_of(verb: str) -> str:
    """Give the plain name of a verb; the verb itself when a newer program wrote it."""
    return str(VERBS.get(verb, verb))
