"""Docs and code agree: every command, setting and author's name is in the docs, and what they link to is there."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

import assay.checks
from assay.cli import _parser
from assay.course import _settings
from assay.sandbox.limits import Limits
from assay.settings import CourseSettings, Profile, Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docker" / "README.md"]
AUTHORS = (ROOT / "docs" / "authors.md").read_text()
README = (ROOT / "README.md").read_text()


def commands() -> set[str]:
    return set(next(action for action in _parser()._actions if action.choices).choices)


def test_every_command_is_in_the_readme_or_in_the_page_for_authors() -> None:
    assert commands() == {name for name in commands() if f"assay {name}" in README + AUTHORS}


def test_every_command_that_the_docs_name_exists() -> None:
    named = {word for page in PAGES for word in re.findall(r"`assay ([a-z]+)", page.read_text())}
    assert named <= commands()


def test_make_targets_in_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)", README, flags=re.MULTILINE)) == {"serve", "test"} <= targets
    assert set(re.findall(r"`make ([a-z]+)", README)) == {"demo"} <= targets


def test_every_limit_and_key_of_an_exercise_is_documented(tmp_path: Path) -> None:
    block = AUTHORS.split("```toml\n")[1].split("```")[0]
    (tmp_path / "exercise.toml").write_text(block)
    assert set(tomllib.loads(block)["limits"]) == {field.name for field in fields(Limits)}
    assert set(_settings(tmp_path / "exercise.toml")) == {
        "title",
        "libraries",
        "notebook_libraries",
        "files",
        "gpu",
        "limits",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    for name in re.findall(r"`((?:tests|grading|sandbox|checks|notebook|benchmarks)/[\w./]+)`", page.read_text()):
        assert (ROOT / name).exists() or (ROOT / "assay" / name).exists(), name


def test_what_authors_import_is_documented() -> None:
    undocumented = {name for name in assay.checks.__all__ if not re.search(rf"\b{name}\b", AUTHORS)}
    assert not undocumented


def test_every_setting_of_the_server_is_in_the_page_for_operators() -> None:
    page = (ROOT / "docs" / "operators.md").read_text()
    of_the_site, of_a_course, of_a_profile = re.findall(r"^\| key \|.*?(?=\n\n)", page, flags=re.MULTILINE | re.DOTALL)
    keys = {one.name for one in fields(Settings)} - {"home", "courses", "profiles"}
    rows = re.findall(r"^\| `(\w+)` \| (?:`(ASSAY_\w+)(?:<OPTION>)?`|none) \|", of_the_site, flags=re.MULTILINE)
    assert {key for key, _ in rows} == keys
    assert all(variable == f"ASSAY_{key.upper()}" for key, variable in rows if not key.endswith("_options"))
    named = set(re.findall(r"^\| `(\w+)` \|", of_a_course, flags=re.MULTILINE))
    assert named == {one.name for one in fields(CourseSettings)} - {"name"}
    rows_of_keys = [row.split("|")[1] for row in of_a_profile.splitlines()[2:]]
    assert set(re.findall(r"`(\w+)`", " ".join(rows_of_keys))) == {one.name for one in fields(Profile)} - {"name"}


def test_every_variable_that_is_read_is_in_the_page_for_operators() -> None:
    page = (ROOT / "docs" / "operators.md").read_text()
    read = {
        word
        for path in (ROOT / "assay" / "hub").rglob("*.py")
        for word in re.findall(r'"(ASSAY_[A-Z_]*[A-Z])"', path.read_text())
    }
    assert {"ASSAY_HOME"} <= read
    assert not {word for word in read if word not in page}
