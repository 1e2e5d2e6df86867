"""What each verb of the audit means, for people who are not programmers."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

VERBS: dict[str, "str | Promise"] = {
    "answer.outcome": _("Ha scritto come è finita una risposta"),
    "audit.read": _("Ha letto il registro"),
    "building.add": _("Ha aggiunto una casa"),
    "code.issue": _("Ha dato un codice di accesso"),
    "code.redeem": _("Ha usato un codice di accesso"),
    "code.revoke": _("Ha fermato dei codici di accesso"),
    "consent.give": _("Ha registrato un consenso"),
    "consent.withdraw": _("Ha registrato la fine di un consenso"),
    "contact.amend": _("Ha corretto un contatto"),
    "contact.export": _("Ha scaricato un elenco di contatti"),
    "contact.read": _("Ha letto un contatto"),
    "contact.record": _("Ha registrato un contatto"),
    "dwelling.change_state": _("Ha cambiato lo stato di un alloggio"),
    "invitation.accept": _("Ha accettato un invito"),
    "lab.close_day": _("Ha segnato un giorno di chiusura"),
    "membership.end": _("Ha chiuso un incarico"),
    "membership.start": _("Ha dato un incarico"),
    "message.deliver": _("Ha consegnato un messaggio"),
    "message.leave": _("Ha lasciato un messaggio"),
    "message.read": _("Ha letto un messaggio"),
    "need.answer": _("Ha dato una risposta"),
    "need.attempt": _("Ha provato a contattare la persona"),
    "need.close": _("Ha chiuso un bisogno"),
    "need.escalate": _("Ha segnalato un bisogno a chi coordina"),
    "need.hand_over": _("Ha passato dei bisogni a un’altra persona"),
    "need.plan": _("Ha deciso chi segue un bisogno e quando"),
    "need.reopen": _("Ha riaperto un bisogno"),
    "need.tell": _("Ha comunicato una risposta"),
    "need.wait": _("Ha messo un bisogno in attesa di altri"),
    "needterm.import": _("Ha caricato l’elenco dei bisogni"),
    "organisation.add": _("Ha aggiunto un’organizzazione"),
    "person.link_account": _("Ha aperto l’accesso alla propria pagina"),
    "retention.erase": _("Ha cancellato dati scaduti"),
    "retention.set": _("Ha cambiato per quanto tempo si conservano i dati"),
    "service.add": _("Ha aggiunto un servizio"),
    "service.amend": _("Ha corretto un servizio"),
    "service.verify": _("Ha controllato un servizio"),
    "territory.import": _("Ha caricato case, alloggi e luoghi"),
    "vault.destroy_key": _("Ha reso illeggibile un testo, per sempre"),
}


def name_of(verb: str) -> str:
    """Give the plain name of a verb; the verb itself when a newer program wrote it."""
    return str(VERBS.get(verb, verb))
