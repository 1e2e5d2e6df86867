"""What people did with records after they came from a sheet: before an import is undone, somebody has to see it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from ballatoio.base.accounts.models import AccessCode
from ballatoio.base.people.models import (
    ContactPoint,
    Household,
    HouseholdDwelling,
    HouseholdMember,
    Person,
    PersonKey,
    ProbableDuplicate,
)
from ballatoio.care.desk.models import Answer, Contact, Need

from .models import ImportedRow, Lookalike, SheetImport

Ids = Any
# Written with the records, or found out by the program alone: no sign that somebody used them.
OWN: dict[type[models.Model], tuple[type[models.Model], ...]] = {
    Contact: (Need,),
    Need: (Answer,),
    Answer: (),
    Person: (PersonKey, ContactPoint, HouseholdMember, ProbableDuplicate, Lookalike),
    Household: (HouseholdMember, HouseholdDwelling),
}


def label(model: type[models.Model]) -> str:
    """Give the name under which a record of a model is remembered."""
    return str(model._meta.label_lower)


def ids_of(sheet: SheetImport, model: type[models.Model]) -> "models.QuerySet[ImportedRow, UUID]":
    """Give the ids of the records of a model that a sheet brought, as a query to be put into others."""
    rows = ImportedRow.objects.filter(sheet=sheet, model=label(model), was_there=False)
    return rows.values_list("object_id", flat=True)


def used_contacts(sheet: SheetImport, ids: Ids) -> dict[UUID, set[str]]:
    """Give, of these contacts, those that somebody has used since they came, each with why: codes of WHY."""
    used: dict[UUID, set[str]] = defaultdict(set)
    _note(used, Contact.objects.filter(pk__in=ids, version__gt=1).values_list("pk", flat=True), "amended")
    _note(used, Need.objects.filter(contact__in=ids, version__gt=1).values_list("contact", flat=True), "answered")
    outcome = Answer.objects.filter(need__contact__in=ids).exclude(outcome="")
    _note(used, outcome.values_list("need__contact", flat=True), "answered")
    for path, model in (("", Contact), ("contact", Need), ("need__contact", Answer)):
        for rows, field in _pointing_to(model):
            column = f"{field}__{path}" if path else field
            found = rows._default_manager.filter(**{f"{column}__in": ids}).order_by()
            _note(used, found.values_list(column, flat=True).distinct(), "followed")
    _note(used, _with_codes(Contact, ids), "followed")
    return dict(used)


def used_people(sheet: SheetImport, ids: Ids) -> dict[UUID, set[str]]:
    """Give, of these people, those whose file somebody has used since, each with why.

    The contacts of the same sheet do not count while they are still here.
    """
    used: dict[UUID, set[str]] = defaultdict(set)
    _note(used, Person.objects.filter(pk__in=ids, version__gt=1).values_list("pk", flat=True), "amended")
    _note(used, Person.objects.filter(pk__in=ids, user__isnull=False).values_list("pk", flat=True), "followed")
    own_contacts = ids_of(sheet, Contact)
    later = Contact.objects.filter(person__in=ids).exclude(pk__in=own_contacts)
    _note(used, later.order_by().values_list("person", flat=True).distinct(), "later")
    needs = Need.objects.filter(person__in=ids).exclude(contact__in=own_contacts)
    _note(used, needs.order_by().values_list("person", flat=True).distinct(), "later")
    moved = HouseholdMember.objects.filter(person__in=ids).exclude(household__in=ids_of(sheet, Household))
    _note(used, moved.order_by().values_list("person", flat=True).distinct(), "followed")
    _note(used, _with_new_points(sheet, ids), "amended")
    for rows, field in _pointing_to(Person):
        if rows in (Contact, Need):
            continue
        found = rows._default_manager.filter(**{f"{field}__in": ids}).order_by()
        _note(used, found.values_list(field, flat=True).distinct(), "followed")
    _note(used, _with_codes(Person, ids), "followed")
    return dict(used)


def _with_new_points(sheet: SheetImport, ids: Ids) -> list[UUID]:
    """Give the people who have more or fewer ways to be reached than the sheet brought."""
    points = (
        ContactPoint.objects.filter(person=OuterRef("object_id")).order_by().values("person").annotate(n=Count("pk"))
    )
    rows = ImportedRow.objects.filter(sheet=sheet, model=label(Person), was_there=False, object_id__in=ids)
    rows = rows.annotate(points=Coalesce(Subquery(points.values("n")), 0))
    return [pk for pk, detail, count in rows.values_list("object_id", "detail", "points") if detail["points"] != count]


def _pointing_to(model: type[models.Model]) -> Iterable[tuple[type[models.Model], str]]:
    """Give every model of the program that points to this one, with its column; but those written with it."""
    for relation in model._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)):
            continue
        pointing: Any = relation.related_model
        # Between a record and its many others stands a table that Django makes: it points, too.
        if pointing not in OWN[model]:
            yield pointing, relation.field.name  # type: ignore[union-attr]


def _with_codes(model: type[models.Model], ids: Ids) -> "models.QuerySet[AccessCode, UUID]":
    """Give those of which somebody holds a code: a receipt, a way into their own page."""
    codes = AccessCode.objects.filter(object_type=label(model), object_id__in=ids)
    return codes.order_by().values_list("object_id", flat=True).distinct()


def _note(used: dict[UUID, set[str]], ids: Iterable[UUID | None], why: str) -> None:
    for pk in ids:
        if pk:
            used[pk].add(why)
