"""What whoever is about to merge two files sees first: the two side by side, what moves, who will see what."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ballatoio.base.accounts.models import AccessCode, User
from ballatoio.base.core.languages import both_names

from .households import home_of
from .merge_rows import belongings
from .merging import TOGETHER, compared_facts, facts_of
from .models import Household, Person
from .services import read_person

LABELS: dict[str, str | Promise] = {
    "given_name": gettext_lazy("Nome"),
    "family_name": gettext_lazy("Cognome"),
    "pronounced": gettext_lazy("Come si pronuncia"),
    "birth": gettext_lazy("Nascita"),
    "home": gettext_lazy("Casa"),
    "languages_spoken": gettext_lazy("Lingue che parla"),
    "languages_read": gettext_lazy("Lingue che legge"),
    "interpreter": gettext_lazy("Interprete"),
    "reach_by": gettext_lazy("Come vuole essere cercata"),
    "accessibility": gettext_lazy("Che cosa le serve per venire qui"),
    "notes": gettext_lazy("Come accoglierla bene"),
}


@dataclass(frozen=True)
class Line:
    """A fact as the two files have it. Without `choices` they agree, or one of them says nothing."""

    name: str
    label: str
    kept: str
    merged: str
    choices: tuple[str, ...] = ()


def compare_files(kept: Person, merged: Person, *, by: User) -> list[Line]:
    """Give the facts of both files, those first of which one has to be chosen; that `by` read both is recorded."""
    mine, theirs = (facts_of(file, read_person(file, by=by)) for file in (kept, merged))
    choosable, others = compared_facts(mine, theirs)
    lines = []
    for name, label in LABELS.items():
        if name == "home":
            lines.append(_home_line(kept, merged))
            continue
        differ = choosable[name] and others[name] and choosable[name] != others[name]
        choices = ("kept", "merged", *(["both"] if name in TOGETHER else [])) if differ else ()
        lines.append(Line(name, str(label), _said(name, kept, mine), _said(name, merged, theirs), choices))
    told = [line for line in lines if line.kept or line.merged]
    return sorted(told, key=lambda line: not line.choices)


def _said(name: str, person: Person, facts: dict[str, Any]) -> str:
    if name == "birth":
        if person.birth_date:
            return date_format(person.birth_date, "j/n/Y")
        return str(person.birth_year or "")
    if name in ("interpreter", "reach_by"):
        choice: str = getattr(person, f"get_{name}_display")() if facts[name] else ""
        return choice
    if name in ("languages_spoken", "languages_read"):
        names = dict(both_names())
        return ", ".join(names.get(code, code) for code in facts[name])
    return str(facts[name])


def _home_line(kept: Person, merged: Person) -> Line:
    households = [_household_of(person) for person in (kept, merged)]
    both = all(households) and households[0] != households[1]
    mine, theirs = (
        _home_said(person) if household else "" for person, household in zip((kept, merged), households, strict=True)
    )
    return Line("home", str(LABELS["home"]), mine, theirs, ("kept", "merged") if both else ())


def _household_of(person: Person) -> Household | None:
    """The household in which a person lives, protected or not: for whoever may open their file."""
    return Household.objects.filter(members__person=person, members__until__isnull=True).first()


def _home_said(person: Person) -> str:
    dwelling = home_of(person)
    if dwelling is None:
        return _("in un nucleo, senza indirizzo")
    return f"{dwelling.stair.building}, {dwelling.stair.name}, {dwelling.number}"


def what_moves(merged: Person, *, by: User) -> list[str]:
    """Give in words how much of what `by` may see goes from one file to the other, «3 contatti», kind by kind.

    A kind that nobody may count (messages to whoever follows them) is not counted, and moves all the same.
    """
    counts = []
    for model, field in belongings():
        said = getattr(model, "counted_as", None)
        if said is None:
            continue
        rows: Any = model._default_manager.all()
        if hasattr(rows, "visible_to"):
            rows = rows.visible_to(by)
        if number := rows.filter(**{field.name: merged}).count():
            counts.append(str(said % number))
    return counts


def who_will_see_what(kept: Person, merged: Person, *, by: User) -> list[str]:
    """Give in sentences who gains access to what: who holds a code or an account, who opens the file of a relative."""
    told = []
    for holder, other in ((kept, merged), (merged, kept)):
        names = {"holder": str(holder), "other": str(other)}
        if holder.user_id:
            told.append(_("Chi apre la pagina personale di %(holder)s vedrà anche i contatti di %(other)s.") % names)
        codes = AccessCode.objects.usable().filter(object_type=Person._meta.label_lower, object_id=holder.pk)
        for code in codes.order_by("-created_at")[:3]:
            day = date_format(timezone.localdate(code.created_at), "j/n/Y")
            told.append(
                _("Chi ha in mano il codice dato a %(holder)s il %(day)s potrà leggere anche i contatti di %(other)s.")
                % {**names, "day": day}
            )
    told += _relatives_will_show(kept, merged, by)
    told.append(
        _("Chi lavora qui troverà tutto in una scheda sola, cercando con uno qualsiasi dei nomi e dei telefoni.")
    )
    return told


def _relatives_will_show(kept: Person, merged: Person, by: User) -> list[str]:
    """A household that comes with the merged file shows the kept one among its members, unless they are protected."""
    household = _household_of(merged)
    if household is None or kept.is_protected or merged.is_protected or _household_of(kept) == household:
        return []
    others = Person.objects.visible_to(by).filter(
        households__household=household, households__until__isnull=True, is_protected=False
    )
    names = [str(person) for person in others.exclude(pk=merged.pk).order_by("given_name", "pk")[:5]]
    if not names:
        return []
    return [
        _("Chi apre la scheda di %(relatives)s vedrà che ci vive %(name)s.")
        % {"relatives": ", ".join(names), "name": str(kept)}
    ]
