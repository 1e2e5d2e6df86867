"""The needs taxonomy: its versions, its files, its words, and what may be meant by what somebody types."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from ballatoio.base.accounts.models import Role, User
from ballatoio.base.audit.models import AuditEntry
from ballatoio.base.directory.models import LocalTerm, NeedSynonym, NeedTerm, TaxonomyVersion, Translation
from ballatoio.base.directory.search import find_services
from ballatoio.base.directory.term_files import (
    TaxonomyNotReadable,
    packaged_taxonomy,
    read_taxonomy,
    standing_taxonomy,
    taxonomy_of,
    write_csv,
    write_json,
)
from ballatoio.base.directory.term_index import IN_PART, MISTYPED, Phrase, TermIndex, index_of, letters_wrong
from ballatoio.base.directory.term_services import (
    MOST_WORDS,
    SynonymCannotBecome,
    TooManyWords,
    WordIsAlreadyThere,
    WordSaysNothing,
    add_local_term,
    import_taxonomy,
    judge_synonyms,
    propose_synonyms,
    retire_local_term,
)
from ballatoio.base.directory.words import asked_words, fold, search_words
from ballatoio.base.labs.models import Lab
from tests.directory.making import make_service
from tests.factories import make_user

pytestmark = pytest.mark.django_db
FIRST = {"code": "1", "published_on": "2026-01-01", "source": "Prova", "licence": "MIT"}
SECOND = {"code": "2", "published_on": "2026-11-01", "source": "Prova"}
HOME = {"code": "home", "it": "Casa", "icon": "house"}
LIFT = {
    "code": "home-lift",
    "parent": "home",
    "it": "Ascensore",
    "synonyms": {"it": ["montacarichi"], "zh-hans": ["电梯"]},
}
MOULD = {"code": "home-mould", "parent": "home", "it": "Muffa", "ar": "العفن"}


def bring(*records: dict[str, Any], version: dict[str, str] | None = None) -> Any:
    return import_taxonomy(taxonomy_of(records, version), by=None)


def term(code: str) -> NeedTerm:
    return NeedTerm.objects.get(code=code)


def sure(lab: Lab, typed: str) -> str:
    meant = index_of(lab).sure(typed)
    return meant.code if meant else ""


# --- versions -------------------------------------------------------------------------------------------------


def test_importing_twice_changes_nothing() -> None:
    report = bring(HOME, LIFT, MOULD, version=FIRST)
    assert (report.added, report.words, TaxonomyVersion.objects.get().changes[0]["what"]) == (3, 2, "added")
    before = standing_taxonomy()
    again = bring(HOME, LIFT, MOULD, version=FIRST)
    assert (again.added, again.renamed, again.words, again.changes) == (0, 0, 0, [])
    assert standing_taxonomy() == before


def test_a_renamed_term_keeps_its_code_and_is_found_by_its_old_name(mazzini: Lab) -> None:
    bring(HOME, LIFT, version=FIRST)
    lift = term("home-lift")
    report = bring(HOME, LIFT | {"it": "Ascensore fermo"}, version=SECOND)
    assert (report.renamed, term("home-lift").pk, term("home-lift").name) == (1, lift.pk, "Ascensore fermo")
    assert TaxonomyVersion.objects.get(code="2").changes == [
        {"code": "home-lift", "what": "renamed", "before": "Ascensore", "after": "Ascensore fermo"}
    ]
    assert sure(mazzini, "ascensore") == "home-lift"


def test_a_retired_term_stays_and_its_words_lead_to_its_successor(mazzini: Lab) -> None:
    bring(HOME, LIFT, MOULD, version=FIRST)
    service = make_service(mazzini, "Guasti", needs=[term("home-lift")])
    report = bring(
        HOME,
        {"code": "home-repairs", "parent": "home", "it": "Riparazioni"},
        LIFT | {"retired": True, "successor": "home-repairs"},
        version=SECOND,
    )
    lift = term("home-lift")
    assert (report.retired, report.added, lift.is_active, lift.is_retired) == (1, 1, False, True)
    assert (str(lift.since), str(lift.until), str(lift.successor)) == ("1", "2", "Riparazioni")
    assert {each.code for each in service.needs.all()} == {"home-lift", "home-repairs"}
    assert (sure(mazzini, "montacarichi"), sure(mazzini, "电梯")) == ("home-repairs", "home-repairs")
    assert [found.term.code for found in index_of(mazzini).suggest("ascensore", {}, 6)] == ["home-repairs"]
    assert [found.service.name for found in find_services(mazzini, need="home-repairs")] == ["Guasti"]


def test_a_term_that_comes_back_is_in_use_again() -> None:
    bring(HOME, LIFT, version=FIRST)
    bring(HOME, LIFT | {"retired": True}, version=SECOND)
    report = bring(HOME, LIFT, version=SECOND | {"code": "3"})
    assert (report.restored, term("home-lift").is_active, term("home-lift").until) == (1, True, None)


def test_a_term_that_is_missing_from_the_file_stays() -> None:
    bring(HOME, LIFT, version=FIRST)
    bring(HOME, version=SECOND)
    assert term("home-lift").is_active


@pytest.mark.parametrize(
    ("records", "word"),
    [
        ([HOME, LIFT | {"parent": "elsewhere"}], "elsewhere"),
        ([HOME, {"code": "money", "it": "Soldi"}, LIFT | {"parent": "money"}], "home-lift"),
        ([HOME, LIFT, {"code": "third", "it": "Sotto sotto", "parent": "home-lift"}], "third"),
        ([HOME | {"retired": True}, LIFT], "home-lift"),
        ([HOME, LIFT | {"retired": True, "successor": "home-nothing"}], "home-nothing"),
        ([HOME, LIFT | {"retired": True, "successor": "home-lift"}], "home-lift"),
        ([HOME, LIFT | {"successor": "home"}], "home-lift"),
    ],
)
def test_what_would_break_the_figures_is_refused_whole(records: list[dict[str, Any]], word: str) -> None:
    bring(HOME, LIFT, version=FIRST)
    before = standing_taxonomy()
    with pytest.raises(TaxonomyNotReadable, match=word):
        bring(*records, {"code": "new", "it": "Nuovo"}, version=SECOND)
    assert standing_taxonomy() == before


def test_a_version_that_was_published_does_not_change_its_terms() -> None:
    bring(HOME, LIFT, version=FIRST)
    with pytest.raises(TaxonomyNotReadable, match="1 c’è già"), transaction.atomic():
        bring(HOME, LIFT | {"it": "Elevatore"}, version=FIRST)
    assert (term("home-lift").name, TaxonomyVersion.objects.count()) == ("Ascensore", 1)
    more = LIFT | {"synonyms": {"it": ["elevatore"]}}
    assert (bring(HOME, more, version=FIRST).words, term("home-lift").synonyms.count()) == (1, 3)


@pytest.mark.parametrize("fields", [{"is_active": True, "retired": True}, {"successor": True}])
def test_the_database_knows_what_retired_means(fields: dict[str, bool]) -> None:
    bring(HOME, LIFT, version=FIRST)
    version = TaxonomyVersion.objects.get()
    wrong = {"until": version} if "retired" in fields else {"successor": term("home")}
    with pytest.raises(IntegrityError), transaction.atomic():
        NeedTerm.objects.filter(code="home-lift").update(**wrong)


# --- files ----------------------------------------------------------------------------------------------------


def test_the_packaged_taxonomy_has_words_in_five_languages_and_a_source() -> None:
    taxonomy = packaged_taxonomy()
    assert taxonomy.version is not None
    assert (taxonomy.version["licence"], len(taxonomy.terms) >= 80) == ("MIT", True)
    least = {"it": 3, "en": 2, "ar": 2, "es": 2, "zh-hans": 2}
    short = [
        (each.code, language)
        for each in taxonomy.terms
        for language, most in least.items()
        if len(each.synonyms.get(language, ())) < most or not each.names.get(language)
    ]
    assert short == []


def test_what_is_exported_comes_in_unchanged_in_both_shapes() -> None:
    import_taxonomy(packaged_taxonomy(), by=None)
    bring(
        *({"code": code, "it": name} for code, name in (("a", "Prima"), ("b", "Dopo"))),
        {"code": "a-old", "parent": "a", "it": "Vecchia", "retired": True, "successor": "b"},
        {"code": "b-own", "parent": "b", "it": "Del programma", "listed": False},
        version=SECOND,
    )
    before = standing_taxonomy()
    for text in (write_json(before), write_csv(before)):
        read = read_taxonomy(text)
        assert read == before
        report = import_taxonomy(read, by=None)
        assert (report.changes, report.words, standing_taxonomy()) == ([], 0, before)


def test_the_commands_carry_a_taxonomy_from_file_to_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_needs")
    assert capsys.readouterr().out.startswith(f"Fatto: {len(packaged_taxonomy().terms)} bisogni nuovi, ")
    for name in ("needs.json", "needs.csv"):
        call_command("export_needs", str(tmp_path / name))
        call_command("import_needs", str(tmp_path / name))
        assert capsys.readouterr().out.splitlines()[1] == (
            "Fatto: 0 bisogni nuovi, 0 con un altro nome, 0 ritirati, 0 parole nuove."
        )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "Alla riga 1 il file non è un JSON valido. Non ho scritto niente."),
        (
            '{"terms": 3}',
            "Il JSON deve essere un elenco di voci, o un oggetto con version e terms. Non ho scritto niente.",
        ),
        ("[]", "Nel file non c’è nessuna voce. Non ho scritto niente."),
        ("nome;altro\n1;2\n", "Nella prima riga mancano le colonne code e it. Non ho scritto niente."),
        (
            '[{"code": "Casa!", "it": "x"}]',
            "Voce 1: il codice «Casa!» non va: usa lettere minuscole, numeri e trattini.",
        ),
        ('[{"code": "casa"}]', "casa: manca il nome in italiano (it). Non ho scritto niente."),
        ('[{"code": "c", "it": "C", "synonyms": {"xx": ["y"]}}]', "c: non conosco la lingua «xx»."),
        ('[{"code": "c", "it": "C"}, {"code": "c", "it": "C"}]', "c: c’è due volte. Non ho scritto niente."),
        ('{"version": {"code": "1"}, "terms": [{"code": "c", "it": "C"}]}', "La versione deve avere il giorno"),
    ],
)
def test_a_wrong_file_gets_one_sentence(content: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "needs"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        call_command("import_needs", str(file))
    assert str(caught.value).startswith(sentence)
    assert NeedTerm.objects.count() == 0


def test_bytes_that_are_no_text_get_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "needs.csv"
    file.write_bytes(b"\xff\xfe\x00code")
    with pytest.raises(CommandError, match="UTF-8"):
        call_command("import_needs", str(file))


def test_a_review_is_not_undone_by_an_import(mazzini: Lab, elena: User) -> None:
    bring(HOME, LIFT, version=FIRST)
    lift = term("home-lift")
    word = lift.synonyms.get(language="zh-hans")
    assert word.state == NeedSynonym.State.MACHINE
    judge_synonyms([word.pk], term=lift, lab=mazzini, state="withdrawn", by=elena)
    assert bring(HOME, LIFT, version=FIRST).words == 0
    assert (lift.synonyms.get(language="zh-hans").state, sure(mazzini, "电梯")) == ("withdrawn", "")


def test_names_in_other_languages_are_drafts_and_keep_their_state() -> None:
    bring(HOME, MOULD)
    row = Translation.objects.get(object_id=term("home-mould").pk)
    assert (row.language, row.text, row.state) == ("ar", "العفن", Translation.State.DRAFT)
    Translation.objects.filter(pk=row.pk).update(state=Translation.State.REVIEWED)
    bring(HOME, MOULD)
    row.refresh_from_db()
    assert row.state == Translation.State.REVIEWED


# --- words of a lab ---------------------------------------------------------------------------------------------


def test_a_proposed_word_finds_the_need_in_its_lab_alone(mazzini: Lab, milo: Lab, elena: User) -> None:
    bring(HOME, LIFT, MOULD)
    for lab in (mazzini, milo):
        make_service(lab, "Guasti", needs=[term("home-lift")])
    new = propose_synonyms(term("home-lift"), lab=mazzini, language="it", texts=["Il lift!", "montacarichi"], by=elena)
    assert [(word.text, word.state, word.lab) for word in new] == [("Il lift!", "draft", mazzini)]
    assert (sure(mazzini, "il lift"), sure(milo, "il lift")) == ("home-lift", "")
    assert [len(find_services(lab, text="lift")) for lab in (mazzini, milo)] == [1, 0]
    assert propose_synonyms(term("home-lift"), lab=mazzini, language="it", texts=["il lift"], by=elena) == []
    entry = AuditEntry.objects.get(verb="synonym.propose")
    assert (entry.actor_id, entry.detail) == (elena.pk, {"language": "it", "words": 1})


def test_words_without_letters_and_too_many_words_are_refused(mazzini: Lab, elena: User) -> None:
    bring(HOME)
    home = term("home")
    with pytest.raises(WordSaysNothing):
        propose_synonyms(home, lab=mazzini, language="it", texts=["  ", "??"], by=elena)
    for start in (0, 20):
        words = [f"parola {number}" for number in range(start, start + 20)]
        propose_synonyms(home, lab=mazzini, language="it", texts=words, by=elena)
    assert home.synonyms.count() == MOST_WORDS
    with pytest.raises(TooManyWords):
        propose_synonyms(home, lab=mazzini, language="it", texts=["una ancora"], by=elena)


def test_a_speaker_reviews_words_and_takes_others_away(mazzini: Lab, elena: User) -> None:
    bring(HOME, LIFT)
    make_service(mazzini, "Guasti", needs=[term("home-lift")])
    lift = term("home-lift")
    words = {word.text: word for word in lift.synonyms.all()}
    assert judge_synonyms([words["电梯"].pk], term=lift, lab=mazzini, state="reviewed", by=elena) == 1
    assert judge_synonyms([words["电梯"].pk], term=lift, lab=mazzini, state="reviewed", by=elena) == 0
    assert judge_synonyms([words["montacarichi"].pk], term=lift, lab=mazzini, state="withdrawn", by=elena) == 1
    assert (sure(mazzini, "montacarichi"), find_services(mazzini, text="montacarichi")) == ("", [])
    with pytest.raises(SynonymCannotBecome):
        judge_synonyms([words["电梯"].pk], term=lift, lab=mazzini, state="machine", by=elena)
    verbs = AuditEntry.objects.filter(verb="synonym.judge").order_by("position").values_list("detail", flat=True)
    assert [detail["state"] for detail in verbs] == ["reviewed", "withdrawn"]


def test_the_words_of_another_lab_are_not_touched(mazzini: Lab, milo: Lab, elena: User) -> None:
    bring(HOME, LIFT)
    theirs = make_user("Gina", milo, Role.COORDINATOR)
    (word,) = propose_synonyms(term("home-lift"), lab=milo, language="it", texts=["lift"], by=theirs)
    assert judge_synonyms([word.pk], term=term("home-lift"), lab=mazzini, state="withdrawn", by=elena) == 0


def test_a_local_word_comes_first_and_counts_under_its_term(mazzini: Lab, milo: Lab, elena: User) -> None:
    bring(HOME, LIFT, MOULD)
    make_service(mazzini, "Guasti", needs=[term("home-lift")])
    local = add_local_term(term("home-lift"), lab=mazzini, name="Bonus scale", words=["montacarichi nuovo"], by=elena)
    assert [sure(lab, "bonus scale") for lab in (mazzini, milo)] == ["home-lift", ""]
    (found,) = index_of(mazzini).suggest("bonus", {}, 6)
    assert (found.term.code, found.because, found.is_local, found.above) == ("home-lift", "Bonus scale", True, "Casa")
    assert len(find_services(mazzini, text="bonus scale")) == 1
    retire_local_term(local, by=elena)
    retire_local_term(local, by=elena)
    assert (sure(mazzini, "bonus scale"), find_services(mazzini, text="bonus scale")) == ("", [])
    assert AuditEntry.objects.filter(verb="local_term.retire").count() == 1
    again = add_local_term(term("home-mould"), lab=mazzini, name="Bonus scale", by=elena)
    assert (LocalTerm.objects.count(), sure(mazzini, "bonus scale"), again.retired_on) == (2, "home-mould", None)


def test_a_local_word_means_one_thing_only(mazzini: Lab, elena: User) -> None:
    bring(HOME, LIFT, MOULD)
    add_local_term(term("home-lift"), lab=mazzini, name="Bonus", by=elena)
    for name, there in (("bonus!", "home-lift"), ("MUFFA", "home-mould")):
        with pytest.raises(WordIsAlreadyThere) as caught:
            add_local_term(term("home"), lab=mazzini, name=name, by=elena)
        assert caught.value.term.code == there
    with pytest.raises(WordSaysNothing):
        add_local_term(term("home"), lab=mazzini, name="!!", by=elena)
    with pytest.raises(IntegrityError), transaction.atomic():
        LocalTerm.objects.create(lab=mazzini, term=term("home"), name="Bonus", normalised="bonus")


# --- what somebody may mean -----------------------------------------------------------------------------------------


@cache
def packaged_index() -> TermIndex:
    """The taxonomy that comes with the program, as an index, without a database."""
    terms: dict[str, NeedTerm] = {}
    phrases = []
    for place, record in enumerate(packaged_taxonomy().terms):
        made = NeedTerm(code=record.code, name=record.names["it"], position=place, parent=terms.get(record.parent))
        terms[record.code] = made
        if record.listed:
            phrases += [Phrase(name, fold(name), made.pk, is_name=True) for name in record.names.values()]
            for language, words in record.synonyms.items():
                phrases += [Phrase(word, fold(word), made.pk, is_italian=language == "it") for word in words]
    return TermIndex({made.pk: made for made in terms.values()}, phrases)


@pytest.fixture
def packaged() -> TermIndex:
    return packaged_index()


def offered(index: TermIndex, typed: str, **used: int) -> list[str]:
    by_code = {each.code: each.pk for each in index.terms.values()}
    counts = {by_code[code.replace("_", "-")]: number for code, number in used.items()}
    return [found.term.code for found in index.suggest(typed, counts, 6)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        *(("bolletta", "money-bills"), ("MOROSITA", "money-arrears"), ("lo sfratto", "home-eviction")),
        *(("electricity bill", "money-bills"), ("residence permit", "papers-permit"), ("mold", "home-mould")),
        *(("فاتوره", "money-bills"), ("الاقامه", "papers-permit"), ("مصعد", "home-lift"), ("إيجار", "money-rent")),
        *(("alquiler", "money-rent"), ("permiso de residencia", "papers-permit"), ("CALEFACCION", "home-heating")),
        *(("居留证", "papers-permit"), ("漏水", "home-leak"), ("房租", "money-rent"), ("幼儿园", "family-nursery")),
        *(("sfrato", "home-eviction"), ("permeso di sogiorno", "papers-permit"), ("ascensro", "home-lift")),
        *(("mi hanno staccato la luce", "money-bills"), ("我家厨房漏水了", "home-leak")),
        *(("ho perso le chiavi", "home-door"), ("تجديد الاقامة", "papers-permit")),
        ("il vicino fa rumore", "neighbours-noise"),
    ],
)
def test_people_say_it_in_five_languages_and_three_scripts(typed: str, first: str, packaged: TermIndex) -> None:
    assert offered(packaged, typed)[0] == first


def test_every_word_of_the_taxonomy_finds_its_need(packaged: TermIndex) -> None:
    lost = [
        (each.code, word)
        for each in packaged_taxonomy().terms
        for words in (*each.synonyms.values(), each.names.values())
        for word in words
        if each.listed and each.code not in offered(packaged, word)
    ]
    assert lost == []


def test_what_the_lab_used_most_comes_first_among_equals(packaged: TermIndex) -> None:
    # «carta» is a letter in Spanish and a kind of waste; it begins «carta acquisti», «d’identità», «di soggiorno».
    assert offered(packaged, "carta")[:3] == ["papers-letter", "district-waste", "money-support"]
    used = offered(packaged, "carta", papers_permit=9, papers_idcard=3)
    assert used[:5] == ["papers-letter", "district-waste", "papers-permit", "papers-idcard", "money-support"]
    assert offered(packaged, "", works_moving=3, work_search=9) == ["work-search", "works-moving"]
    # A better fit is worth more than any use.
    assert offered(packaged, "isee", work_search=999)[0] == "papers-isee"


@pytest.mark.parametrize("typed", ["", "   ", "???", "x" * 500, "a", "\u0640", "zzzzqqqq"])
def test_what_says_nothing_suggests_nothing(typed: str, packaged: TermIndex) -> None:
    assert (offered(packaged, typed), packaged.sure(typed)) == ([], None)


def test_a_mistyped_word_or_a_part_of_a_sentence_is_offered_and_never_taken_for_sure(packaged: TermIndex) -> None:
    for typed in ("ascensro", "mi hanno staccato la luce"):
        assert {found.fit for found in packaged.suggest(typed, {}, 6)} <= {MISTYPED, IN_PART}
        assert packaged.sure(typed) is None


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_is_typed_gets_few_different_needs(typed: str) -> None:
    found = offered(packaged_index(), typed)
    assert (len(found) <= 6, len(set(found))) == (True, len(found))


def test_the_index_costs_nothing_while_it_is_kept(mazzini: Lab, milo: Lab, taxonomy_kept: None) -> None:
    bring(HOME, LIFT, MOULD)
    with CaptureQueriesContext(connection) as cold:
        index_of(mazzini)
    with CaptureQueriesContext(connection) as kept:
        index_of(mazzini).suggest("bolletta", {}, 6)
    with CaptureQueriesContext(connection) as another:
        index_of(milo)
    assert (len(cold), len(kept), len(another)) == (5, 0, 2)


# --- words as they are compared -----------------------------------------------------------------------------


def test_chinese_is_kept_in_pairs_and_found_by_one_character_too() -> None:
    assert search_words("居留证") == ["居留", "留证", "证"]
    assert search_words("办SPID和身份证") == ["办", "spid", "和身", "身份", "份证", "证"]
    assert (asked_words("居留证"), asked_words("居")) == (["居留", "留证"], ["居"])


def test_one_arabic_sound_has_one_spelling() -> None:
    assert len({fold(text) for text in ("الإقامة", "الاقامه", "الأقامة", "الإقـامة", "اَلإِقَامَة")}) == 1
    assert fold("مستشفى") == fold("مستشفي")


@pytest.mark.parametrize("text", ["سكن شعبي", "居留许可", "Viale Omèro", "élève", "Straße", "ﬁne"])
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_found_by_its_own_words(text: str) -> None:
    kept = search_words(text)
    assert fold(fold(text)) == fold(text)
    assert all(any(word.startswith(asked) for word in kept) for asked in asked_words(text))


@given(st.text(alphabet="abcde", min_size=1, max_size=8), st.integers(0, 7), st.sampled_from(["drop", "swap"]))
@settings(max_examples=300, deadline=None)
def test_one_slip_is_one_letter_wrong_at_most(word: str, place: int, slip: str) -> None:
    place %= len(word)
    typed = {
        "drop": word[:place] + word[place + 1 :],
        "swap": word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
    }[slip]
    assert letters_wrong(typed, word, 2) <= 1
    assert letters_wrong(word, word + "abc", 2) == 0
