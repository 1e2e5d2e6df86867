"""Letters on paper: A4, for envelopes with a window; through the window one reads who and where, and nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from ballatoio.base.accounts.models import User
from ballatoio.base.core.pdf import MissingGlyph, render_pdf
from ballatoio.base.labs.models import Lab

from .handling import Envelope, envelopes_of, move_notice, note_reading
from .models import Delivery
from .words import SOURCE, Part

Problem = Delivery.Problem
TEMPLATE = Path(__file__).resolve().parent / "typst" / "letters.typ"


@dataclass(frozen=True)
class Printed:
    """A heap of letters as a PDF, and those that no font of ours can write: they are not in it."""

    pdf: bytes
    written: list[Envelope]
    left_out: list[Envelope]


def print_letters(lab: Lab, *, by: User, ids: Iterable[UUID]) -> bytes | None:
    """Give the letters named as one PDF, and record that each was read; None when there is none to print.

    What cannot be printed goes to what did not arrive, so that nobody takes it for posted.
    """
    envelopes = envelopes_of(lab, by, ids)
    if not envelopes:
        return None
    printed = lay_out(envelopes, lab)
    with transaction.atomic():
        for envelope in printed.written:
            note_reading(envelope.notice, by=by)
        for envelope in printed.left_out:
            notice, problem = envelope.notice, Problem.NOT_PRINTABLE
            ended = {"last_error": problem, "ended_at": timezone.now(), "ended_by": by}
            move_notice(notice, Delivery.State.DEAD, seen=notice.seen, by=by, verb="notice.fail", **ended)
    return printed.pdf if printed.written else None


def lay_out(envelopes: Sequence[Envelope], lab: Lab) -> Printed:
    """Draw letters, accessible (PDF/UA-1), each on a sheet of its own, also when printed on both sides.

    A language whose letters no font of ours has is left out where the Italian is there too.
    """
    try:
        return Printed(render_pdf(TEMPLATE, _data(envelopes, lab)), list(envelopes), [])
    except MissingGlyph:
        fit = [(envelope, _that_prints(envelope, lab)) for envelope in envelopes]
    written = [better for _envelope, better in fit if better is not None]
    left_out = [envelope for envelope, better in fit if better is None]
    return Printed(render_pdf(TEMPLATE, _data(written, lab)), written, left_out)


def _that_prints(envelope: Envelope, lab: Lab) -> Envelope | None:
    """Give a letter as it can be printed: whole, in Italian alone, or not at all."""
    only_italian = [part for part in envelope.parts if part.language == SOURCE]
    for parts in (envelope.parts, only_italian):
        candidate = Envelope(envelope.notice, envelope.address, parts)
        try:
            render_pdf(TEMPLATE, _data([candidate], lab))
        except MissingGlyph:
            continue
        if parts:
            return candidate
    return None


def _data(envelopes: Sequence[Envelope], lab: Lab) -> dict[str, Any]:
    with override(SOURCE):
        return {
            "title": _("Lettere da imbucare"),
            "lab": {"name": lab.name, "address": lab.address, "town": lab.city, "phone": lab.phone},
            "date": f"{lab.city}, {date_format(timezone.localdate(), 'j F Y').lower()}",
            "phone": _("Telefono: %(phone)s") % {"phone": lab.phone},
            "letters": [
                {"address": envelope.address, "parts": [_part(part) for part in envelope.parts]}
                for envelope in envelopes
            ],
        }


def _part(part: Part) -> dict[str, Any]:
    return {
        "language": part.language,
        "dir": part.dir,
        "subject": part.subject,
        "lines": part.body.splitlines(),
    }
