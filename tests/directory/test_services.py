"""What can happen to a service and to its translations."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from ballatoio.base.accounts.models import User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.directory.models import Service, Translation
from ballatoio.base.directory.services import (
    LanguageUnknown,
    ServiceChangedElsewhere,
    TranslationCannotBecome,
    TranslationChangedElsewhere,
    add_service,
    amend_service,
    set_translation,
    set_translations,
    translation_mark,
    verify_service,
)
from ballatoio.base.directory.texts import translated
from ballatoio.base.jobs.services import AlreadySubmitted
from ballatoio.base.labs.models import Lab
from tests.directory.making import make_service, make_sheet, make_term

pytestmark = pytest.mark.django_db
State = Translation.State


def verbs() -> list[str]:
    return list(AuditEntry.objects.order_by("position").values_list("verb", flat=True))


def test_a_new_service_has_an_address_from_its_name(mazzini: Lab, elena: User) -> None:
    first = add_service(mazzini, make_sheet(mazzini, "CAF: ISEE è qui"), by=elena)
    second = add_service(mazzini, make_sheet(mazzini, "CAF: ISEE è qui"), by=elena)
    assert (first.slug, second.slug) == ("caf-isee-e-qui", "caf-isee-e-qui-2")
    assert verbs() == ["service.add", "service.add"]


def test_no_service_takes_the_address_of_a_page(mazzini: Lab) -> None:
    assert make_service(mazzini, "Gestione").slug == "gestione-2"


def test_a_form_sent_twice_makes_one_service(mazzini: Lab, elena: User) -> None:
    sheet = make_sheet(mazzini, "CAF")
    add_service(mazzini, sheet, by=elena, once="token")
    with pytest.raises(AlreadySubmitted) as caught:
        add_service(mazzini, sheet, by=elena, once="token")
    assert (caught.value.result, Service.objects.count()) == ("caf", 1)


def test_amending_writes_what_changed_and_says_which(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF", hours="lun 9-12")
    term = make_term("papers", "Documenti")
    sheet = make_sheet(mazzini, "CAF", hours="lun 9-13", phone="02 5550 0103", needs=[term])
    amended = amend_service(service, sheet, by=elena, version=1)
    assert (amended.version, amended.phone, list(amended.needs.all())) == (2, "02 5550 0103", [term])
    entry = AuditEntry.objects.get(verb="service.amend")
    assert entry.detail == {"changed": ["hours", "needs", "phone"]}
    assert [row.closes_at.hour for row in amended.schedules.all()] == [13]


def test_amending_nothing_writes_nothing(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF", hours="lun 9-12", special_days="24/12/2026 chiuso")
    amend_service(service, make_sheet(mazzini, "CAF", "lun 9-12", "24/12/2026 chiuso"), by=elena, version=1)
    service.refresh_from_db()
    assert (service.version, verbs()) == (1, ["organisation.add", "service.add"][-1:])


def test_two_writers_never_overwrite_each_other(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF")
    amend_service(service, make_sheet(mazzini, "CAF", phone="1"), by=elena, version=1)
    with pytest.raises(ServiceChangedElsewhere):
        amend_service(service, make_sheet(mazzini, "CAF", phone="2"), by=elena, version=1)
    service.refresh_from_db()
    assert service.phone == "1"


def test_verifying_notes_today(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF", last_verified_on=date(2020, 1, 1))
    assert service.is_to_verify
    assert list(Service.objects.to_verify()) == [service]
    verified = verify_service(service, by=elena)
    assert (verified.last_verified_on, verified.is_to_verify) == (timezone.localdate(), False)
    assert verbs()[-1] == "service.verify"


def test_a_sheet_is_to_verify_after_half_a_year(mazzini: Lab) -> None:
    today = timezone.localdate()
    make_service(mazzini, "Fresco", last_verified_on=today - timedelta(days=180))
    make_service(mazzini, "Vecchio", last_verified_on=today - timedelta(days=181))
    make_service(mazzini, "Mai")
    make_service(mazzini, "Finito", status=Service.Status.DEFUNCT)
    assert [service.name for service in Service.objects.to_verify()] == ["Mai", "Vecchio"]


def test_a_text_that_changes_makes_its_translation_stale_and_no_other(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF", phone="1")
    texts = {"name": "مكتب الضرائب", "description": "ماذا يفعل"}
    set_translations(service, texts, language="ar", state=State.REVIEWED, by=elena, lab=mazzini)
    sheet = make_sheet(mazzini, "CAF", description="Fa anche il 730", phone="2")
    amended = amend_service(service, sheet, by=elena, version=1)
    states = dict(Translation.objects.values_list("field", "state"))
    assert states == {"name": State.REVIEWED, "description": State.STALE}
    shown = translated([amended], "ar", ["name", "description"])[amended.pk]
    assert [(text.value, text.language) for text in shown.values()] == [
        ("مكتب الضرائب", "ar"),
        ("Fa anche il 730", "it"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "is_allowed"),
    [
        ("", State.DRAFT, True),
        ("", State.MACHINE, True),
        ("", State.APPROVED, False),
        (State.MACHINE, State.REVIEWED, True),
        (State.MACHINE, State.APPROVED, False),
        (State.DRAFT, State.REVIEWED, True),
        (State.DRAFT, State.APPROVED, False),
        (State.REVIEWED, State.APPROVED, True),
    ],
)
def test_the_states_of_a_translation(mazzini: Lab, elena: User, before: str, after: str, is_allowed: bool) -> None:
    service = make_service(mazzini, "CAF")
    common = {"field": "name", "language": "en", "text": "Tax desk", "by": elena, "lab": mazzini}
    if before:
        set_translation(service, state=before, **common)
    if is_allowed:
        set_translation(service, state=after, **common)
        assert Translation.objects.get().state == after
    else:
        with pytest.raises(TranslationCannotBecome):
            set_translation(service, state=after, **common)


def test_what_is_approved_was_reviewed_word_for_word(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF")
    common = {"field": "name", "language": "en", "by": elena, "lab": mazzini}
    set_translation(service, text="Tax desk", state=State.REVIEWED, **common)
    with pytest.raises(TranslationCannotBecome):
        set_translation(service, text="Tax office", state=State.APPROVED, **common)


def test_a_reviewed_text_stays_reviewed_when_it_is_saved_as_it_was(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF")
    common = {"field": "name", "language": "en", "by": elena, "lab": mazzini}
    set_translation(service, text="Tax desk", state=State.REVIEWED, **common)
    set_translation(service, text="Tax desk", state=State.DRAFT, **common)
    assert Translation.objects.get().state == State.REVIEWED
    set_translation(service, text="Tax office", state=State.DRAFT, **common)
    assert Translation.objects.get().state == State.DRAFT


def test_an_empty_text_takes_the_translation_away(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF")
    common = {"field": "name", "language": "en", "state": State.DRAFT, "by": elena, "lab": mazzini}
    set_translation(service, text="Tax desk", **common)
    set_translation(service, text="  ", **common)
    assert Translation.objects.count() == 0
    assert verbs()[-2:] == ["service.translate", "service.translate"]


@pytest.mark.parametrize("language", ["it", "xx", ""])
def test_nothing_is_translated_into_other_languages(mazzini: Lab, elena: User, language: str) -> None:
    service = make_service(mazzini, "CAF")
    with pytest.raises(LanguageUnknown):
        set_translation(service, field="name", language=language, text="x", state="draft", by=elena, lab=mazzini)


def test_two_translators_never_overwrite_each_other(mazzini: Lab, elena: User) -> None:
    service = make_service(mazzini, "CAF")
    seen = translation_mark(service, "en")
    common = {"language": "en", "state": State.DRAFT, "by": elena, "lab": mazzini, "seen": seen}
    set_translations(service, {"name": "Tax desk"}, **common)
    with pytest.raises(TranslationChangedElsewhere):
        set_translations(service, {"name": "Tax office"}, **common)
