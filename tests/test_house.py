"""The audit of the code base: what the linters cannot see (docs/architecture.md says why each rule is there)."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from ballatoio.config.access import ACCESS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ballatoio"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)
TEMPLATES = sorted(PACKAGE.rglob("*.html"))

# Low to high; a foreign key points to the same app or to one on its left.
ORDER = [
    *("core", "audit", "labs", "accounts", "vault", "jobs", "territory", "people", "directory", "notices"),
    *("desk", "issues", "referrals", "appointments", "reporting", "hours", "spreadsheets", "privacy", "home"),
]
FORBIDDEN_FILES = {"utils.py", "helpers.py", "selectors.py", "managers.py", "mixins.py", "signals.py"}
WRITES = {"save", "create", "delete", "update", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
WRITING_VERBS = re.compile(r"\.(save|create|delete|update|bulk_create|bulk_update|get_or_create|update_or_create)\(")
# What cities and owners are called belongs to the data.
PROPER_NAMES = re.compile(
    r"\b(milano|milanese|aler|lorenteggio|giambellino|mazzini|corvetto|mompiani|milo·?lab|porto di mare)\b", re.I
)


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef))


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("ballatoio.")]


def relations() -> Iterator[tuple[type[models.Model], "models.ForeignKey[models.Model, models.Model]"]]:
    for model in our_models():
        for field in model._meta.get_fields(include_hidden=False):
            if isinstance(field, models.ForeignKey | models.ManyToManyField) and field.model is model:
                yield model, field  # type: ignore[misc]


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {config.label for config in apps.get_app_configs() if config.name.startswith("ballatoio.")}
    assert rooms - {"demo"} == set(ORDER)


def test_foreign_keys_only_point_down() -> None:
    up = []
    for model, field in relations():
        target = field.related_model._meta.app_label
        if target in ORDER and ORDER.index(target) > ORDER.index(model._meta.app_label):
            up.append(f"{model._meta.label}.{field.name} -> {target}")
    assert up == []


def test_no_reverse_accessor_across_apps() -> None:
    reverse = [
        f"{model._meta.label}.{field.name}"
        for model, field in relations()
        if field.related_model._meta.app_label in set(ORDER) - {model._meta.app_label}
        and not str(field.remote_field.related_name or "").endswith("+")
    ]
    assert reverse == []


def test_every_model_says_its_data_class_and_retention() -> None:
    silent = [m._meta.label for m in our_models() if not (hasattr(m, "data_class") and hasattr(m, "retention"))]
    assert silent == []


def test_views_do_not_write() -> None:
    writes = [
        f"{short(path)}:{node.lineno}"
        for path in SOURCES
        if path.name.endswith("views.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
    ]
    assert writes == []


def test_forms_do_not_save() -> None:
    saving = [short(p) for p in SOURCES if p.name.endswith("forms.py") and any(f.name == "save" for f in functions(p))]
    assert saving == []


def test_no_view_is_longer_than_thirty_lines() -> None:
    long = [
        f"{short(path)}:{view.name} {view.end_lineno - view.lineno + 1}"
        for path in SOURCES
        if path.name.endswith("views.py")
        for view in functions(path)
        if view.end_lineno and view.end_lineno - view.lineno + 1 > 30
    ]
    assert long == []


def test_no_file_is_longer_than_five_hundred_lines() -> None:
    long = [short(p) for p in SOURCES + TEMPLATES if len(p.read_text(encoding="utf-8").splitlines()) > 500]
    assert long == []


def test_no_catch_all_files() -> None:
    assert [short(path) for path in SOURCES if path.name in FORBIDDEN_FILES] == []


def test_nobody_prints_but_the_command_line() -> None:
    prints = [
        f"{short(path)}:{node.lineno}"
        for path in SOURCES
        if path.name != "cli.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert prints == []


def test_no_city_or_institution_is_named_in_the_code() -> None:
    named = [
        f"{short(path)}:{number} {line.strip()[:80]}"
        for path in [*SOURCES, *TEMPLATES]
        if "demo" not in path.relative_to(PACKAGE).parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if PROPER_NAMES.search(line)
    ]
    assert named == []


def template_name(path: Path) -> str:
    return path.as_posix().rsplit("/templates/", 1)[1]


def test_every_template_is_used() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*SOURCES, *TEMPLATES])
    # Names that Django and allauth look for by themselves.
    by_convention = re.compile(r"^(40\d(_csrf)?|429|500|base)\.html$|^(allauth|account|mfa|socialaccount|django)/")
    unused = [
        short(path)
        for path in TEMPLATES
        if not by_convention.match(template_name(path)) and f"{template_name(path)}" not in text
    ]
    assert unused == []


def test_no_inline_script_or_style() -> None:
    inline = re.compile(r"""\sstyle=|\son[a-z]+=["']|<style|javascript:|<script(?![^>]*\ssrc=)""", re.I)
    found = [
        f"{short(path)}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if inline.search(line)
    ]
    assert found == []


