"""What is said about an appointment or a waiting list: always with date, time and place, in the reader's language."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import User
from ballatoio.base.core.links import absolute_url
from ballatoio.base.directory.schedules import spoken_date
from ballatoio.base.directory.texts import SOURCE_LANGUAGE, translated
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.services import Text, notify_address, notify_person
from ballatoio.care.desk.receipts import spelled

from .models import Appointment, AppointmentKind, Slot, WaitingPlace
from .timetable import place_of

LANGUAGES = frozenset(code for code, _name in settings.LANGUAGES)
BOOKED, REMINDER, CANCELLED, MOVED = (
    "appointment.booked",
    "appointment.reminder",
    "appointment.cancelled",
    "appointment.moved",
)
OFFERED, KEPT_IN_LINE, OUT_OF_LINE, TAKEN_BACK = (
    "waiting.offered",
    "waiting.kept",
    "waiting.ended",
    "waiting.withdrawn",
)


def tell(
    holder: Appointment | WaitingPlace,
    texts: dict[str, str],
    *,
    kind: str,
    key: str,
    compose: Callable[[], Text],
    about: Model,
    by: User | None,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
) -> Delivery | None:
    """Tell something to whoever has an appointment or waits for one; give the message, None when there is no way.

    Whoever has a file is told by the way that is safe for them. Whoever left a contact is told there: by e-mail, else
    by SMS where the installation sends any, else the desk calls.
    """
    if holder.person is not None:
        return notify_person(
            holder.person,
            kind=kind,
            key=key,
            compose=compose,
            about=about,
            by=by,
            not_before=not_before,
            expires_at=expires_at,
        )
    channel, to = contact_of(texts)
    if not to:
        return None
    return notify_address(
        holder.lab,
        channel=channel,
        to=to,
        kind=kind,
        key=key,
        compose=compose,
        about=about,
        by=by,
        language=holder.language if holder.language in LANGUAGES else settings.LANGUAGE_CODE,
        name=texts.get("name", ""),
        not_before=not_before,
        expires_at=expires_at,
    )


def contact_of(texts: dict[str, str]) -> tuple[str, str]:
    """Give the channel and the address that somebody without a file left; both empty when they left none."""
    if email := texts.get("email", ""):
        return Delivery.Channel.EMAIL, email
    if phone := texts.get("phone", ""):
        return (Delivery.Channel.SMS if settings.SMS_BACKEND else Delivery.Channel.CALL), phone
    return "", ""


def spoken_day(at: datetime) -> str:
    """Give the day of a moment as people say it, in the language that is switched on: «giovedì 26 novembre»."""
    return spoken_date(timezone.localdate(at), "l j F")


def short_day(at: datetime) -> str:
    """Give a day in as few letters as are clear: «gio 26/11»."""
    return date_format(timezone.localtime(at), "D j/n").lower()


def clock_of(at: datetime) -> str:
    """Give the time on the wall: «10:30»."""
    return f"{timezone.localtime(at):%H:%M}"


def kind_texts(kind: AppointmentKind) -> dict[str, str]:
    """Give the name of a kind and what to bring, in the language that is switched on as far as it is translated."""
    texts = translated([kind], get_language() or SOURCE_LANGUAGE, ["name", "bring"])[kind.pk]
    return {name: text.value for name, text in texts.items()}


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def _facts(slot: Slot, lab: Lab, kind: AppointmentKind) -> list[str]:
    """When, where, what for, what to bring: one line each."""
    told = kind_texts(kind)
    lines = [
        _("Quando: %(day)s, ore %(time)s") % {"day": spoken_day(slot.starts_at), "time": clock_of(slot.starts_at)},
        _("Dove: %(place)s") % {"place": place_of(slot, lab)},
        _("Per: %(kind)s") % {"kind": told["name"]},
    ]
    if told["bring"]:
        lines.append(_("Che cosa portare: %(things)s") % {"things": told["bring"]})
    return lines


def _ways(lab: Lab, code: str) -> list[str]:
    """How to cancel, change or answer: the page with the code, or a telephone call."""
    lines = []
    if code:
        lines.append(_("Il tuo codice: %(code)s") % {"code": spelled(code)})
        link = absolute_url("appointments:own_enter", lab=lab.slug, code=code)
        lines.append(_("Per disdire, cambiare o rispondere: %(link)s") % {"link": link})
    lines.append(_("Oppure telefona: %(phone)s (%(lab)s)") % {"phone": lab.phone, "lab": lab.name})
    return lines


def _short(sentence: str, slot: Slot, lab: Lab, ending: str = "") -> str:
    """What an SMS says: no matter, because anybody may pick the telephone up."""
    when = _("%(sentence)s %(day)s ore %(time)s, %(place)s.") % {
        "sentence": sentence,
        "day": short_day(slot.starts_at),
        "time": clock_of(slot.starts_at),
        "place": place_of(slot, lab),
    }
    return f"{when} {ending}".strip()


def _short_ways(lab: Lab, code: str) -> str:
    if not code:
        return _("Per disdire: %(phone)s") % {"phone": lab.phone}
    return _("Per disdire: codice %(code)s, %(phone)s") % {"code": spelled(code), "phone": lab.phone}


def booked_text(appointment: Appointment, code: str) -> Text:
    """«You have an appointment»: when, where, what for, what to bring, how to cancel."""
    slot, lab = appointment.slot, appointment.lab
    day, clock = spoken_day(slot.starts_at), clock_of(slot.starts_at)
    return Text(
        subject=_("Appuntamento %(day)s alle %(time)s") % {"day": day, "time": clock},
        body=_lines(_("Hai un appuntamento."), "", *_facts(slot, lab, appointment.kind), "", *_ways(lab, code)),
        short=_short(_("Appuntamento"), slot, lab, _short_ways(lab, code)),
    )


def reminder_text(appointment: Appointment, code: str) -> Text:
    """«Do not forget»: the same, the day before."""
    slot, lab = appointment.slot, appointment.lab
    day, clock = spoken_day(slot.starts_at), clock_of(slot.starts_at)
    return Text(
        subject=_("Ti ricordiamo l’appuntamento di %(day)s alle %(time)s") % {"day": day, "time": clock},
        body=_lines(
            _("Ti aspettiamo. Se non puoi venire diccelo: il posto serve a un’altra persona."),
            "",
            *_facts(slot, lab, appointment.kind),
            "",
            *_ways(lab, code),
        ),
        short=_short(_("Appuntamento"), slot, lab, _short_ways(lab, code)),
    )


def cancelled_text(appointment: Appointment, reason: str) -> Text:
    """«It is off», with the reason, and how to get another."""
    slot, lab = appointment.slot, appointment.lab
    day, clock = spoken_day(slot.starts_at), clock_of(slot.starts_at)
    return Text(
        subject=_("Annullato l’appuntamento di %(day)s alle %(time)s") % {"day": day, "time": clock},
        body=_lines(
            _("Ci dispiace: il tuo appuntamento è annullato. Non venire."),
            _("Perché: %(reason)s") % {"reason": reason},
            "",
            *_facts(slot, lab, appointment.kind)[:2],
            "",
            _("Per averne un altro telefona al %(phone)s, o passa da noi: %(address)s")
            % {"phone": lab.phone, "address": lab.address},
        ),
        short=_short(_("ANNULLATO l’appuntamento"), slot, lab, _("Chiama %(phone)s") % {"phone": lab.phone}),
    )


def moved_text(appointment: Appointment, before: Slot, reason: str, code: str) -> Text:
    """«It is on another day»: the old time, why, the new one."""
    slot, lab = appointment.slot, appointment.lab
    day, clock = spoken_day(slot.starts_at), clock_of(slot.starts_at)
    return Text(
        subject=_("Appuntamento spostato a %(day)s alle %(time)s") % {"day": day, "time": clock},
        body=_lines(
            _("Il tuo appuntamento di %(day)s alle %(time)s è spostato.")
            % {"day": spoken_day(before.starts_at), "time": clock_of(before.starts_at)},
            _("Perché: %(reason)s") % {"reason": reason} if reason else "",
            "",
            _("Ecco quando ti aspettiamo adesso."),
            *_facts(slot, lab, appointment.kind),
            "",
            *_ways(lab, code),
        ),
        short=_short(_("Appuntamento SPOSTATO a"), slot, lab, _short_ways(lab, code)),
    )


def offer_text(place: WaitingPlace, slot: Slot, until: datetime, code: str) -> Text:
    """«A time is free for you»: when, where, until when it is held, how to say yes."""
    lab = place.lab
    end = {"day": spoken_day(until), "time": clock_of(until)}
    yes = _("Lo teniamo per te fino a %(day)s alle %(time)s.") % end
    last = _("Se non rispondi passa a un’altra persona.")
    if place.passed + 1 < place.OFFERS:
        last = _("Se non rispondi passa a un’altra persona, ma tu resti al tuo posto nella lista.")
    return Text(
        subject=_("C’è un posto per te: rispondi entro %(day)s alle %(time)s") % end,
        body=_lines(
            _("Eri in lista d’attesa. Si è liberato un orario."),
            "",
            *_facts(slot, lab, place.kind),
            "",
            yes,
            last,
            "",
            *_ways(lab, code),
        ),
        short=_short(
            _("C’è un posto per te"),
            slot,
            lab,
            _("Rispondi entro %(day)s ore %(time)s: codice %(code)s, %(phone)s")
            % {
                "day": short_day(until),
                "time": clock_of(until),
                "code": spelled(code),
                "phone": lab.phone,
            },
        ),
    )


def line_text(place: WaitingPlace, slot: Slot, kind: str, code: str) -> Text:
    """What comes of an offer that was not taken: one keeps one's place, or is out; or the time itself is gone."""
    lab = place.lab
    sentences: dict[str, tuple[Any, Any]] = {
        KEPT_IN_LINE: (
            _("Sei ancora in lista d’attesa"),
            _("L’orario che tenevamo per te è passato a un’altra persona. Tu resti al tuo posto nella lista."),
        ),
        TAKEN_BACK: (
            _("L’orario che tenevamo per te non c’è più"),
            _("L’orario che tenevamo per te non c’è più: quel giorno non possiamo ricevere. Resti al tuo posto."),
        ),
        OUT_OF_LINE: (
            _("Non sei più in lista d’attesa"),
            _("Ti abbiamo proposto due orari e non li hai presi: non sei più in lista. Puoi iscriverti di nuovo."),
        ),
    }
    subject, sentence = sentences[kind]
    return Text(
        subject=subject,
        body=_lines(
            sentence,
            _("Era: %(day)s, ore %(time)s, %(place)s")
            % {
                "day": spoken_day(slot.starts_at),
                "time": clock_of(slot.starts_at),
                "place": place_of(slot, lab),
            },
            "",
            *_ways(lab, code if kind != OUT_OF_LINE else ""),
        ),
        short=f"{subject}. {lab.phone}",
    )
