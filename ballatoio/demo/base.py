"""The base of the demonstration: labs, organisations, the cast, the taxonomy of needs and the services."""

from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Any

from django.utils.text import slugify

from ballatoio.base.accounts.models import Membership, User
from ballatoio.base.directory.indexing import index_services
from ballatoio.base.directory.models import NeedTerm, Schedule, ScheduleException, Service, Translation
from ballatoio.base.directory.term_files import packaged_taxonomy
from ballatoio.base.directory.term_services import import_taxonomy
from ballatoio.base.directory.texts import object_type, source_hash
from ballatoio.base.labs.models import ClosingDay, Lab, LabOrganisation, Opening, Organisation

from .content import load
from .world import LabWorld, World

TRANSLATED_INTO = ("en", "ar")
LAB_FIELDS = (
    "slug",
    "name",
    "city",
    "address",
    "phone",
    "email",
    "lat",
    "lon",
    "funding",
    "answer_days",
    "escalation_days",
)
SERVICE_FIELDS = {
    "name": "name",
    "description": "description",
    "eligibility": "eligibility_description",
    "application_process": "application_process",
    "fees": "fees_description",
    "accessibility": "accessibility",
    "alert": "alert",
}


def build_base(world: World) -> None:
    """Make the labs, whoever works in them and their directory."""
    facts = load("labs")
    translations: list[Translation] = []
    for lab_facts in facts["labs"]:
        _make_lab(world, lab_facts, translations)
    _make_organisations(world, facts["organisations"])
    _make_partners(world)
    _make_cast(world, facts["cast"])
    _make_terms(world)
    _make_services(world, translations)
    Translation.objects.bulk_create(translations, batch_size=500)
    index_services(Service.objects.all())


def _clock(text: str) -> time:
    return time.fromisoformat(text)


def _make_lab(world: World, facts: dict[str, Any], translations: list[Translation]) -> None:
    lab = Lab.objects.create(
        **{name: facts[name] for name in LAB_FIELDS},
        blurb=facts["blurb"]["it"],
        active_since=date.fromisoformat(facts["active_since"]),
        synthetic=True,
    )
    translations += _translations(lab, "blurb", facts["blurb"], world)
    openings: dict[int, list[tuple[time, time]]] = {}
    for weekday, opens, closes in facts["openings"]:
        openings.setdefault(weekday, []).append((_clock(opens), _clock(closes)))
    Opening.objects.bulk_create(
        Opening(lab=lab, weekday=weekday, opens=opens, closes=closes)
        for weekday, spans in openings.items()
        for opens, closes in spans
    )
    years = range(world.today.year - 1, world.today.year + 2)
    closings = {date(year, c["month"], c["day"]): c["reason"] for year in years for c in facts["closings"]}
    ClosingDay.objects.bulk_create(ClosingDay(lab=lab, on=on, reason=reason) for on, reason in closings.items())
    world.labs[lab.slug] = LabWorld(lab, facts, openings, frozenset(closings))


def _translations(record: Any, field: str, texts: dict[str, str], world: World) -> Iterable[Translation]:
    """The texts of a record in the other languages. Nobody who speaks them has read them again: they are drafts."""
    for language in TRANSLATED_INTO:
        yield Translation(
            object_type=object_type(record),
            object_id=record.pk,
            field=field,
            language=language,
            text=texts[language],
            source_hash=source_hash(texts["it"]),
            state=Translation.State.DRAFT,
            changed_at=world.began_at,
        )


def _make_organisations(world: World, facts: list[dict[str, Any]]) -> None:
    for row in facts:
        lab = world.labs[row["lab"]].lab if row["lab"] else None
        world.organisations[row["code"]] = Organisation.objects.create(
            lab=lab,
            name=row["name"],
            short_name=row["short"],
            kind=row["kind"],
            spokesperson=row.get("spokesperson", ""),
        )
    by_name = {organisation.name: organisation for organisation in world.organisations.values()}
    shorts = {organisation.short_name: organisation for organisation in world.organisations.values()}
    for name, kind in load("services")["organisations"].items():
        found = by_name.get(name) or shorts.get(name)
        world.organisations[name] = found or Organisation.objects.create(name=name, short_name=name[:40], kind=kind)


def _make_partners(world: World) -> None:
    for lab_world in world.labs.values():
        for row in lab_world.facts["partners"]:
            LabOrganisation.objects.create(
                lab=lab_world.lab,
                organisation=world.organisations[row["organisation"]],
                part=row["part"],
                since=date.fromisoformat(row["since"]),
            )


