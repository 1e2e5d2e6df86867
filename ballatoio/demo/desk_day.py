"""What both desks have going on now: people sent on, appointments, letters to post, hours to write, figures fixed."""

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import FundingLine
from ballatoio.base.labs.services import add_funding_line
from ballatoio.base.notices.models import Delivery
from ballatoio.base.notices.services import Text, notify_person
from ballatoio.base.people.doubles import compare_people
from ballatoio.base.people.models import Consent, ContactPoint, Person
from ballatoio.base.people.services import register_person
from ballatoio.base.territory.models import Building
from ballatoio.base.vault.services import seal_texts
from ballatoio.care.appointments.booking import Booker, book_slot
from ballatoio.care.appointments.models import Agenda, Appointment, AppointmentKind, Rota, Slot
from ballatoio.care.appointments.rota_services import add_kind, add_rota
from ballatoio.care.appointments.timetable import free_slots, read_timetable
from ballatoio.care.appointments.waiting_services import join_waiting
from ballatoio.care.desk.models import Answer, Need
from ballatoio.care.issues.services import open_issue
from ballatoio.care.referrals.clock import expiry_day, reminder_day
from ballatoio.care.referrals.consent import TEXT_VERSION
from ballatoio.care.referrals.models import Referral, ReferralEvent
from ballatoio.oversight.hours.models import Activity, WeekSheet, WorkedHours
from ballatoio.oversight.hours.services import monday_of, start_activity
from ballatoio.oversight.reporting.models import Publication
from ballatoio.oversight.reporting.publication_services import publish_due
from ballatoio.oversight.reporting.question_services import assign_topic, build_sheets
from ballatoio.oversight.reporting.sheet_services import fix_due_sheets
from ballatoio.oversight.reporting.tally_services import tally_due_months

from .content import load, one_of, pick
from .world import LabWorld, World

REFERRED_DAYS = 120
PAST_APPOINTMENT_DAYS = 28
WEEKS_OF_HOURS = 6
# What came of a referral, by what the desk noted of it.
STATES = {
    Answer.Outcome.ACCEPTED: Referral.State.ACCEPTED,
    Answer.Outcome.REFUSED: Referral.State.REFUSED,
    Answer.Outcome.DONE: Referral.State.DONE,
    Answer.Outcome.NO_REPLY: Referral.State.EXPIRED,
}
HOW_THEY_ENDED = {"kept": 78, "no_show": 10, "cancelled_by_person": 9, "cancelled_by_lab": 3}


def build_desk_day(world: World) -> None:
    """Let both desks have their day; the audit of it is written as it happens, after the year's."""
    content = load("desk_day")
    for lab_world in world.labs.values():
        day = DeskDay(world, lab_world, content)
        day.send_on()
        day.give_appointments()
        day.leave_messages()
        day.follow_issues()
        day.write_hours()
        day.meet_doubles()
        day.fix_figures()
    compare_people()


