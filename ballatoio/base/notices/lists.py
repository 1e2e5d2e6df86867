"""The lists of the outbox: what has to be done by hand, what did not arrive, what left."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab

from .models import Delivery, DeliveryQuerySet
from .routes import Way, homes_of, ways_of

PAGE_SIZE = 25
# Counting every message of a lab's life on each page would cost more than the page: beyond this it is «more than».
COUNTED = 1000
# So many letters are printed at once: a heap that fits into one hand and one box of envelopes.
LETTERS_AT_ONCE = 50
Channel, State, Problem = Delivery.Channel, Delivery.State, Delivery.Problem
BY_HAND = (Channel.CALL, Channel.LETTER, Channel.COPY)

# What a message is about, by the first part of its kind ("appointment.reminder"): a word for lists, no more.
ABOUT: dict[str, "str | Promise"] = {
    "appointment": _("appuntamento"),
    "waiting": _("lista d’attesa"),
    "referral": _("invio a un servizio"),
    "issue": _("questione della casa"),
}

# What can be done about each problem, in one sentence.
ADVICE: dict[str, "str | Promise"] = {
    Problem.SERVER_DOWN: _("Riprova quando il server funziona di nuovo; se dura, avvisa chi lo gestisce."),
    Problem.SENDER_REFUSED: _("Avvisa chi gestisce il server: va corretta un’impostazione. Poi riprova."),
    Problem.NOT_NOW: _("Riprova tra qualche ora, o scegli un’altra strada."),
    Problem.REFUSED: _("Chiedi l’indirizzo o il numero giusto e correggilo nella scheda, o scegli un’altra strada."),
    Problem.TEXT_REFUSED: _("Scegli un’altra strada: questo testo così non passa."),
    Problem.UNKNOWN: _("Riprova; se succede ancora, scegli un’altra strada."),
    Problem.EXPIRED: _("Non serve più dirlo così: guarda se la persona ha bisogno di altro."),
    Problem.UNSAFE: _("Scegli un’altra strada, o dillo alla persona quando viene."),
    Problem.PROTECTED: _("Parlane con la persona, da sola: il messaggio non si mostra più."),
    Problem.NO_ADDRESS: _("Scrivi nella scheda dove abita, o scegli un’altra strada."),
    Problem.NOT_PRINTABLE: _("Scrivi tu la busta e la lettera, o scegli un’altra strada."),
    Problem.NO_ANSWER: _("Scegli un’altra strada, o riprova in un altro orario."),
    Problem.WRONG_NUMBER: _("Togli il numero sbagliato dalla scheda, poi scegli un’altra strada."),
    Problem.RETURNED: _("Controlla l’indirizzo nella scheda, poi scegli un’altra strada."),
    Problem.ERASED: _("Non c’è più niente da dire."),
}


@dataclass(frozen=True)
class Row:
    """A message in a list: nothing of its text, and of a person protected since not even the name."""

    notice: Delivery
    way: Way
    has_home: bool = True

    @property
    def about(self) -> "str | Promise":
        return ABOUT.get(self.notice.kind.partition(".")[0], _("messaggio"))

    @property
    def problem(self) -> str:
        """Why this may not be done now; "" when it may."""
        if self.way.problem:
            return self.way.problem
        return "" if self.has_home else str(Problem.NO_ADDRESS)

    @property
    def problem_label(self) -> str:
        return str(Problem(self.problem).label) if self.problem else ""

    @property
    def advice(self) -> "str | Promise":
        return ADVICE.get(self.notice.last_error or self.problem, "")


def rows_of(notices: list[Delivery]) -> list[Row]:
    """Give the rows of a page, with how the way of each is today."""
    ways = ways_of(notices)
    letters = [notice for notice in notices if notice.channel == Channel.LETTER and notice.person_id]
    homes = homes_of(letters) if letters else {}
    return [Row(n, ways[n.pk], n not in letters or n.person_id in homes) for n in notices]


def _mine(user: User, lab: Lab) -> DeliveryQuerySet:
    """Give the messages that the user may see, with what a row shows of them, and no sealed text."""
    seen = Delivery.objects.visible_to(user).of_lab(lab).select_related("person")
    return seen.defer("sealed", "person__sealed")


def to_do(user: User, lab: Lab, channel: str) -> DeliveryQuerySet:
    """Give what has to be done by hand now on a channel."""
    return _mine(user, lab).by_hand().filter(channel=channel)


def dead(user: User, lab: Lab) -> DeliveryQuerySet:
    """Give what did not arrive, the latest first."""
    return _mine(user, lab).filter(state=State.DEAD).order_by("-created_at", "-pk")


@dataclass(frozen=True)
class Counts:
    """How much there is to do by hand now, by channel, and how much did not arrive."""

    call: int
    letter: int
    copy: int
    dead: int

    @property
    def by_hand(self) -> int:
        return self.call + self.letter + self.copy

    def of(self, channel: str) -> int:
        return int(getattr(self, channel))


def counts_of(user: User, lab: Lab) -> Counts:
    """Count what waits for somebody of the desk: two queries, whatever is in the outbox besides."""
    mine = Delivery.objects.visible_to(user).of_lab(lab)
    waiting = mine.by_hand().order_by().values("channel").annotate(n=Count("pk")).values_list("channel", "n")
    by_channel = dict(waiting)
    call, letter, copy = (by_channel.get(str(channel), 0) for channel in BY_HAND)
    return Counts(call, letter, copy, dead=mine.filter(state=State.DEAD).order_by().count())


class BoundedPaginator(Paginator):
    """Pages of a list that may be very long: rows beyond COUNTED are found by filters, not by turning pages."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        assert isinstance(rows, QuerySet)
        return rows.order_by().values("lab")[: COUNTED + 1].count()


class SentFilter(forms.Form):
    """Filters of the list of what left; a filter that makes no sense does not count."""

    STATES = [
        ("", _("arrivati o fatti")),
        (State.WAITING, _("in partenza")),
        (State.CANCELLED, _("annullati")),
        ("tutti", _("tutti")),
    ]

    stato = forms.ChoiceField(label=_("Stato"), choices=STATES, required=False)
    canale = forms.ChoiceField(label=_("Come"), choices=[("", _("tutti")), *Channel.choices], required=False)
    dal = forms.DateField(label=_("Dal"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    al = forms.DateField(label=_("Al"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    persona = forms.UUIDField(required=False, widget=forms.HiddenInput)

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The filters in use, without those left empty or that make no sense."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    def notices(self, user: User, lab: Lab) -> DeliveryQuerySet:
        """Give the messages that pass the filters, the latest first."""
        asked, found = self.asked, _mine(user, lab).order_by("-created_at", "-pk")
        if asked.get("stato") != "tutti":
            found = found.filter(state__in=[asked["stato"]] if "stato" in asked else [State.SENT, State.DONE])
        if "canale" in asked:
            found = found.filter(channel=asked["canale"])
        if "dal" in asked:
            found = found.filter(created_at__gte=_day_start(asked["dal"]))
        if "al" in asked:
            found = found.filter(created_at__lt=_day_start(asked["al"] + timedelta(days=1)))
        if "persona" in asked:
            person: UUID = asked["persona"]
            found = found.filter(person=person)
        return found


def _day_start(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