def routes(patterns: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inside = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern.url_patterns, inside)
        else:
            yield f"{namespace}{pattern.name}"


def test_every_route_has_a_row_of_access_and_every_row_a_route() -> None:
    assert set(routes(get_resolver().url_patterns)) == set(ACCESS)


# Functions that write without an act of their own, each with its reason.
WITHOUT_AUDIT = {
    "appointments.close_offer": "its callers record what whoever waits said, or that the time is gone",
    "appointments.lock_agenda": "makes the row that is locked: it says nothing of anybody",
    "accounts.forget_expired_codes": "clears codes that opened nothing any more: no record of anybody changes",
    "desk.refresh_search_words": "worked out again from records whose change was recorded",
    "directory.index_services": "as above",
    "directory.mark_stale": "follows from the change of a text, which was recorded",
    "directory.qr_svg": "writes a picture into memory",
    "directory.settle_doubts": "follows from the check of a sheet, which its caller records",
    "jobs.clear_old_work": "finished notes of the program to itself",
    "jobs.do_next_work": "the task that it runs records its own act",
    "jobs.keep_lease": "a note of the program to itself",
    "jobs.plan_work": "a note of the program to itself",
    "jobs.retry_dead_work": "a note of the program to itself",
    "jobs.save_draft": "what somebody is still typing is nobody's record yet",
    "people.compare_again": "its caller records the act; this lets the program look for second files once more",
    "people.compare_next": "what the program supposes about two files is nobody's act; deciding about it is recorded",
    "people.index_people": "worked out again from records whose change was recorded",
    "people.name_keys": "puts words into a set",
    "people.note_seen": "its caller records what the person came or called for",
    "people.refresh_keys": "worked out again from a record whose change was recorded",
    "reporting.desk_workbook": "writes a file into memory",
    "reporting.tally_due_months": "counts again records whose change was recorded",
    "spreadsheets.save_mapping": "its caller finishes an import, and records that, in the same transaction",
    "vault.erase_with_keys": "its caller records the act, in the same transaction",
    "vault.forget_keys": "its caller erases the records, and records that, in the same transaction",
    "vault.forget_lost_keys": "restoring a copy brings its own audit back, up to the moment of the copy",
    "vault.read_rows": "as above",
    "vault.rotate_master_key": "changes how the keys are locked, and no record",
    "vault.seal_texts": "seals a record that its caller saves, and records, in the same transaction",
}
# Files that hold no service: what they may write is checked elsewhere, or is no record.
NO_SERVICES = ("models.py", "views.py", "forms.py", "tasks.py", "urls.py", "apps.py", "cli.py")


def may_hold_services(path: Path) -> bool:
    return not path.name.endswith(NO_SERVICES) and not {"demo", "management", "config"} & set(path.parts)


def writes_itself(function: ast.FunctionDef, source: str) -> bool:
    return bool(WRITING_VERBS.search(ast.get_source_segment(source, function) or ""))


def test_every_service_that_writes_leaves_an_audit_row() -> None:
    """A public function that writes names record_act, record_reading, or a service that does."""
    silent = []
    for path in SOURCES:
        if not may_hold_services(path):
            continue
        source = path.read_text(encoding="utf-8")
        bodies = {function.name: ast.get_source_segment(source, function) or "" for function in functions(path)}
        recording = {"record_act", "record_reading", "_append"}
        for _ in bodies:  # as many rounds as the longest chain of calls can have
            recording |= {name for name, body in bodies.items() if any(f"{verb}(" in body for verb in recording)}
        silent += [
            f"{path.parent.name}.{function.name}"
            for function in tree(path).body
            if isinstance(function, ast.FunctionDef)
            and not function.name.startswith("_")
            and writes_itself(function, source)
            and function.name not in recording
        ]
    assert sorted(silent) == sorted(WITHOUT_AUDIT)


def test_every_service_is_documented() -> None:
    bare = [
        f"{short(path)}:{function.name}"
        for path in SOURCES
        if path.name.endswith(("services.py", "rules.py", "tasks.py"))
        for function in tree(path).body
        if isinstance(function, ast.FunctionDef)
        and not function.name.startswith("_")
        and not ast.get_docstring(function)
    ]
    assert bare == []


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX", "prossimamente", "coming soon"])
def test_nothing_is_promised_for_later(word: str) -> None:
    pattern = re.compile(rf"\b{word}\b", re.I if word.islower() else 0)
    assert [short(p) for p in [*SOURCES, *TEMPLATES] if pattern.search(p.read_text(encoding="utf-8"))] == []
