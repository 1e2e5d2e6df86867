"""What a column of a sheet may be: the fields of a contact or of a person, as data."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import SheetImport

Kind = SheetImport.Kind


@dataclass(frozen=True)
class Target:
    """A field that a column can fill. `words` are normalised headings under which it is found in real sheets."""

    name: str
    label: str | Promise
    help: str | Promise
    words: tuple[str, ...]
    # Several columns may fill it, one after the other.
    many: bool = False
    # Its words are translated one by one (values.py).
    listed: bool = False


_NAME = (
    Target(
        "full_name",
        _("Nome e cognome insieme"),
        _("Chi è venuto. Vuoto, «anonimo» o «-»: resta un contatto anonimo."),
        (
            *("nome e cognome", "cognome e nome", "nominativo", "nome cognome", "cognome nome", "utente", "persona"),
            *("richiedente", "chi", "cittadino", "beneficiario", "abitante", "inquilino", "full name", "name"),
        ),
    ),
    Target("given_name", _("Nome"), _("Solo il nome."), ("nome", "nome proprio", "first name", "given name")),
    Target("family_name", _("Cognome"), _("Solo il cognome."), ("cognome", "last name", "surname", "family name")),
    Target(
        "phone",
        _("Telefono"),
        _("Uno o più numeri, scritti come capita. Quello che non è un numero va nelle note."),
        (
            *("telefono", "tel", "cellulare", "cell", "recapito", "numero di telefono", "numero telefono", "n tel"),
            *("telefono cellulare", "contatto telefonico", "mobile", "phone", "altro telefono", "telefono 2"),
        ),
        many=True,
    ),
    Target(
        "birth",
        _("Nascita"),
        _("Data di nascita, oppure solo l’anno."),
        (
            *("nascita", "data di nascita", "data nascita", "nato il", "nata il", "nato a il", "anno di nascita"),
            *("anno nascita", "birth", "date of birth", "ddn"),
        ),
    ),
)

DESK_LOG: tuple[Target, ...] = (
    Target(
        "date",
        _("Data"),
        _("Il giorno del contatto: 3/5/25, 3 maggio 2025, una data di Excel. Serve in ogni riga."),
        (
            *("data", "giorno", "data contatto", "data del contatto", "data accesso", "data colloquio", "quando"),
            *("data e ora", "data richiesta", "date", "informazioni cronologiche"),
        ),
    ),
    Target("time", _("Ora"), _("L’ora, se c’è: altrimenti si scrive mezzogiorno."), ("ora", "orario", "ore", "time")),
    Target(
        "channel",
        _("Come è arrivato"),
        _("Sportello, telefono, messaggio… Nella pagina dopo dici che cosa vuol dire ogni parola."),
        (
            *("canale", "come", "come e arrivato", "modalita", "modalita di contatto", "tipo contatto"),
            *("tipo di contatto", "accesso", "mezzo", "channel", "modalita contatto", "tipologia contatto"),
        ),
        listed=True,
    ),
    Target(
        "language",
        _("Lingua"),
        _("La lingua in cui vi siete parlati."),
        ("lingua", "lingua usata", "lingua parlata", "lingue", "language", "madrelingua"),
        listed=True,
    ),
    *_NAME,
    Target(
        "topic",
        _("Argomento"),
        _("Di che cosa aveva bisogno. Diventa il bisogno del contatto."),
        (
            *("argomento", "tema", "bisogno", "tipo di richiesta", "tipo richiesta", "ambito", "motivo", "categoria"),
            *(
                "tipologia",
                "topic",
                "area",
                "oggetto",
                "area tematica",
                "tipologia richiesta",
                "bisogni",
                "motivazione",
            ),
        ),
        listed=True,
    ),
    Target(
        "words",
        _("Che cosa ha raccontato"),
        _("Il testo libero della richiesta. Si conserva cifrato e non si cerca."),
        (
            *(
                "richiesta",
                "descrizione",
                "racconto",
                "domanda",
                "problema",
                "dettaglio",
                "dettagli",
                "descrizione richiesta",
            ),
            *("cosa chiede", "che cosa chiede", "contenuto", "colloquio", "request"),
        ),
        many=True,
    ),
    Target(
        "answer",
        _("Risposta"),
        _("Che cosa avete detto o fatto. Si conserva cifrata."),
        (
            *("risposta", "azione", "azioni", "intervento", "risposta data", "cosa abbiamo fatto", "azione svolta"),
            *("soluzione", "orientamento", "answer", "attivita svolta"),
        ),
        many=True,
    ),
    Target(
        "service",
        _("Servizio dove è stato mandato"),
        _("Un servizio della vostra guida. I nomi che non ci sono restano nel testo della risposta."),
        (
            "servizio",
            "inviato a",
            "invio",
            "invio a",
            "ente",
            "servizio inviante",
            "servizio di invio",
            "indirizzato a",
        ),
        listed=True,
    ),
    Target(
        "state",
        _("Aperto o chiuso"),
        _("Se manca, il bisogno entra chiuso: la persona ha già saputo la risposta."),
        ("stato", "esito", "chiuso", "aperto chiuso", "stato pratica", "stato richiesta", "status", "risolto"),
        listed=True,
    ),
    Target(
        "operator",
        _("Operatore"),
        _("Chi ha ricevuto. I nomi di chi non lavora più qui restano nella nota."),
        ("operatore", "operatrice", "chi ha risposto", "a cura di", "sigla", "operator", "compilatore", "accolto da"),
        listed=True,
    ),
    Target(
        "building",
        _("Casa"),
        _("Via e numero. Una casa che non riconosciamo resta scritta nella nota."),
        ("casa", "indirizzo", "via", "civico", "palazzo", "residenza", "domicilio", "stabile", "address"),
        many=True,
    ),
    Target(
        "note",
        _("Nota per i colleghi"),
        _("Il resto che vuoi tenere. Più colonne finiscono una sotto l’altra, con il loro titolo."),
        ("note", "nota", "osservazioni", "annotazioni", "commenti", "altro", "notes"),
        many=True,
    ),
)

REGISTER: tuple[Target, ...] = (
    *_NAME,
    Target(
        "pronounced",
        _("Come si pronuncia"),
        _("Se il nome si legge in un altro modo."),
        ("pronuncia", "come si pronuncia", "detto", "detta", "soprannome"),
    ),
    Target("email", _("E-mail"), _("L’indirizzo di posta."), ("email", "e mail", "mail", "posta elettronica")),
    Target(
        "languages_spoken",
        _("Lingue che parla"),
        _("Una o più, divise da virgole."),
        (
            "lingua",
            "lingue",
            "lingua parlata",
            "lingue parlate",
            "madrelingua",
            "lingua madre",
            "language",
            "languages",
        ),
        listed=True,
    ),
    Target(
        "languages_read",
        _("Lingue che legge"),
        _("Molti parlano una lingua e non la leggono."),
        ("lingue lette", "legge", "lingua scritta", "lingua letta"),
        listed=True,
    ),
    Target(
        "address",
        _("Indirizzo"),
        _("Se l’alloggio è tra i vostri e non ci vive già qualcuno, la persona ci entra. Se no resta nelle note."),
        ("indirizzo", "via", "residenza", "domicilio", "casa", "abitazione", "address", "civico", "scala", "interno"),
        many=True,
    ),
    Target(
        "known_since",
        _("Conosciuta dal"),
        _("Il giorno in cui è venuta la prima volta."),
        (
            "data",
            "data iscrizione",
            "data registrazione",
            "iscritto il",
            "primo contatto",
            "data primo contatto",
            "dal",
        ),
    ),
    Target(
        "seen_on",
        _("Vista l’ultima volta"),
        _("Da questo giorno si conta per quanto tempo tenere la scheda."),
        ("ultimo contatto", "ultimo accesso", "data ultimo contatto", "ultima visita"),
    ),
    Target(
        "notes",
        _("Note"),
        _("Come incontrare bene questa persona. Si conservano cifrate."),
        ("note", "nota", "osservazioni", "annotazioni", "commenti", "altro", "notes"),
        many=True,
    ),
)

TARGETS: dict[str, tuple[Target, ...]] = {Kind.DESK_LOG: DESK_LOG, Kind.REGISTER: REGISTER}
NAMES = ("full_name", "given_name", "family_name")


def target_of(kind: str, name: str) -> Target | None:
    """Give the field with this name in a sheet of this kind; None when there is none."""
    return next((target for target in TARGETS[kind] if target.name == name), None)
