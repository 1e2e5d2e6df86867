"""A year at the desks: who came, when, with what, in opening hours of working days and not a minute outside them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from ballatoio.base.accounts.models import User
from ballatoio.base.jobs.models import Draft
from ballatoio.base.jobs.services import save_draft
from ballatoio.base.territory.models import Building
from ballatoio.base.vault.services import seal_texts
from ballatoio.care.desk.models import Answer, Attempt, Contact, Message, MessageDelivery, Need
from ballatoio.care.desk.services import CALLBACK, DRAFT_KIND, words_of_contact

from .content import load, one_of, pick
from .need_lives import Heard, NeedLives
from .people import written_phone
from .world import YEAR, LabWorld, Resident, World

ANONYMOUS_SHARE = 0.3
WEB_SHARE = 0.02
MONDAY_RUSH = 1.25
SHORTEST, LONGEST = 3, 25
BATCH = 500
# As in people.py: numbers that nobody has.
FIRST_CALLBACK_PHONE = 3_990_500_000


@dataclass(frozen=True)
class Slot:
    """A moment at which an operator of the desk can receive somebody."""

    operator: User
    starts: datetime
    minutes: float


@dataclass
class DeskRows:
    """The rows of the year, written together in the order of time."""

    contacts: list[Contact] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    deliveries: list[MessageDelivery] = field(default_factory=list)
    sealed: list[tuple[Any, dict[str, str]]] = field(default_factory=list)

    def write(self) -> None:
        seal_texts(self.sealed)
        self.contacts.sort(key=lambda contact: contact.started_at)
        Contact.objects.bulk_create(self.contacts, batch_size=BATCH)
        Need.objects.bulk_create(self.needs, batch_size=BATCH)
        Answer.objects.bulk_create(self.answers, batch_size=BATCH)
        Attempt.objects.bulk_create(self.attempts, batch_size=BATCH)
        Message.objects.bulk_create(self.messages)
        MessageDelivery.objects.bulk_create(self.deliveries)


def build_care(world: World) -> None:
    """Make the year of both desks."""
    rows = DeskRows()
    for lab_world in world.labs.values():
        Year(world, lab_world, rows).live()
    rows.write()
    for lab_world in world.labs.values():
        _leave_drafts(world, lab_world, rows)


def _leave_drafts(world: World, lab_world: LabWorld, rows: DeskRows) -> None:
    """Each operator was interrupted once, in the middle of a sentence."""
    for operator in lab_world.desk:
        fields = {
            "channel": one_of(world.rng, ("walk_in", "phone")),
            "who": "anonymous",
            "language": "it",
            "words": one_of(world.rng, load("phrases")["drafts"]),
        }
        key = f"{world.rng.getrandbits(64):016x}"
        draft = save_draft(by=operator, lab=lab_world.lab, kind=DRAFT_KIND, key=key, fields=fields)
        last = max(contact.ended_at for contact in rows.contacts if contact.recorded_by == operator)
        Draft.objects.filter(pk=draft.pk).update(created_at=last, updated_at=last)


class Year:
    """One lab's year."""

    def __init__(self, world: World, lab_world: LabWorld, rows: DeskRows) -> None:
        self.world, self.lab, self.rows, self.rng = world, lab_world, rows, world.rng
        self.lives = NeedLives(world, lab_world, rows)
        self.adults = [r for r in lab_world.residents if r.is_adult]
        # A few come often, most came once.
        self.visits = list(accumulate(min(30.0, self.rng.paretovariate(1.3)) for _ in self.adults))
        self.attraction = list(accumulate(self.rng.paretovariate(1.5) for _ in lab_world.buildings))

    def live(self) -> None:
        """Receive everybody of the year, the cast's own stories first."""
        for story in load("labs")["stories"]:
            resident = self.world.stories[story["demo_name"]]
            if resident.person.lab_id == self.lab.lab.pk:
                self._tell(story, resident)
        wanted = self.lab.facts["contacts"]
        for slot in self._slots(round(wanted * (1 - WEB_SHARE))):
            self._receive(slot)
        for _ in range(round(wanted * WEB_SHARE)):
            self._take_web_request()
        self._leave_messages()

    def _slots(self, wanted: int) -> Iterator[Slot]:
        """Share `wanted` contacts among the working days of the year, the desk's hours and its operators."""
        months = load("population")["months"]
        days = list(self.lab.working_days(self.world.today - YEAR, self.world.today))
        weights = [months[str(day.month)] * (MONDAY_RUSH if day.weekday() == 0 else 1) for day in days]
        counts = Counter(self.rng.choices(days, weights=weights, k=wanted))
        for day in sorted(counts):
            free = [
                (user, self.world.at(day, opens), self.world.at(day, closes))
                for opens, closes in self.lab.openings[day.weekday()]
                for user in self.lab.desk
            ]
            minutes = sum((closes - opens).total_seconds() / 60 for _user, opens, closes in free)
            # As many equal slots as make room for everybody, in which each starts a little late.
            length = minutes / (counts[day] + len(free))
            slots = [
                Slot(user, opens + timedelta(minutes=length * number), length)
                for user, opens, closes in free
                for number in range(int((closes - opens).total_seconds() / 60 / length))
            ]
            for slot in sorted(self.rng.sample(slots, counts[day]), key=lambda slot: slot.starts):
                if slot.starts + timedelta(minutes=slot.minutes) <= self.world.now:
                    yield slot

    def _receive(self, slot: Slot) -> None:
        minutes = min(LONGEST, slot.minutes, SHORTEST + self.rng.expovariate(1 / 7))
        starts = slot.starts + timedelta(seconds=int(60 * self.rng.random() * (slot.minutes - minutes)))
        channel = pick(self.rng, load("population")["channels"])
        resident = None
        if self.rng.random() > ANONYMOUS_SHARE or channel == "home_visit":
            resident = self.rng.choices(self.adults, cum_weights=self.visits)[0]
        contact = self._contact(slot.operator, starts, starts + timedelta(seconds=int(60 * minutes)), channel, resident)
        heard = [self._heard(contact, resident) for _ in range(self.rng.choices((0, 1, 2), weights=(2, 85, 13))[0])]
        texts = self._texts(heard, contact, resident)
        self._keep(contact, texts, heard, resident)

    def _contact(
        self, operator: User | None, starts: datetime, ends: datetime, channel: str, resident: Resident | None
    ) -> Contact:
        language = self._language(resident)
        contact = Contact(
            pk=self.world.id_at(starts),
            lab=self.lab.lab,
            started_at=starts,
            ended_at=ends,
            recorded_by=operator,
            channel=channel,
            person=resident.person if resident else None,
            building=self._building(resident),
            language=language,
            synthetic=True,
        )
        if language != "it" and channel != "web":
            how = {"staff": 40, "phone": 17, "present": 15, "none": 20, "missing": 8}
            contact.interpreter = pick(self.rng, how)
        return contact

    def _language(self, resident: Resident | None) -> str:
        if resident is None:
            return pick(self.rng, load("population")["anonymous_languages"])
        spoken = resident.person.languages_spoken
        return "it" if "it" in spoken and self.rng.random() < 0.6 else str(spoken[0])

    def _building(self, resident: Resident | None) -> Building | None:
        if resident is not None:
            # A protected member's house must not be told by their contacts.
            return None if resident.person.is_protected else resident.building
        if self.rng.random() < 0.45:
            return self.rng.choices(self.lab.buildings, cum_weights=self.attraction)[0]
        return None

    def _heard(self, contact: Contact, resident: Resident | None) -> Heard:
        code = pick(self.rng, self._weights(resident))
        return Heard(code, named=self.rng.random() > 0.07)

    def _groups(self, resident: Resident | None) -> set[str]:
        """What kind of person somebody is, as far as needs and sentences depend on it."""
        if resident is None:
            return {"young", "abroad"}
        groups = {resident.gender}
        groups |= {"old"} if resident.age >= 65 else {"young"} if resident.age < 56 else set()
        groups |= {"abroad"} if resident.origin != "it" else set()
        return groups | ({"mother"} if resident.gender == "female" and 18 <= resident.age < 46 else set())

    def _weights(self, resident: Resident | None) -> dict[str, float]:
        groups, slug = {"", *self._groups(resident)}, self.lab.lab.slug
        return {
            code: row["weight"] * row["labs"].get(slug, 1)
            for code, row in load("population")["need_weights"].items()
            if row["for_whom"] in groups
        }

    def _texts(self, heard: list[Heard], contact: Contact, resident: Resident | None) -> dict[str, str]:
        phrases, texts, groups = self.world.phrases, {}, self._groups(resident)
        phrases.speak_for(groups if contact.language != "it" else groups - {"abroad"})
        if heard:
            own = self.rng.random() < 0.5
            first = heard[0].code
            texts["words"] = phrases.own_words(first) if own else phrases.heard(first, contact.channel)
            for more in heard[1:]:
                texts["words"] += " " + phrases.heard(more.code, "")
        if self.rng.random() < 0.55:
            texts["note"] = phrases.note("" if heard else contact.channel)
        for need in heard:
            if not need.named:
                need.words = phrases.own_words(need.code)
        return texts

    def _keep(
        self, contact: Contact, texts: dict[str, str], heard: list[Heard], resident: Resident | None
    ) -> list[Need]:
        """Keep a contact with the whole life of its needs."""
        needs, answers = [], []
        can_be_told = resident is not None or "phone" in texts
        # What happens later is on record after the contact itself, as at a real desk.
        self.world.ledger.note(
            contact.ended_at,
            "contact.record",
            contact,
            by=contact.recorded_by,
            lab_id=self.lab.lab.pk,
            subject_id=contact.person_id,
            detail={"channel": contact.channel, "needs": len(heard), "answers": sum(n.is_answered for n in heard)},
        )
        for number, one in enumerate(heard):
            need, given = self.lives.live(contact, one, number, can_be_told)
            needs.append(need)
            answers += given
        contact.search_words = words_of_contact(contact, needs, answers)
        self.rows.contacts.append(contact)
        self.rows.sealed.append((contact, texts))
        return needs

    def _take_web_request(self) -> None:
        """Somebody left a number on the public page, at any hour of any day."""
        back = self.rng.random() ** 2 * YEAR.days
        moment = self.world.now - timedelta(days=back, minutes=self.rng.randint(5, 600))
        moment = moment.replace(microsecond=0)
        contact = self._contact(None, moment, moment, "web", None)
        contact.building = None
        texts = {
            "phone": written_phone(FIRST_CALLBACK_PHONE + len(self.rows.contacts)),
            "hours": one_of(self.rng, ("la mattina", "dopo le 17", "la sera", "")),
            "words": self.world.phrases.one("requests"),
        }
        self._keep(contact, texts, [Heard(CALLBACK, named=True)], None)

    def _tell(self, story: dict[str, Any], resident: Resident) -> None:
        """A contact of one of the cast, word by word."""
        day = self.world.today - timedelta(days=story["days_ago"])
        while not self.lab.works_on(day):
            day -= timedelta(days=1)
        opens, _closes = self.lab.openings[day.weekday()][0]
        starts = self.world.at(day, opens) + timedelta(minutes=20)
        operator = self.lab.desk[0]
        contact = self._contact(operator, starts, starts + timedelta(minutes=11), story["channel"], resident)
        contact.language = "it" if "ا" not in story["words"] else "ar"
        texts = {"words": story["words"], "note": story["note"]}
        self._keep(contact, texts, [Heard(story["term"], story=story)], resident)

    def _leave_messages(self) -> None:
        """Words left for whoever follows a person; some of those persons are followed by nobody."""
        mine = [need for need in self.rows.needs if need.lab_id == self.lab.lab.pk and need.person_id]
        followed = [need for need in mine if need.is_open]
        for need in self.rng.sample(followed, 24) + self.rng.sample(mine, 12):
            assert need.person is not None
            others = [user for user in self.lab.desk if user.pk != need.owner_id]
            left_at = self._lately(need.opened_at)
            message = Message(
                pk=self.world.id_at(left_at), lab=self.lab.lab, person=need.person, left_by=one_of(self.rng, others)
            )
            message.left_at = left_at
            self.rows.messages.append(message)
            self.rows.sealed.append((message, {"text": self.world.phrases.one("messages")}))
            self._note_message("message.leave", left_at, message, message.left_by, need)
            if need.is_open and need.owner is not None:
                read = left_at + timedelta(minutes=50) if self.rng.random() < 0.5 else None
                read = read if read and read < self.world.now else None
                self.rows.deliveries.append(MessageDelivery(message=message, user=need.owner, read_at=read))
                if read:
                    self._note_message("message.read", read, message, need.owner, need, is_reading=True)
            delivered = left_at + timedelta(minutes=1)
            self._note_message("message.deliver", delivered, message, None, None, detail={"to": int(need.is_open)})

    def _lately(self, after: datetime) -> datetime:
        """Give a moment of the desk's hours in the last days, not before `after`."""
        first = max(after.astimezone(self.world.zone).date(), self.world.today - timedelta(days=12))
        moments = [
            self.world.at(day, opens) + timedelta(minutes=self.rng.randint(5, 150))
            for day in self.lab.working_days(first, self.world.today)
            for opens, _closes in self.lab.openings[day.weekday()]
        ]
        past = [moment for moment in moments if after < moment < self.world.now - timedelta(hours=1)]
        return one_of(self.rng, past) if past else after

    def _note_message(
        self, verb: str, at: datetime, message: Message, by: User | None, need: Need | None, **more: Any
    ) -> None:
        subject = need.person_id if need else None
        self.world.ledger.note(at, verb, message, by=by, lab_id=self.lab.lab.pk, subject_id=subject, **more)
