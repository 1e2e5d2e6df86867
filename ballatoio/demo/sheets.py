"""Invented spreadsheets as a lab really keeps them: to try the import, for its tests, and for the guide.

Dates are written in five ways, telephones in six, names in two orders; there are titles above the headings, two
columns with the same heading, a column without any, words that mean the same.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from .content import load, one_of

TITLES = ["Registro accessi dello sportello", "NON CANCELLARE QUESTO FILE!!"]
LOG_HEADINGS = (
    *("Data", "Ora", "Cognome e nome", "Telefono", "Lingua", "Modalità", "Tipo di richiesta", "Descrizione richiesta"),
    *("Risposta", "Inviato a", "Esito", "Operatore", "Indirizzo", "Note", "Note", ""),
)
REGISTER_HEADINGS = ("Cognome", "Nome", "Tel.", "Nato il", "Lingue", "Via", "civico", "e-mail", "Annotazioni")
MONTHS = (
    *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno"),
    *("luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"),
)
LANGUAGES = ("", "italiano", "Italiano", "ITA", "arabo", "Arabo egiziano", "spagnolo", "cinese", "bengalese", "inglese")
CHANNELS = ("sportello", "Sportello", "di persona", "telefono", "Telefonata", "tel.", "WhatsApp", "mail", "in cortile")
TOPICS = ("affitto", "Affitto", "casa - manutenzione", "documenti", "lavoro", "bollette", "scuola dei figli", "SPID")
STORIES = (
    "ha ricevuto una lettera e non la capisce",
    "chiede come si fa la domanda",
    "l’ascensore è fermo da due settimane, dice che è già la terza volta",
    "non riesce a pagare; vuole sapere se si può dividere",
    "=chiede se c’è posto, - non sa a chi rivolgersi",
)
ANSWERS = (
    "spiegato come fare",
    "compilato il modulo insieme",
    "dato il numero giusto",
    "richiamato il giorno dopo",
    "",
)
OUTCOMES = ("chiuso", "Chiuso", "ok", "risolto", "in corso", "in attesa", "")
SENT_TO = ("", "", "", "CAF", "anagrafe", "sindacato")


def log_rows(rng: random.Random, count: int, *, today: date, days: int = 900) -> Iterator[list[str]]:
    """Give `count` rows of a desk log, in the order of time, under LOG_HEADINGS."""
    people = [_person(rng) for _ in range(max(3, count // 4))]
    operators = ("Anna", "anna c.", "LUCIA", "Lucia")
    for number in range(count):
        on = today - timedelta(days=days - days * number // count)
        given, family, phone = one_of(rng, people)
        anonymous = rng.random() < 0.3
        name = one_of(rng, ("anonimo", "-", "", "ANONIMA")) if anonymous else f"{family} {given}"
        yield [
            write_day(rng, on),
            one_of(rng, ("", "10:30", "10.30", "15", "ore 9")),
            name.upper() if rng.random() < 0.2 else name,
            "" if anonymous or rng.random() < 0.3 else write_phone(rng, phone),
            one_of(rng, LANGUAGES),
            one_of(rng, CHANNELS),
            one_of(rng, TOPICS),
            one_of(rng, STORIES),
            one_of(rng, ANSWERS),
            one_of(rng, SENT_TO),
            one_of(rng, OUTCOMES),
            one_of(rng, operators),
            one_of(rng, ("", "", "via Odazio 7", "v. odazio, 7 sc. B", "viale Omero 12/a", "via che non c’è 3")),
            one_of(rng, ("", "", "torna giovedì", "+ figlio piccolo")),
            one_of(rng, ("", "", "", "vedi cartellina")),
            one_of(rng, ("", "", "x")),
        ]


def register_rows(rng: random.Random, count: int, *, today: date) -> Iterator[list[str]]:
    """Give `count` rows of a register of people under REGISTER_HEADINGS."""
    for _ in range(count):
        given, family, phone = _person(rng)
        born = today - timedelta(days=rng.randint(18 * 366, 85 * 365))
        yield [
            family.upper() if rng.random() < 0.5 else family,
            given,
            "" if rng.random() < 0.2 else write_phone(rng, phone),
            one_of(rng, ("", str(born.year), write_day(rng, born, whole_year=True))),
            one_of(rng, ("", "italiano", "arabo, francese", "Spagnolo/italiano", "cinese")),
            one_of(rng, ("", "via Odazio", "viale Omero")),
            one_of(rng, ("", "7", "12/A")),
            "" if rng.random() < 0.7 else f"{given}.{family}@example.org".lower().replace(" ", ""),
            one_of(rng, ("", "", "preferisce il pomeriggio", "ci sente poco")),
        ]


def _person(rng: random.Random) -> tuple[str, str, int]:
    names = load("names")[one_of(rng, sorted(load("names")))]
    # As in people.py: numbers that nobody has.
    number = 3_990_600_000 + rng.randrange(100_000)
    return one_of(rng, [*names["female"], *names["male"]]), one_of(rng, names["family"]), number


def write_day(rng: random.Random, on: date, *, whole_year: bool = False) -> str:
    """Give a day as somebody in a hurry writes it."""
    ways = [
        f"{on:%d/%m/%Y}",
        f"{on.day}/{on.month}/{on.year}",
        f"{on.day}-{on.month}-{on.year}",
        f"{on.day} {MONTHS[on.month - 1]} {on.year}",
        f"{on.day}.{on.month:02d}.{on.year}",
    ]
    if not whole_year:
        ways += [f"{on.day}/{on.month}/{on:%y}", f"{on.day} {MONTHS[on.month - 1][:3]} {on:%y}"]
    return one_of(rng, ways)


def write_phone(rng: random.Random, number: int) -> str:
    """Give a telephone number as somebody in a hurry writes it."""
    text = str(number)
    return one_of(
        rng,
        (
            text,
            f"{text[:3]} {text[3:]}",
            f"{text[:3]}/{text[3:]}",
            f"+39 {text[:3]} {text[3:6]} {text[6:]}",
            f"{text[:3]}-{text[3:]} (figlia)",
            f"0039{text}",
        ),
    )


def desk_log(rng: random.Random, count: int, *, today: date) -> list[list[str]]:
    """Give a whole desk log: titles, an empty row, headings, `count` rows."""
    rows: list[Sequence[str]] = [[TITLES[0]], [TITLES[1]], [], LOG_HEADINGS]
    return [list(row) for row in [*rows, *log_rows(rng, count, today=today)]]


def register(rng: random.Random, count: int, *, today: date) -> list[list[str]]:
    """Give a whole register of people: headings, `count` rows."""
    return [list(REGISTER_HEADINGS), *register_rows(rng, count, today=today)]
