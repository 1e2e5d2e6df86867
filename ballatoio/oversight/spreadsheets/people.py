"""Who is in a sheet: the same person in many rows is one."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.utils import timezone

from ballatoio.base.core.ids import new_id
from ballatoio.base.people.bulk import Newcomer

NOON = time(12)


@dataclass
class Somebody:
    """A person of the sheet, with all that its rows say of them."""

    newcomer: Newcomer
    row: int
    times: int = 1

    def is_also(self, other: Newcomer, *, trusting: bool) -> bool:
        """Tell whether somebody of the same name is the same: nothing speaks against it, and (unless one trusts names)

        a telephone or a birth speaks for it.
        """
        mine = self.newcomer
        if mine.phones and other.phones and not set(mine.phones) & set(other.phones):
            return False
        if mine.birth_date and other.birth_date and mine.birth_date != other.birth_date:
            return False
        if mine.birth_year and other.birth_year and mine.birth_year != other.birth_year:
            return False
        proof = set(mine.phones) & set(other.phones) or (mine.birth_date and mine.birth_date == other.birth_date)
        return bool(trusting or proof)

    def learn(self, other: Newcomer) -> None:
        """Take what another row says and this one did not."""
        mine = self.newcomer
        days = [day for day in (mine.seen_on, other.seen_on) if day]
        since = [moment for moment in (mine.known_since, other.known_since) if moment]
        self.times += 1
        self.newcomer = replace(
            mine,
            pronounced=mine.pronounced or other.pronounced,
            birth_date=mine.birth_date or other.birth_date,
            birth_year=mine.birth_year or other.birth_year,
            languages_spoken=tuple(dict.fromkeys((*mine.languages_spoken, *other.languages_spoken))),
            languages_read=tuple(dict.fromkeys((*mine.languages_read, *other.languages_read))),
            phones=tuple(dict.fromkeys((*mine.phones, *other.phones))),
            emails=tuple(dict.fromkeys((*mine.emails, *other.emails))),
            notes="\n".join(dict.fromkeys(filter(None, (mine.notes, other.notes)))),
            dwelling=mine.dwelling or other.dwelling,
            seen_on=max(days, default=None),
            known_since=min(since, default=None),
        )


@dataclass
class Crowd:
    """Everybody in a sheet. `trusting`: the same full name in two rows is the same person unless something differs."""

    trusting: bool
    people: dict[UUID, Somebody] = field(default_factory=dict)
    _by_name: dict[frozenset[str], list[Somebody]] = field(default_factory=dict)

    def add(
        self,
        who: Newcomer,
        *,
        row: int,
        notes: str = "",
        dwelling: UUID | None = None,
        seen_on: date | None = None,
        known_since: date | None = None,
    ) -> UUID:
        """Put somebody from a row among the others; give the id that they have in the plan."""
        since = timezone.make_aware(datetime.combine(known_since, NOON)) if known_since else None
        if since:
            since = min(since, timezone.now())
        who = replace(who, notes=notes, dwelling=dwelling, seen_on=seen_on, known_since=since)
        alike = self._by_name.setdefault(who.names, [])
        # One name alone says nothing without a telephone or a birth.
        trusting = self.trusting and len(who.names) > 1
        for somebody in alike:
            if somebody.is_also(who, trusting=trusting):
                somebody.learn(who)
                return somebody.newcomer.pk
        somebody = Somebody(replace(who, pk=new_id()), row)
        alike.append(somebody)
        self.people[somebody.newcomer.pk] = somebody
        return somebody.newcomer.pk

    def in_batches(self, size: int) -> Iterator[list[Somebody]]:
        """Give everybody, so many at a time, in the order in which the sheet names them."""
        everybody = list(self.people.values())
        for start in range(0, len(everybody), size):
            yield everybody[start : start + size]


def newcomer_as_json(newcomer: Newcomer) -> dict[str, Any]:
    """Give a person of the plan as it is kept."""
    return {
        name: str(value) if isinstance(value, UUID) else value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(newcomer).items()
        if value
    }


def newcomer_from(stored: dict[str, Any]) -> Newcomer:
    """Give the person of the plan that `newcomer_as_json` stored."""
    told = dict(stored)
    for name in ("languages_spoken", "languages_read", "phones", "emails"):
        told[name] = tuple(told.get(name, ()))
    for name in ("birth_date", "seen_on"):
        told[name] = date.fromisoformat(told[name]) if name in told else None
    told["known_since"] = datetime.fromisoformat(told["known_since"]) if "known_since" in told else None
    told["dwelling"] = UUID(told["dwelling"]) if "dwelling" in told else None
    return Newcomer(**{**told, "pk": UUID(told["pk"])})
