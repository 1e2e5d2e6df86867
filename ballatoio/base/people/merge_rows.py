"""What belongs to a person, in every room of the house, moved from one file to another, and back.

The rooms above are not known here: the relations of the database are walked. Whatever changes is written down as a
Change, a value before and after, so that undoing is the same list backwards.

When both files have something of which a person may have only one, its rule decides:

| clash | rule |
|---|---|
| the same telephone or e-mail | the kept file's stays, with the more careful of the two ways to use it |
| the same codice fiscale or document | the kept file's stays |
| an entry sheet for the same operation of a fund | the earlier one counts: who comes back is the same participant |
| a household for each | one is chosen; in the other they lived until today |
| an account for each | not merged: somebody has to decide who may go on opening the page |
| anything else, of a room that says nothing | not merged: whoever runs into it reads which kind it is |

What has no place in the kept file is not deleted: it stays with the hidden file, under its own key, and its time to be
erased goes on.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.accounts.models import AccessCode
from ballatoio.base.vault.services import TextIsGone, open_texts

from .models import (
    ContactPoint,
    EntrySnapshot,
    HouseholdDwelling,
    HouseholdMember,
    Person,
    PersonIdentifier,
    PersonKey,
    PersonMerge,
    ProbableDuplicate,
)


class CannotBeMerged(Exception):
    """These two files cannot become one, or not now, or not by this operator; the message says what to do."""


@dataclass(frozen=True)
class Change:
    """A field of some rows of a model that had one value and has another."""

    model: str
    field: str
    before: Any
    after: Any
    pks: tuple[str, ...]


class Changes:
    """Changes values, and keeps the list of what it changed."""

    def __init__(self, made: Sequence[Change] = ()) -> None:
        self.made = list(made)

    def write(self, model: type[models.Model], pks: Sequence[Any], field: str, before: Any, after: Any) -> None:
        """Give a field of some rows, which all have the value `before`, the value `after`."""
        if pks and before != after:
            model._base_manager.filter(pk__in=pks).update(**{field: after})
            self.made.append(Change(model._meta.label_lower, field, before, after, tuple(map(str, pks))))

    def set(self, row: models.Model, field: str, after: Any) -> None:
        """Give a field of one row another value."""
        self.write(type(row), [row.pk], field, getattr(row, field), after)
        setattr(row, field, after)

    def dump(self) -> str:
        """Give the list as it is kept sealed."""
        rows = [[change.model, change.field, change.before, change.after, change.pks] for change in self.made]
        return json.dumps(rows, cls=DjangoJSONEncoder)

    @classmethod
    def load(cls, text: str) -> "Changes":
        """Read a list that was kept sealed."""
        rows = json.loads(text or "[]")
        return cls([Change(model, field, before, after, tuple(pks)) for model, field, before, after, pks in rows])

    def revert(self) -> int:
        """Give every value back, the last first; give how many were changed again since and stay as they are.

        A value is only given back where it still is what it was changed to: what somebody did later is theirs.
        """
        later = 0
        for change in reversed(self.made):
            model = apps.get_model(change.model)
            field = model._meta.get_field(change.field)
            before, after = (_read(field, value) for value in (change.before, change.after))
            rows = model._base_manager.filter(pk__in=change.pks)
            still = list(rows.filter(_is(change.field, after)).values_list("pk", flat=True))
            given_back = len(still) if _exists(field, before) and _give_back(model, still, change.field, before) else 0
            later += rows.count() - given_back
        return later


def _is(field: str, value: Any) -> Q:
    return Q(**{f"{field}__isnull": True}) if value is None else Q(**{field: value})


def _read(field: Any, value: Any) -> Any:
    return (field.target_field if isinstance(field, models.ForeignKey) else field).to_python(value)


def _exists(field: Any, value: Any) -> bool:
    """Whether what a foreign key named is still there."""
    if value is None or not isinstance(field, models.ForeignKey):
        return True
    return field.related_model._base_manager.filter(pk=value).exists()


def _give_back(model: type[models.Model], pks: list[Any], field: str, value: Any) -> bool:
    """Write a value, unless something that came to be since stands in its way: another household, another account."""
    try:
        with transaction.atomic():
            model._base_manager.filter(pk__in=pks).update(**{field: value})
    except IntegrityError:
        return False
    return True


# Relations that are about the two files themselves and not about what belongs to the person.
NOT_BELONGINGS = (Person, PersonKey, PersonMerge, ProbableDuplicate)


def belongings() -> "Iterator[tuple[type[models.Model], models.Field[Any, Any]]]":
    """Give every foreign key of the database that names a person, with its model: of this room and of those above."""
    for relation in Person._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.related_model not in NOT_BELONGINGS:
            yield relation.related_model, relation.field


def move_belongings(merged: Person, kept: Person, changes: Changes, *, home: str = "kept") -> None:
    """Let everything that belongs to `merged` belong to `kept`; `home` says whose household stays when both have one.

    What clashes stays with the merged file, by the rules above: doing it again finds the same clashes and moves only
    what is new. Raise CannotBeMerged for a clash without a rule.
    """
    _end_other_home(merged, kept, changes, home)
    left = {
        ContactPoint: _leave_same_points(merged, kept, changes),
        PersonIdentifier: _leave_same_identifiers(merged, kept),
        EntrySnapshot: _leave_later_sheets(merged, kept, changes),
    }
    for model, field in belongings():
        rows = model._base_manager.filter(**{field.name: merged}).exclude(pk__in=left.get(model, []))
        _refuse_clash(model, field, rows, kept)
        pks = list(rows.order_by("pk").values_list("pk", flat=True))
        changes.write(model, pks, field.attname, merged.pk, kept.pk)
    codes = AccessCode.objects.filter(object_type=Person._meta.label_lower, object_id=merged.pk).order_by("pk")
    changes.write(AccessCode, list(codes.values_list("pk", flat=True)), "object_id", merged.pk, kept.pk)


def _leave_same_points(merged: Person, kept: Person, changes: Changes) -> list[UUID]:
    """The ways to reach them that both have: the kept one takes over whatever warns of harm."""
    there = {(point.kind, point.value): point for point in kept.contact_points.all()}
    left = []
    for point in merged.contact_points.all():
        same = there.get((point.kind, point.value))
        if same is None:
            continue
        left.append(point.pk)
        for model in _naming_points():
            pks = list(model._base_manager.filter(point_id=point.pk).values_list("pk", flat=True))
            changes.write(model, pks, "point_id", point.pk, same.pk)
        changes.set(same, "is_shared", same.is_shared or point.is_shared)
        changes.set(same, "no_voicemail", same.no_voicemail or point.no_voicemail)
        changes.set(same, "safe_to_call", same.safe_to_call and point.safe_to_call)
        if not same.hours:
            changes.set(same, "hours", point.hours)
    return left


def _naming_points() -> Iterator[type[models.Model]]:
    """Give the models that name a contact point by its id alone, `point_id`: messages that have not left yet."""
    for model in apps.get_models():
        if any(type(field) is models.UUIDField and field.name == "point_id" for field in model._meta.fields):
            yield model


def _leave_same_identifiers(merged: Person, kept: Person) -> list[UUID]:
    there = [_value_of(identifier) for identifier in _identifiers(kept)]
    return [identifier.pk for identifier in _identifiers(merged) if _value_of(identifier) in there]


def _identifiers(person: Person) -> list[PersonIdentifier]:
    return list(person.identifiers.select_related("data_key").order_by("pk"))


def _value_of(identifier: PersonIdentifier) -> tuple[str, str]:
    """What to compare an identifier by: the same value has another blind index after a change of the master key.

    The program compares; nobody is shown it.
    """
    try:
        return identifier.kind, open_texts(identifier).get("value", "")
    except TextIsGone:
        return identifier.kind, bytes(identifier.blind_index).hex()


def fiscal_codes_differ(one: Person, other: Person) -> bool:
    """Tell whether both have a codice fiscale, and none in common."""
    kind = PersonIdentifier.Kind.FISCAL_CODE
    mine, theirs = ({_value_of(i) for i in _identifiers(person) if i.kind == kind} for person in (one, other))
    return bool(mine and theirs and not mine & theirs)


def _leave_later_sheets(merged: Person, kept: Person, changes: Changes) -> list[UUID]:
    """Of two entry sheets for one operation the earlier counts; the database allows one for each file at a time."""
    there = {sheet.operation.casefold(): sheet for sheet in EntrySnapshot.objects.filter(person=kept)}
    left = []
    for sheet in EntrySnapshot.objects.filter(person=merged).order_by("pk"):
        same = there.get(sheet.operation.casefold())
        if same is None:
            continue
        if (sheet.entered_on, sheet.pk) < (same.entered_on, same.pk):
            name = same.operation
            changes.set(same, "operation", str(same.pk))
            changes.set(same, "person_id", merged.pk)
            changes.set(sheet, "person_id", kept.pk)
            changes.set(same, "operation", name)
            left.append(same.pk)
        else:
            left.append(sheet.pk)
    return left


def _end_other_home(merged: Person, kept: Person, changes: Changes, home: str) -> None:
    """When both live in a household, the one that is not chosen has been theirs until today."""
    rows = HouseholdMember.objects.filter(person__in=(merged, kept), until__isnull=True)
    current = {row.person_id: row for row in rows.select_for_update(of=("self",), no_key=True).order_by("pk")}
    if len(current) < 2:
        return
    ended = current[kept.pk if home == "merged" else merged.pk]
    today = timezone.localdate()
    _end(ended, changes, today)
    staying = HouseholdMember.objects.filter(household=ended.household_id, until__isnull=True)
    if not staying.exists():
        for dwelling in HouseholdDwelling.objects.filter(household=ended.household_id, until__isnull=True):
            _end(dwelling, changes, today)


def _end(row: HouseholdMember | HouseholdDwelling, changes: Changes, today: date) -> None:
    if row.since and row.since > today:
        changes.set(row, "since", today)
    changes.set(row, "until", today)


def _refuse_clash(
    model: type[models.Model], field: "models.Field[Any, Any]", rows: models.QuerySet[Any], kept: Person
) -> None:
    """Raise CannotBeMerged when a row of the kept file stands where one of the other would come to stand."""
    theirs = model._base_manager.filter(**{field.name: kept})
    for names, condition in _unique_sets(model, field):
        if _values(theirs.filter(condition), names) & _values(rows.filter(condition), names):
            what = str(getattr(model, "counted_as", "") or model._meta.verbose_name).replace("%d", "").strip()
            raise CannotBeMerged(
                _("Tutte e due le schede hanno: %(what)s. Ce ne può stare uno solo: prima chiudi quello sbagliato.")
                % {"what": what}
            )


def _values(rows: models.QuerySet[Any], names: list[str]) -> set[tuple[Any, ...]]:
    if not names:
        return {()} if rows.exists() else set()
    return set(rows.order_by().values_list(*names))


def _unique_sets(model: type[models.Model], field: "models.Field[Any, Any]") -> Iterator[tuple[list[str], Q]]:
    """Give what must be unique together with a field, without it, and for which rows."""
    if field.unique:
        yield [], Q()
    for together in model._meta.unique_together:
        if field.name in together:
            yield [name for name in together if name != field.name], Q()
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and field.name in constraint.fields:
            yield [name for name in constraint.fields if name != field.name], constraint.condition or Q()
