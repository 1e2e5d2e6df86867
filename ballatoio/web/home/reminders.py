"""What else waits for an operator: letters, silent services, issues of a house, hours; each with where to see to it."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ballatoio.base.accounts.models import User
from ballatoio.base.labs.models import Lab
from ballatoio.base.notices.lists import counts_of
from ballatoio.care.referrals.models import Referral
from ballatoio.oversight.hours.sums import missing_weeks


@dataclass(frozen=True)
class Reminder:
    """One line: what waits, how pressing it is, where it is done."""

    text: str
    address: str
    is_late: bool = False


def reminders_of(user: User, lab: Lab) -> list[Reminder]:
    """Give what waits for an operator beside needs and appointments; four queries, whatever there is."""
    outbox = counts_of(user, lab)
    by_hand, dead = outbox.by_hand, outbox.dead
    late = Referral.objects.visible_to(user).filter(lab=lab).late().order_by().count()
    weeks = missing_weeks(user, lab)
    found = [
        (dead, ngettext("%(n)s messaggio non è arrivato", "%(n)s messaggi non sono arrivati", dead), "dead_list", True),
        (
            by_hand,
            ngettext("%(n)s messaggio da fare a mano", "%(n)s messaggi da fare a mano", by_hand),
            "to_do_list",
            False,
        ),
    ]
    lines = [
        Reminder(text % {"n": n}, reverse(f"notices:{name}", args=[lab.slug]), is_late)
        for n, text, name, is_late in found
        if n
    ]
    if late:
        text = ngettext("%(n)s servizio non risponde a un invio", "%(n)s invii senza risposta dal servizio", late)
        lines.append(
            Reminder(text % {"n": late}, f"{reverse('referrals:referral_list', args=[lab.slug])}?tardi=on", True)
        )
    if weeks:
        address = f"{reverse('hours:week_fill', args=[lab.slug])}?settimana={weeks[0].isoformat()}"
        lines.append(Reminder(_("Ore della settimana da confermare"), address))
    return lines
