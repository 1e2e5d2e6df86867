"""The lists of the desk as they leave it: no story, nobody who is protected, no house of theirs."""

from collections.abc import Iterator, Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from ballatoio.base.core.sheets.export import Cell, ExportTable
from ballatoio.base.people.models import Person

from .lists import with_needs
from .models import Contact, ContactQuerySet, Need, NeedQuerySet

CHUNK = 500


def name_in_table(person: Person | None) -> str:
    """Give who it is about, as a sheet that leaves the program may say it."""
    return _("persona protetta") if person and person.is_protected else str(person or _("anonimo"))


def contact_table(contacts: ContactQuerySet) -> ExportTable:
    """Give contacts as a table."""
    titles = (
        *(_("giorno"), _("ora"), _("canale"), _("persona"), _("lingua"), _("casa"), _("bisogni"), _("stato")),
        _("operatore"),
    )
    return ExportTable(_("contatti"), titles, _contact_rows(contacts), contacts.order_by().count())


def _contact_rows(contacts: ContactQuerySet) -> Iterator[Sequence[Cell]]:
    for contact in with_needs(contacts).iterator(chunk_size=CHUNK):
        needs = list(contact.needs.all())
        yield (
            timezone.localdate(contact.started_at),
            f"{timezone.localtime(contact.started_at):%H:%M}",
            contact.get_channel_display(),
            name_in_table(contact.person),
            contact.language,
            _house_of(contact),
            ", ".join(str(need) for need in needs),
            ", ".join(dict.fromkeys(str(need.get_state_display()) for need in needs)),
            contact.recorded_by or "",
        )


def _house_of(contact: Contact) -> str:
    hidden = contact.person and contact.person.is_protected
    return "" if hidden else str(contact.building or "")


def need_table(needs: NeedQuerySet) -> ExportTable:
    """Give needs as a table."""
    titles = (
        *(_("aperto il"), _("bisogno"), _("stato"), _("persona"), _("lingua"), _("se ne occupa")),
        *(_("da riprendere il"), _("chiuso il"), _("come lo ha saputo")),
    )
    return ExportTable(_("bisogni"), titles, _need_rows(needs), needs.order_by().count())


def _need_rows(needs: NeedQuerySet) -> Iterator[Sequence[Cell]]:
    rows = needs.select_related("term", "person", "owner", "contact").only(
        *("state", "next_on", "opened_at", "closed_at", "told_how", "term__name"),
        *("person__given_name", "person__family_name", "person__is_protected"),
        *("owner__name", "owner__email", "contact__language"),
    )
    for need in rows.iterator(chunk_size=CHUNK):
        yield (
            timezone.localdate(need.opened_at),
            str(need),
            need.get_state_display(),
            name_in_table(need.person),
            need.contact.language,
            need.owner or "",
            need.next_on,
            timezone.localdate(need.closed_at) if need.closed_at else None,
            Need.Told(need.told_how).label if need.told_how else "",
        )
