"""The life of a need, from the moment it was heard until its owner got to know the answer, or did not."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from ballatoio.base.accounts.models import User
from ballatoio.base.directory.models import Service
from ballatoio.care.desk.models import Answer, Attempt, Contact, Need

from .content import load, one_of, pick
from .world import LabWorld, World

if TYPE_CHECKING:
    from .care import DeskRows

# How the needs of those who can be told go: done while they wait, done later, or stuck on somebody's desk.
AT_ONCE = 0.58
# Few get stuck for good: most of what is open is of the last three months.
RECENT_DAYS, STUCK, STUCK_FOR_GOOD = 90, 0.12, 0.003
# How long an answer takes when it is not given at once, in working days.
USUAL_DAYS = 7
ENDINGS = {Need.State.CLOSED: 86, Need.State.UNREACHABLE: 8, Need.State.NO_LONGER_WANTED: 6}
TOLD_LATER = {"phone": 56, "face_to_face": 24, "message": 12, "letter": 3, "email": 2, "third_party": 3}
STILL_OPEN = {Need.State.OPEN: 40, Need.State.ANSWERED: 28, Need.State.WAITING: 32}
# When the next step of an open need is due: long ago, lately, today, in the days to come.
# As a pack of cards for each owner, so that nobody’s day lacks one of them.
DUE = ("silent", "silent", "silent", "late", "late", "late", "today", "today", *["later"] * 12)
UNHEARD = ("no_reply", "no_reply", "left_word", "wrong_number")
PROMISES = (Answer.Kind.FOLLOW_UP, Answer.Kind.REFERRAL)
ESCALATION_TIME = time(6, 10)


def final_answers() -> dict[str, float]:
    """The kinds of answer that leave nothing to wait for, with how often each is given."""
    return {kind: weight for kind, weight in load("population")["answers"].items() if kind not in PROMISES}


@dataclass
class Heard:
    """A need as it came up in a contact: a code of the taxonomy, or (`named` false) the person's own words."""

    code: str
    named: bool = True
    story: dict[str, Any] | None = None
    words: str = ""
    is_answered: bool = False