class DeskDay:
    """One desk's present."""

    def __init__(self, world: World, lab_world: LabWorld, content: dict[str, Any]) -> None:
        assert lab_world.coordinator is not None
        self.world, self.here, self.lab, self.rng, self.content = world, lab_world, lab_world.lab, world.rng, content
        self.coordinator: User = lab_world.coordinator

    # --- People sent on to a service --------------------------------------------------------------------------

    def send_on(self) -> None:
        """Every referral of the last months is a thing of its own, with its consent and what came of it."""
        since = self.world.now - timedelta(days=REFERRED_DAYS)
        answers = Answer.objects.filter(
            need__lab=self.lab, kind=Answer.Kind.REFERRAL, service__isnull=False, given_at__gte=since
        ).select_related("need__person", "need__contact", "service__organisation", "given_by")
        referrals, events, sealed = [], [], []
        for answer in answers.order_by("given_at", "pk"):
            referral = self._referral(answer)
            referrals.append(referral)
            events += self._events(referral, answer)
            texts = {"words": one_of(self.rng, self.content["referral_words"]), "consent": TEXT_VERSION}
            sealed.append((referral, texts | ({"name": str(referral.person)} if referral.person else {})))
        seal_texts(sealed)
        Referral.objects.bulk_create(referrals)
        ReferralEvent.objects.bulk_create(events)

    def _referral(self, answer: Answer) -> Referral:
        assert answer.service is not None
        sent_on = timezone.localdate(answer.given_at)
        expires_on = expiry_day(self.lab, sent_on)
        state = STATES.get(Answer.Outcome(answer.outcome), Referral.State.SENT)
        if state == Referral.State.SENT and expires_on <= self.world.today:
            state = Referral.State.EXPIRED
        awaiting = state in Referral.AWAITING
        reminder, reminders = reminder_day(self.lab, sent_on, expires_on), 0
        while awaiting and reminder and reminder <= self.world.today:
            reminder, reminders = reminder_day(self.lab, reminder, expires_on), reminders + 1
        ended = self._outcome_at(answer, expires_on) if state in Referral.ENDED else None
        person = answer.need.person
        return Referral(
            pk=self.world.id_at(answer.given_at),
            lab=self.lab,
            reference=f"{self.rng.randrange(10**6):06}",
            need=answer.need,
            answer=answer,
            person=person,
            service=answer.service,
            service_name=answer.service.name,
            organisation_name=answer.service.organisation.name,
            state=state,
            shares=["language", "name", "words"] if person else ["language", "words"],
            language=answer.need.contact.language,
            sent_by=answer.given_by,
            sent_at=answer.given_at,
            answered_at=ended or (answer.given_at if state == Referral.State.ACCEPTED else None),
            ended_at=ended,
            refusal=Referral.Refusal.NO_PLACE if state == Referral.State.REFUSED else "",
            expires_on=expires_on,
            next_reminder_on=reminder if awaiting else None,
            reminders=reminders,
            consent_version=TEXT_VERSION,
            consent_language="it",
            consent_how=Consent.How.SPOKEN,
            synthetic=True,
        )

    def _outcome_at(self, answer: Answer, expires_on: Any) -> datetime:
        day = answer.outcome_on or expires_on
        return min(max(self.world.at(day, time(11)), answer.given_at + timedelta(minutes=5)), self.world.now)

    def _events(self, referral: Referral, answer: Answer) -> list[ReferralEvent]:
        kinds = [(referral.sent_at, "sent", "desk")]
        if referral.state != Referral.State.SENT:
            at = referral.ended_at or referral.answered_at or referral.sent_at
            channel = "program" if referral.state == Referral.State.EXPIRED else pick(self.rng, {"call": 6, "email": 3})
            kinds.append((at, referral.state, channel))
        return [
            ReferralEvent(referral=referral, at=at, by=answer.given_by, kind=kind, channel=channel)
            for at, kind, channel in kinds
        ]

    # --- Appointments -----------------------------------------------------------------------------------------

    def give_appointments(self) -> None:
        """Whoever works at the desk receives by appointment twice a week; one kind is so wanted that people wait."""
        Agenda.objects.get_or_create(lab=self.lab, defaults={"weeks_ahead": 4})
        kinds = [self._kind(facts) for facts in self.content["kinds"]]
        scarce = [kind for kind, facts in zip(kinds, self.content["kinds"], strict=True) if facts.get("scarce")]
        weekdays = sorted(self.here.openings)
        for number, operator in enumerate(self.here.desk):
            for offset in (0, 2):
                weekday = weekdays[(number + offset) % len(weekdays)]
                opens, closes = self.here.openings[weekday][0]
                wanted = kinds if number == 0 and offset == 0 else [kind for kind in kinds if kind not in scarce]
                self._receive(operator, weekday, opens, closes, wanted)
        self._book(scarce[0], share=1.0)
        for words in self.content["waiting_words"]:
            booker = Booker(person=self._somebody(), words=words)
            join_waiting(
                self.lab,
                kind=scarce[0],
                booker=booker,
                language="it",
                only_language=False,
                channel="phone",
                by=self.here.desk[0],
            )
        for kind in kinds:
            self._book(kind, share=0.25)

    def _kind(self, facts: dict[str, Any]) -> AppointmentKind:
        fields = {name: facts[name] for name in ("name", "minutes", "bring")}
        return add_kind(self.lab, by=self.coordinator, texts=facts["texts"], **fields)

    def _receive(self, operator: User, weekday: int, opens: time, closes: time, kinds: list[AppointmentKind]) -> None:
        spoken = next((row["spoken"] for row in load("labs")["cast"] if row["demo_name"] == operator.demo_name), ["it"])
        rota = add_rota(
            self.lab,
            operator=operator,
            kinds=kinds,
            by=self.coordinator,
            weekday=weekday,
            opens=opens,
            closes=closes,
            languages=spoken,
            interpreter_languages=["ar"] if weekday == 3 and "ar" not in spoken else [],
            is_public=True,
            valid_from=self.world.today - timedelta(days=60),
        )
        self._past(rota, kinds[0])

    def _book(self, kind: AppointmentKind, *, share: float) -> None:
        for slot in list(free_slots(self.lab, read_timetable(self.lab, kind=kind), kind=kind)):
            if self.rng.random() >= share:
                continue
            booker = Booker(person=self._somebody())
            book_slot(slot, kind=kind, booker=booker, language="it", channel="desk", by=self.here.desk[0], send=False)

    def _past(self, rota: Rota, kind: AppointmentKind) -> None:
        """Four weeks of appointments that are over, each with how it went."""
        slots, appointments = [], []
        first = self.world.today - timedelta(days=PAST_APPOINTMENT_DAYS)
        for day in self.here.working_days(first, self.world.today):
            starts = self.world.at(day, rota.opens)
            while day.weekday() == rota.weekday and starts + timedelta(minutes=30) <= self.world.now:
                ends = starts + timedelta(minutes=30)
                if ends > self.world.at(day, rota.closes):
                    break
                if self.rng.random() < 0.7:
                    slot = Slot(lab=self.lab, operator=rota.operator, rota=rota, starts_at=starts, ends_at=ends)
                    slots.append(slot)
                    appointments.append(self._ended(slot, kind))
                starts = ends
        Slot.objects.bulk_create(slots)
        Appointment.objects.bulk_create(appointments)

    def _ended(self, slot: Slot, kind: AppointmentKind) -> Appointment:
        state = pick(self.rng, HOW_THEY_ENDED)
        return Appointment(
            pk=self.world.id_at(slot.starts_at - timedelta(days=3)),
            lab=self.lab,
            slot=slot,
            kind=kind,
            person=self._somebody(),
            channel=pick(self.rng, {"desk": 5, "phone": 4, "web": 3}),
            booked_at=slot.starts_at - timedelta(days=3),
            booked_by=slot.operator,
            state=state,
            missed="not_come" if state == "no_show" else "",
            ended_at=slot.ends_at,
            ended_by=slot.operator,
        )

    def _somebody(self) -> Person:
        return one_of(self.rng, [resident.person for resident in self._known()])

    def _known(self) -> list[Any]:
        return [r for r in self.here.residents if r.is_adult and not r.person.is_protected]

    # --- Messages, issues -------------------------------------------------------------------------------------

    def leave_messages(self) -> None:
        """A few answers are ready and leave today: by call, by letter, as a text to copy, by e-mail."""
        needs = Need.objects.filter(lab=self.lab, state=Need.State.ANSWERED, person__is_protected=False)
        ready = list(needs.select_related("person__lab").order_by("opened_at", "pk")[:12])
        words = self.content["calls"]
        text = Text(subject=self.lab.name, body=f"{words} {self.lab.address}, {self.lab.phone}", short=words)
        sent = []
        for need, wanted in zip(
            ready, ("call", "call", "letter", "copy", "letter", "sms", "sms", "call"), strict=False
        ):
            assert need.person is not None
            sent.append(
                notify_person(
                    need.person,
                    kind="need.answer",
                    key=f"demo:{need.pk}",
                    compose=lambda: text,
                    about=need,
                    by=need.owner,
                    wanted=wanted,
                )
            )
        waiting = [delivery for delivery in sent if delivery and delivery.state == Delivery.State.WAITING]
        # One number was dialled in vain until the program gave up.
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in waiting[:1]]).update(
            state=Delivery.State.DEAD, attempts=8, last_error="refused", ended_at=timezone.now()
        )

    def follow_issues(self) -> None:
        """Where several households ask the same thing, the lab follows it as one."""
        recent = Need.objects.still_open().filter(lab=self.lab, building__isnull=False, term__isnull=False)
        crowded = recent.order_by().values("building", "term").annotate(n=Count("pk")).order_by("-n", "building")
        for row, title in zip(crowded[:2], self.content["issues"], strict=False):
            needs = list(recent.filter(building=row["building"], term=row["term"]).select_related("term"))
            assert needs[0].term is not None
            open_issue(
                Building.objects.select_related("lab").get(pk=row["building"]),
                by=self.coordinator,
                term=needs[0].term,
                title=f"{needs[0].term.name}: {title}" if row["n"] < 2 else title,
                owner=self.here.desk[0],
                next_on=self.here.add_working_days(self.world.today, 3),
                needs=needs,
            )

    # --- Hours, doubles, figures ------------------------------------------------------------------------------

    def write_hours(self) -> None:
        """Six weeks of hours: the older ones approved, the last finished one waiting, this one not begun."""
        lines = [
            add_funding_line(self.lab, by=self.coordinator, **facts)
            for facts in self.content["funding_lines"][self.lab.slug]
        ]
        since = self.world.today - timedelta(days=365)
        activities = [
            start_activity(self.lab, by=self.coordinator, name=name, since=since, funding_line=self._pays(lines, name))
            for name in self.content["activities"]
        ]
        this = monday_of(self.world.today)
        for user in [*self.here.desk, *self.here.helpers]:
            for number in range(1, WEEKS_OF_HOURS + 1):
                self._week(user, this - timedelta(weeks=number), activities, approved=number > 1)

    def _pays(self, lines: list[FundingLine], name: str) -> FundingLine | None:
        return None if name in self.content["unfunded"] or not lines else lines[0]

    def _week(self, user: User, monday: Any, activities: list[Activity], *, approved: bool) -> None:
        state = WeekSheet.State.APPROVED if approved else WeekSheet.State.CONFIRMED
        sheet = WeekSheet.objects.create(
            lab=self.lab, user=user, monday=monday, state=state, approved_by=self.coordinator if approved else None
        )
        organisation = user.acting_as(self.lab.pk)[1]
        WorkedHours.objects.bulk_create(
            WorkedHours(
                sheet=sheet,
                activity=activity,
                organisation_id=organisation,
                on=monday + timedelta(days=day),
                minutes=self.rng.choice((60, 90, 120, 180) if place == 0 else (30, 45, 60)),
            )
            for day in range(5)
            for place, activity in enumerate(activities)
            if place == 0 or self.rng.random() < 0.4
        )

    def meet_doubles(self) -> None:
        """Three people were written down twice, by somebody in a hurry."""
        with_phone = ContactPoint.objects.filter(kind="phone", is_shared=False).values("person_id", "value")
        phones = {row["person_id"]: row["value"] for row in with_phone}
        reachable = [resident.person for resident in self._known() if resident.person.pk in phones]
        for person in reachable[20:23]:
            twice = register_person(
                self.lab,
                by=self.here.desk[0],
                given_name=person.given_name[:-1] or person.given_name,
                family_name=person.family_name,
                birth_year=person.birth_year,
                languages_spoken=person.languages_spoken,
                phone=phones[person.pk],
            )
            Person.objects.filter(pk=twice.pk).update(synthetic=True)

    def fix_figures(self) -> None:
        """What is over is counted, fixed, published; questions to institutions wait for the coordinator."""
        for row in self.content["questions"]:
            assign_topic(
                self.lab,
                by=self.coordinator,
                term=self.world.terms[row["topic"]],
                organisation=self.world.organisations[row["organisation"]],
            )
        tally_due_months(self.lab)
        publish_due(self.lab)
        last = Publication.objects.filter(lab=self.lab, kind=Publication.Kind.MONTH).order_by("-first").first()
        if last is not None:
            build_sheets(last)
        fix_due_sheets(self.lab)