def _make_cast(world: World, cast: list[dict[str, Any]]) -> None:
    since = world.began_at.date()
    memberships = []
    for row in cast:
        user = User(email=f"{row['demo_name']}@example.org", name=row["name"], demo_name=row["demo_name"])
        user.language = row.get("language", "it")
        user.joined_at = world.began_at
        user.set_unusable_password()
        user.save()
        world.users[row["demo_name"]] = user
        for part in row["roles"]:
            lab_world = world.labs[part["lab"]] if part["lab"] else None
            membership = Membership(
                user=user,
                lab=lab_world.lab if lab_world else None,
                role=part["role"],
                organisation=world.organisations[part["organisation"]] if part["organisation"] else None,
                since=since,
                receives_requests=row.get("receives_requests", False),
            )
            memberships.append(membership)
            _note_part(world, membership, lab_world)
    Membership.objects.bulk_create(memberships)


def _note_part(world: World, membership: Membership, lab_world: LabWorld | None) -> None:
    lab_id = lab_world.lab.pk if lab_world else None
    detail = {"role": membership.role}
    world.ledger.note(world.began_at, "membership.start", membership, by=None, lab_id=lab_id, detail=detail)
    if lab_world is None:
        return
    if membership.role == "coordinator":
        lab_world.coordinator = membership.user
    elif membership.role == "desk":
        lab_world.desk.append(membership.user)
    elif membership.role in ("mediator", "caseworker"):
        lab_world.helpers.append(membership.user)


def _make_terms(world: World) -> None:
    import_taxonomy(packaged_taxonomy(), by=None)
    world.terms |= {term.code: term for term in NeedTerm.objects.select_related("parent")}


def _make_services(world: World, translations: list[Translation]) -> None:
    services, schedules, exceptions, links = [], [], [], []
    for row in load("services")["services"]:
        for place in row["places"]:
            lab_world = world.labs[place["lab"]]
            service = _service(world, lab_world, row, place)
            services.append(service)
            lab_world.services.append(service)
            schedules += [
                Schedule(service=service, weekday=weekday, opens_at=opens, closes_at=closes)
                for weekday, opens, closes in _hours(row["hours"])
            ]
            exceptions += [_exception(world, service, special) for special in row["exceptions"]]
            for code in row["needs"]:
                links.append(Service.needs.through(service_id=service.pk, needterm_id=world.terms[code].pk))
                lab_world.services_by_need.setdefault(code, []).append(service)
            for name, field in SERVICE_FIELDS.items():
                texts = {language: row[language][name] for language in ("it", *TRANSLATED_INTO)}
                if texts["it"]:
                    translations += _translations(service, field, texts, world)
    Service.objects.bulk_create(services)
    Schedule.objects.bulk_create(schedules)
    ScheduleException.objects.bulk_create(exceptions)
    Service.needs.through.objects.bulk_create(links)
    for service in services:
        world.ledger.note(world.began_at, "service.add", service, by=None, lab_id=service.lab_id)


def _service(world: World, lab_world: LabWorld, row: dict[str, Any], place: dict[str, Any]) -> Service:
    # «lab» is whoever runs the lab: its lead partner, else its owner.
    runs = {part["part"]: part["organisation"] for part in lab_world.facts["partners"]}
    code = row["organisation"] if row["organisation"] != "lab" else runs.get("lead", runs["owner"])
    return Service(
        pk=world.random_id(),
        lab=lab_world.lab,
        organisation=world.organisations[code],
        slug=slugify(row["code"]),
        **{field: row["it"][name] for name, field in SERVICE_FIELDS.items()},
        phone=place["phone"],
        email=f"{slugify(row['code'])}@example.org",
        address=place["address"],
        lat=place["lat"],
        lon=place["lon"],
        languages=row["languages"],
        interpretation_services=row["interpretation"],
        service_area=lab_world.facts["area"],
        status=row["status"],
        last_verified_on=world.today - timedelta(days=row["verified_days_ago"]),
    )


def _hours(lines: list[str]) -> Iterable[tuple[int, time, time]]:
    """Read «0-4 09:00-12:30» and «1,3 14:00-17:00»: weekdays from Monday (0), then from when to when."""
    for line in lines:
        days, span = line.split(" ")
        first, _dash, last = days.partition("-")
        weekdays = range(int(first), int(last) + 1) if last else [int(day) for day in days.split(",")]
        opens, closes = span.split("-")
        for weekday in weekdays:
            yield weekday, _clock(opens), _clock(closes)


def _exception(world: World, service: Service, row: dict[str, Any]) -> ScheduleException:
    return ScheduleException(
        service=service,
        on=world.today + timedelta(days=row["in_days"]),
        opens_at=_clock(row["opens"]) if "opens" in row else None,
        closes_at=_clock(row["closes"]) if "closes" in row else None,
        note=row["note"],
    )