class NeedLives:
    """Lets the needs of one lab live."""

    def __init__(self, world: World, lab_world: LabWorld, rows: "DeskRows") -> None:
        self.world, self.lab, self.rows, self.rng = world, lab_world, rows, world.rng
        self.cards: dict[Any, list[str]] = {}

    def live(self, contact: Contact, heard: Heard, number: int, can_be_told: bool) -> tuple[Need, list[Answer]]:
        """Give the need as it stands today, with its answers; what happened on the way is on record."""
        need = Need(
            pk=self.world.id_at(contact.ended_at + timedelta(milliseconds=number)),
            lab=self.lab.lab,
            contact=contact,
            person=contact.person,
            building=contact.building,
            term=self.world.terms[heard.code] if heard.named else None,
            owner=self._owner(contact),
            opened_at=contact.ended_at,
        )
        answers: list[Answer] = []
        if heard.story:
            self._follow_story(need, heard, answers)
        elif not can_be_told:
            self._live_anonymous(need, heard, answers)
        elif self.rng.random() < AT_ONCE and contact.recorded_by:
            self._answer(need, heard, contact.ended_at, answers, kind=pick(self.rng, final_answers()))
            self._close(need, Need.State.CLOSED, contact.ended_at, _told_at_once(contact))
        else:
            self._live_later(need, heard, answers)
        heard.is_answered = any(answer.given_at == contact.ended_at for answer in answers)
        self.rows.needs.append(need)
        self.rows.answers += answers
        if heard.words:
            self.rows.sealed.append((need, {"words": heard.words}))
        return need, answers

    def _owner(self, contact: Contact) -> User:
        if contact.recorded_by is None:
            return self.lab.desk[0]
        if self.rng.random() < 0.12:
            colleagues = [*self.lab.desk, *self.lab.helpers, self.lab.coordinator]
            return one_of(self.rng, [user for user in colleagues if user is not None])
        return contact.recorded_by

    def _live_anonymous(self, need: Need, heard: Heard, answers: list[Answer]) -> None:
        """Nobody can be called back: what was not said at once can only be told to whoever comes again."""
        if self.rng.random() < 0.9:
            self._answer(need, heard, need.opened_at, answers, kind=pick(self.rng, final_answers()))
            self._close(need, Need.State.CLOSED, need.opened_at, _told_at_once(need.contact))
            return
        later = self._moment_after(need.opened_at, 12)
        if later is None:
            self._stay_open(need, heard, answers)
            return
        self._answer(need, heard, later, answers)
        self._close(need, Need.State.CANNOT_BE_TOLD, later)

    def _live_later(self, need: Need, heard: Heard, answers: list[Answer]) -> None:
        """The lab takes the need with it; most get their answer in the days that were promised."""
        steps = 1 + int(self.rng.expovariate(1 / USUAL_DAYS))
        ready = self._moment_after(need.opened_at, steps)
        told = self._moment_after(ready, self.rng.choice((0, 1, 1, 2, 3))) if ready else None
        is_recent = self.world.now - need.opened_at < timedelta(days=RECENT_DAYS)
        if told is None or self.rng.random() < (STUCK if is_recent else STUCK_FOR_GOOD):
            self._stay_open(need, heard, answers)
            return
        assert ready is not None
        ending = pick(self.rng, ENDINGS)
        if ending != Need.State.NO_LONGER_WANTED or self.rng.random() < 0.3:
            self._answer(need, heard, ready, answers)
        if ending == Need.State.UNREACHABLE:
            told = self._try_in_vain(need, ready, 3) or ready
            self._close(need, ending, told)
            return
        if self.rng.random() < 0.18:
            self._attempt(need, ready, one_of(self.rng, UNHEARD))
        how = pick(self.rng, TOLD_LATER) if ending == Need.State.CLOSED else ""
        if how == "phone" and need.contact.channel == "web":
            self._attempt(need, told, "reached")
        self._close(need, ending, told, how)
        for answer in answers:
            self._come_out(need, answer, told)

    def _stay_open(self, need: Need, heard: Heard, answers: list[Answer]) -> None:
        """It waits on its owner's desk, and is due some day."""
        need.state = pick(self.rng, STILL_OPEN)
        moment = self._moment_after(need.opened_at, 1)
        if moment is None:
            # Heard today: whatever was done, was done at once.
            moment = need.opened_at
        self._fit_answer(need, heard, moment, answers)
        if self.rng.random() < 0.25 and moment > need.opened_at:
            self._attempt(need, moment, one_of(self.rng, UNHEARD))
        need.next_on = self._due(need)
        self._escalate(need)

    def _fit_answer(self, need: Need, heard: Heard, moment: datetime, answers: list[Answer]) -> None:
        """Give the answer that goes with the state: a promise to an open need, a referral to one that waits."""
        if need.state == Need.State.WAITING:
            self._answer(need, heard, moment, answers, kind=Answer.Kind.REFERRAL)
        elif need.state == Need.State.ANSWERED:
            self._answer(need, heard, moment, answers, kind=pick(self.rng, final_answers()))
        elif self.rng.random() < 0.5:
            self._answer(need, heard, moment, answers, kind=Answer.Kind.FOLLOW_UP)

    def _due(self, need: Need) -> date:
        today, opened = self.world.today, need.opened_at.astimezone(self.world.zone).date()
        when = self._next_card(need)
        if when == "today":
            return today
        if when == "later":
            return self.lab.add_working_days(today, 1 + int(self.rng.expovariate(1 / 5)))
        days = self.rng.randint(6, 25) if when == "silent" else self.rng.randint(1, 4)
        due = today - timedelta(days=days)
        while not self.lab.works_on(due):
            due -= timedelta(days=1)
        return due if due > opened else self.lab.add_working_days(today, 2)

    def _next_card(self, need: Need) -> str:
        cards = self.cards.setdefault(need.owner_id, [])
        if not cards:
            cards.extend(self.rng.sample(DUE, len(DUE)))
        return cards.pop()

    def _escalate(self, need: Need) -> None:
        """A date that went by in silence was passed on to the coordinator, as the nightly work does."""
        assert need.next_on is not None
        passed_on = self.lab.add_working_days(need.next_on, self.lab.lab.escalation_days)
        if need.next_on < self.world.today and passed_on <= self.world.today:
            need.escalated_at = min(self.world.at(passed_on, ESCALATION_TIME), self.world.now)
            self._note("need.escalate", need.escalated_at, need, by=None)

    def _follow_story(self, need: Need, heard: Heard, answers: list[Answer]) -> None:
        story = heard.story
        assert story is not None
        self._answer(need, heard, need.opened_at, answers, kind=story["kind"], text=story["text"])
        if story["state"] == Need.State.CLOSED:
            told = need.opened_at if story["told"] == "face_to_face" else self._moment_after(need.opened_at, 1)
            self._close(need, Need.State.CLOSED, told or need.opened_at, story["told"])
            return
        need.state = story["state"]
        need.next_on = self.lab.add_working_days(self.world.today, 2)

    # --- The steps ---

    def _answer(
        self,
        need: Need,
        heard: Heard,
        at: datetime,
        answers: list[Answer],
        kind: str | None = None,
        text: str = "",
    ) -> None:
        rng = self.rng
        kind = kind or pick(rng, load("population")["answers"])
        answer = Answer(pk=self.world.id_at(at), need=need, kind=kind, given_at=at, given_by=need.owner)
        if at == need.opened_at:
            answer.given_by = need.contact.recorded_by
        if kind in ("orientation", "referral", "not_for_us") or (kind == "practical_help" and rng.random() < 0.2):
            answer.service = self._service(heard)
        if kind == "practical_help":
            if rng.random() < 0.45:
                answer.outside_reference = f"{rng.choice('ABGPR')}{at:%y}/{rng.randint(1000, 99999)}"
            if rng.random() < 0.35:
                answer.deadline_on = at.date() + timedelta(days=rng.randint(7, 60))
        answers.append(answer)
        if not text:
            known = heard.code in load("phrases")["terms"]
            text = self.world.phrases.done(heard.code) if known else self.world.phrases.one("callbacks")
        self.rows.sealed.append((answer, {"text": text}))
        if at > need.opened_at:
            self._read_contact(need, at)
            self._note("need.answer", at, need, by=need.owner, detail={"state": Need.State.ANSWERED, "kind": kind})

    def _service(self, heard: Heard) -> Service:
        found = self.lab.services_by_need.get(heard.code)
        if not found:
            parent = heard.code.split("-")[0]
            found = [s for code, many in self.lab.services_by_need.items() if code.startswith(parent) for s in many]
        return one_of(self.rng, found or self.lab.services)

    def _close(self, need: Need, state: str, at: datetime, how: str = "") -> None:
        need.state, need.closed_at, need.told_how, need.next_on = state, at, how, None
        if at == need.opened_at:
            return
        need.version += 1
        verb, detail = ("need.tell", {"how": how}) if how else ("need.close", {})
        self._note(verb, at + timedelta(seconds=5), need, by=need.owner, detail={"state": state, **detail})

    def _attempt(self, need: Need, at: datetime, outcome: str) -> None:
        channel = "phone" if self.rng.random() < 0.8 else "message"
        assert need.owner is not None
        attempt = Attempt(pk=self.world.id_at(at), need=need, at=at, by=need.owner, channel=channel, outcome=outcome)
        self.rows.attempts.append(attempt)
        self._note("need.attempt", at, need, by=need.owner, detail={"channel": channel, "outcome": outcome})

    def _try_in_vain(self, need: Need, since: datetime, times: int) -> datetime | None:
        """Try to reach somebody on several days; give when the last try was."""
        at: datetime | None = since
        last = None
        for _ in range(times):
            at = self._moment_after(at, self.rng.randint(0, 3)) if at else None
            last = at or (last or since) + timedelta(minutes=2)
            self._attempt(need, last, one_of(self.rng, UNHEARD))
        return last

    def _come_out(self, need: Need, answer: Answer, after: datetime) -> None:
        """What came of a referral or of a practical help, noted by hand when one got to know."""
        if answer.kind not in (Answer.Kind.REFERRAL, Answer.Kind.PRACTICAL_HELP) or self.rng.random() > 0.7:
            return
        at = self._moment_after(after, self.rng.randint(1, 15))
        if at is None:
            return
        answer.outcome = pick(self.rng, {"accepted": 35, "done": 40, "refused": 12, "no_reply": 13})
        answer.outcome_on = at.astimezone(self.world.zone).date()
        for place, (record, texts) in enumerate(reversed(self.rows.sealed)):
            if record is answer:
                self.rows.sealed[-1 - place] = (record, {**texts, "outcome": self.world.phrases.one("outcomes")})
                break
        self.world.ledger.note(
            at,
            "answer.outcome",
            answer,
            by=need.owner,
            lab_id=need.lab_id,
            subject_id=need.person_id,
            detail={"outcome": answer.outcome},
        )

    def _read_contact(self, need: Need, at: datetime) -> None:
        """Whoever goes on with a need read first what was said."""
        before = at - timedelta(seconds=self.rng.randint(40, 400))
        self._note("contact.read", before, need.contact, by=need.owner, is_reading=True)

    def _note(self, verb: str, at: datetime, record: Contact | Need, *, by: User | None, **more: Any) -> None:
        self.world.ledger.note(at, verb, record, by=by, lab_id=record.lab_id, subject_id=record.person_id, **more)

    def _moment_after(self, moment: datetime, days: int) -> datetime | None:
        """Give a moment of the desk's hours `days` working days after `moment`; None when it has not come yet."""
        day = self.lab.add_working_days(moment.astimezone(self.world.zone).date(), days)
        if not self.lab.works_on(day):
            day = next(self.lab.working_days(day, day + timedelta(days=30)))
        opens, closes = one_of(self.rng, self.lab.openings[day.weekday()])
        start = self.world.at(day, opens)
        at = start + timedelta(seconds=int(self.rng.random() * (self.world.at(day, closes) - start).total_seconds()))
        if at <= moment:
            at = moment + timedelta(minutes=self.rng.randint(4, 40))
        return at if at < self.world.now else None


def _told_at_once(contact: Contact) -> str:
    """How somebody got to know who was answered while they waited."""
    by_channel = {"phone": "phone", "message": "message", "third_party": "third_party"}
    return by_channel.get(contact.channel, "face_to_face")
