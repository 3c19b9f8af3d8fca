"""nbgrader's converters with Assay in them: what is graded, what is kept away, what staff and students see.

A stand-in judge and a stand-in run take the sandbox's place here, so that only the glue is tested;
`test_nbgrader_commands.py` grades with the real ones.
"""

import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde

from assay.course import Course
from assay.errors import CourseError, GradebookError, SandboxError
from assay.grading.rounds import load_report
from assay.notebook.nbgrader_class import Result
from assay.notebook.nbgrader_release import is_registered, is_up_to_date, quiet, release, settings
from assay.notebook.nbgrader_services import Services
from tests.support.class_runs import grade, judge, run, services
from tests.support.notebooks import (
    SCALE_ANSWERS,
    answered,
    as_bytes,
    cell_of,
    code,
    locked_code,
    markdown,
    released,
    scale_course,
    submit,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Course:
    course = scale_course(tmp_path_factory.mktemp("course"))
    release(course, "scale")
    return course


@pytest.fixture
def course(template, tmp_path) -> Course:
    shutil.copytree(template.root, tmp_path / "course")
    return Course(tmp_path / "course")


def honest(course: Course, **answers: str) -> dict:
    return answered(released(course, "scale"), {**SCALE_ANSWERS, **answers})


def scores(result: Result) -> dict[str, float | None]:
    return {score.name: score.points for score in result.scores}


def autograded(course: Course, student: str) -> dict:
    return nbformat.read(course.autograded / student / "scale" / "scale.ipynb", as_version=4)


def feedback(course: Course, student: str) -> str:
    return (course.feedback / student / "scale" / "scale.html").read_text()


def test_every_submission_ends_with_a_result_whatever_it_is(course):
    submit(course, "honest", "scale", honest(course))
    submit(course, "unfinished", "scale", released(course, "scale"))
    submit(course, "not_json", "scale", b"{")
    submit(course, "deleted", "scale", {**honest(course), "cells": []})
    (course.submitted / "nothing" / "scale").mkdir(parents=True)
    seen = []
    results = grade(course, on_progress=seen.append)
    assert [now.at[0] for now in seen if now.at] == sorted(results)
    assert [now.done for now in seen if now.pages is None] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert [now.pages for now in seen][-2:] == [5, 0]
    assert scores(results["honest"]) == {"scale": 4, "shift": 2, "order_explained": None}
    assert results["honest"].needs_manual_grade
    assert [score.automatic for score in results["honest"].scores] == [True, True, False]
    assert (results["honest"].points, results["honest"].maximum) == (6, 7)
    for student in ("unfinished", "not_json", "deleted", "nothing"):
        assert scores(results[student]) == {"scale": 0, "shift": 0, "order_explained": 0}
        assert not results[student].needs_manual_grade
        assert results[student].error == ""
        assert results[student].feedback == (course.feedback / student / "scale" / "scale.html",)
    assert "could not be read: it is not JSON" in feedback(course, "not_json")
    assert "is not in the submission" in feedback(course, "nothing")


def test_a_notebook_under_another_name_is_taken_if_it_is_the_only_one(course):
    for student, names in {"renamed": ["my work.ipynb"], "two": ["a.ipynb", "b.ipynb"]}.items():
        folder = course.submitted / student / "scale"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(as_bytes(honest(course)))
    submit(course, "copies", "scale", honest(course)).joinpath("scale-Copy1.ipynb").write_text("{")
    results = grade(course)
    assert [results[student].points for student in ("renamed", "two", "copies")] == [6, 0, 6]
    assert "the only notebook in it was taken for it" in feedback(course, "renamed")


def test_a_marker_shows_its_checks_and_then_one_plain_number(course):
    submit(course, "honest", "scale", honest(course))
    grade(course)
    outputs = cell_of(autograded(course, "honest"), "scale")["outputs"]
    assert [output["output_type"] for output in outputs] == ["display_data", "execute_result"]
    assert outputs[1]["data"] == {"text/plain": "4.0"}
    page = BeautifulSoup(feedback(course, "honest"), "html.parser")
    assert "passed, 4 of 4 points scale agrees with the reference <b>" in page.get_text()


def test_a_page_says_what_a_person_has_still_to_grade(course):
    submit(course, "honest", "scale", honest(course))
    submit(course, "unfinished", "scale", released(course, "scale"))
    grade(course)
    told = "Graded by a person; until that is done, this page shows 0 points for it: order_explained."
    assert told in BeautifulSoup(feedback(course, "honest"), "html.parser").get_text()
    assert "Graded by a person" not in feedback(course, "unfinished")


def test_notes_on_loading_come_with_the_report(course):
    (submit(course, "honest", "scale", honest(course)) / "points.txt").write_text("1 2")
    results = grade(course)
    assert results["honest"].report == load_report(course, "scale", "honest")
    assert results["honest"].report.notes == ("cell 3 stopped",)
    assert "- cell 3 stopped" in BeautifulSoup(feedback(course, "honest"), "html.parser").get_text()


def test_what_runs_to_be_looked_at_holds_no_marker_and_no_metadata(course):
    notebooks = []

    def watching(isolation, notebook, *, libraries, files, limits):
        notebooks.append((json.loads(notebook), libraries, files))
        return run(isolation, notebook, libraries=libraries, files=files, limits=limits)

    (course.source / "scale" / "data.csv").write_text("1,2")
    folder = submit(course, "honest", "scale", honest(course))
    (folder / "points.txt").write_text("3 4")
    (folder / "data.csv").write_text("changed")
    results = grade(course, services=services(course, run_notebook=watching))
    assert results["honest"].report.notes == ("cell 3 stopped",)  # the judge got the files, too
    ((notebook, libraries, files),) = notebooks
    sources = [cell["source"] for cell in notebook["cells"]]
    example = "print('example', scale(np.ones(2), 3.0))"
    assert sources == ["import numpy as np", SCALE_ANSWERS["scale_answer"], example, SCALE_ANSWERS["shift_answer"]]
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    assert libraries == ("numpy", "matplotlib")
    assert files == {"data.csv": b"1,2", "points.txt": b"3 4"}


@pytest.mark.parametrize(
    "ran", ["", "null", "[]", '{"cells": 3}', '{"cells": [3, null, {"outputs": 3}]}', "[" * 10_000]
)
def test_what_comes_back_from_the_sandbox_can_be_anything(course, ran):
    submit(course, "honest", "scale", honest(course))
    assert grade(course, services=services(course, run_notebook=lambda *_, **__: ran))["honest"].points == 6


def test_a_run_that_cannot_be_looked_at_costs_nothing(course):
    def failing(*_, **__):
        raise SandboxError("No sandbox.")

    submit(course, "honest", "scale", honest(course))
    result = grade(course, services=services(course, run_notebook=failing))["honest"]
    assert result.points == 6
    assert any("shown without outputs: No sandbox." in warning for warning in result.warnings)


def test_a_broken_check_costs_nothing_and_waits_for_a_person(course):
    submit(course, "unlucky", "scale", honest(course, scale_answer="# break the check"))
    result = grade(course)["unlucky"]
    assert scores(result) == {"scale": 4, "shift": 2, "order_explained": None}
    assert {score.name: score.needs_manual_grade for score in result.scores}["scale"]
    assert any("check_scale could not judge" in w and "a line of ours" in w for w in result.warnings)
    assert "a line of ours" not in feedback(course, "unlucky")


def test_a_failure_of_ours_leaves_one_ungraded_and_grades_the_others(course):
    submit(course, "first", "scale", honest(course, scale_answer="# lose the sandbox"))
    submit(course, "second", "scale", honest(course))
    results = grade(course)
    assert results["first"].error == "first was not graded: The sandbox was lost. Grade again."
    assert results["first"].scores == ()
    assert not (course.autograded / "first" / "scale").exists()
    assert results["second"].points == 6


def test_an_interrupt_ends_the_run(course):
    submit(course, "first", "scale", honest(course, scale_answer="# interrupt"))
    submit(course, "second", "scale", honest(course))
    with pytest.raises(KeyboardInterrupt):
        grade(course)
    assert not (course.autograded / "first" / "scale").exists()
    assert not (course.autograded / "second").exists()


def test_what_lies_beside_the_notebook_is_set_aside_before_nbgrader_sees_it(course):
    folder = submit(course, "linked", "scale", honest(course))
    os.mkfifo(folder / "data.txt")
    (folder / "other.txt").symlink_to(course.gradebook)
    os.link(course.graders / "scale" / "reference.py", folder / "points.txt")
    (folder / "page.html").write_text("<script>FORGED</script>")
    (folder / "notes").symlink_to(course.graders)
    (folder / "timestamp.txt").write_text("2030-01-01 00:00:00.000000 UTC")
    submit(course, "neighbour", "scale", honest(course))
    results = grade(course)
    assert {name: result.points for name, result in results.items()} == {"linked": 6, "neighbour": 6}
    assert sorted(path.name for path in (course.autograded / "linked" / "scale").iterdir()) == [
        "scale.ipynb",
        "timestamp.txt",
    ]
    away = course.root / "set_aside" / "linked" / "scale"
    assert {path.name for path in away.iterdir()} == {"data.txt", "other.txt", "points.txt", "page.html", "notes"}
    assert "a hard link" in away.with_name("scale.txt").read_text()
    assert (course.graders / "scale" / "reference.py").is_file()


@pytest.mark.parametrize("make", ["link", "pipe", "folder"])
def test_a_notebook_that_is_no_file_earns_nothing_and_stops_nobody(course, make):
    folder = course.submitted / "strange" / "scale"
    folder.mkdir(parents=True)
    notebook = folder / "scale.ipynb"
    if make == "link":
        notebook.symlink_to(course.source / "scale" / "scale.ipynb")
    elif make == "pipe":
        os.mkfifo(notebook)
    else:
        notebook.mkdir()
    submit(course, "neighbour", "scale", honest(course))
    assert {name: result.points for name, result in grade(course).items()} == {"strange": 0, "neighbour": 6}


def test_a_folder_that_is_a_link_is_not_graded(course):
    submit(course, "honest", "scale", honest(course))
    (course.submitted / "thief").mkdir()
    (course.submitted / "thief" / "scale").symlink_to(course.submitted / "honest" / "scale")
    results = grade(course)
    assert "it is a link" in results["thief"].error
    assert results["honest"].points == 6


def test_a_folder_that_nbgrader_cannot_name_stops_nobody(course, monkeypatch):
    for student in ("before", "in the\nmiddle", "later"):
        submit(course, student, "scale", honest(course))
    assert {name: bool(result.error) for name, result in grade(course).items()} == {
        "before": False, "in the\nmiddle": True, "later": False,
    }  # fmt: skip
    converter = Autograde(**settings(course, "scale"))
    converter.services = services(course)
    converter.force = True
    with quiet():
        converter.start()
    assert (course.autograded / "later" / "scale" / "scale.ipynb").is_file()


def test_an_id_that_looks_like_a_pattern_is_one_student(course):
    for student in ("s1", "s[1]", "*"):
        submit(course, student, "scale", honest(course))
    graded = []

    def counting(exercise, source, **options):
        graded.append(source)
        return judge(exercise, source, **options)

    results = grade(course, force=True, services=services(course, grade=counting))
    assert {name: result.points for name, result in results.items()} == {"*": 6, "s1": 6, "s[1]": 6}
    assert len(graded) == 3


@pytest.mark.parametrize("content", ["9999-99-99 lunch time", "\xff", "x" * 1000, "0 0 0 0", "2030-13-01 00:00:00 UTC"])
def test_a_time_stamp_that_is_none_is_set_aside(course, content):
    folder = submit(course, "late", "scale", honest(course))
    (folder / "timestamp.txt").write_text(content, encoding="latin-1")
    assert grade(course)["late"].points == 6
    assert (course.root / "set_aside" / "late" / "scale" / "timestamp.txt").exists()


def test_late_penalties_are_those_of_nbgraders_plugin(course):
    (course.root / "nbgrader_config.py").write_text(
        'c = get_config()\nc.LateSubmissionPlugin.penalty_method = "zero"\n'
    )
    with quiet(), Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        gradebook.update_or_create_assignment("scale", duedate="2030-01-01 00:00:00 UTC")
    for student, day in {"early": "2029-12-31", "late": "2030-01-02"}.items():
        (submit(course, student, "scale", honest(course)) / "timestamp.txt").write_text(f"{day} 00:00:00 UTC")
    results = grade(course)
    assert {name: (result.points, result.late_penalty) for name, result in results.items()} == {
        "early": (6, 0),
        "late": (0, 6),
    }


def test_a_changed_submission_is_graded_again_whatever_its_timestamp_says(course):
    folder = submit(course, "honest", "scale", released(course, "scale"))
    (folder / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
    first, second = grade(course)["honest"], grade(course)["honest"]
    submit(course, "honest", "scale", honest(course))
    third, forced = grade(course)["honest"], grade(course, force=True)["honest"]
    assert [(result.points, result.skipped) for result in (first, second, third, forced)] == [
        (0, False), (0, True), (6, False), (6, False),
    ]  # fmt: skip


def test_one_student_or_a_pattern_or_nobody(course):
    for student in ("ab", "ac", "b"):
        submit(course, student, "scale", honest(course))
    assert list(grade(course, "a*")) == ["ab", "ac"]
    assert list(grade(course, "b")) == ["b"]
    with pytest.raises(CourseError, match="no submission of scale by c"):
        grade(course, "c")


SCRIPTS = [
    "<script>FORGED()</script>",
    "<img src=x onerror=FORGED()>",
    "<svg/onload=FORGED()>",
    "<a href='javascript:FORGED()'>x</a>",
    "[x](javascript:FORGED())",
    "[x](<javascript:FORGED()>)",
    "[x](java&#115;cript:FORGED())",
    "[x][y]\n\n[y]: javascript:FORGED()",
    "![x](javascript:FORGED())",
    "![x](attachment:none.png)",
    "![x](https://example.org/FORGED.png)",
    "<javascript:FORGED()>",
    "<!-- --><script>FORGED()</script>",
    "```mermaid\n</pre><script>FORGED()</script>\n```",
    '```" onmouseover=FORGED() x="\ncode\n```',
    "# <script>FORGED()</script> [x](javascript:FORGED())",
    "$<script>FORGED()</script>$ and $$\\href{javascript:FORGED()}{x}$$",
    "\\begin{x<script>FORGED()</script>}\\end{x<script>FORGED()</script>}",
    "| a |\n|---|\n| <script>FORGED()</script> |",
    "\x00<\x00script>FORGED()</script>",
]


def test_no_script_of_a_students_reaches_a_page(course):
    theirs = honest(course, order_explained="\n\n".join(SCRIPTS), scale_answer="x = '<script>FORGED()</script>'")
    theirs["cells"] += [
        markdown(SCRIPTS[0], id="a"),
        code(f"%%html\n{SCRIPTS[0]}", id="b"),
        code("</pre>" + SCRIPTS[0], id="c"),
    ]
    cell_of(theirs, "shift_answer")["cell_type"] = "markdown"
    cell_of(theirs, "shift_answer")["source"] = "```\n" + SCRIPTS[0]
    submit(course, "hostile", "scale", theirs)
    submit(course, "honest", "scale", honest(course))
    result = grade(course)["hostile"]
    assert result.error == ""
    pages = {student: BeautifulSoup(feedback(course, student), "html.parser") for student in ("hostile", "honest")}
    assert "FORGED" in pages["hostile"].get_text()
    for page in pages.values():
        assert not [tag for tag in page.find_all("script") if "FORGED" in tag.get_text()]
        attributes = [(name, str(value)) for tag in page.find_all(True) for name, value in tag.attrs.items()]
        assert not [value for name, value in attributes if "script:" in value and name != "id" and value[0] != "#"]
        assert not [name for name, _ in attributes if name.startswith("on") or name == "srcdoc"]
    tags = [{tag.name for tag in page.find_all(True)} for page in pages.values()]
    assert tags[0] - tags[1] <= {"h1", "h2", "table", "thead", "tbody", "tr", "th", "td", "p", "code", "em", "a", "b"}


def test_formulas_in_an_answer_are_still_formulas(course):
    submit(course, "honest", "scale", honest(course, order_explained="$a<b$ and\n\n- $x_1$\n- **bold**"))
    grade(course)
    page = feedback(course, "honest")
    assert "$a&lt; b$" in page
    assert "<strong>bold</strong>" in page


def test_the_api_behind_formgraders_button_grades_the_same_way(course, monkeypatch):
    submit(course, "honest", "scale", honest(course))
    monkeypatch.setattr(Services, "of", classmethod(lambda cls, of: services(of)))
    config = settings(course, "scale")["config"]
    config.CourseDirectory.course_id = "course"
    config.Exchange.root = str(course.root / "exchange")
    with quiet():
        outcome = NbGraderAPI(config=config).autograde("scale", "honest")
    assert outcome["success"], outcome
    assert cell_of(autograded(course, "honest"), "scale")["outputs"][1]["data"] == {"text/plain": "4.0"}


def test_release_gives_the_same_files_again_and_knows_when_it_would_not(course):
    notebook = course.release / "scale" / "scale.ipynb"
    before = notebook.read_bytes()
    assert is_up_to_date(course, "scale")
    release(course, "scale")
    assert notebook.read_bytes() == before
    assert "return x * factor" not in before.decode()
    source = course.source / "scale" / "scale.ipynb"
    source.write_text(source.read_text().replace("# Scale", "# To scale"))
    assert not is_up_to_date(course, "scale")
    assert notebook.read_bytes() == before
    release(course, "scale")
    (course.release / "scale" / ".ipynb_checkpoints").mkdir()
    (course.release / "scale" / ".ipynb_checkpoints" / "scale-checkpoint.ipynb").write_text("{}")
    assert is_up_to_date(course, "scale")
    (course.release / "scale" / "left over.txt").write_text("")
    assert not is_up_to_date(course, "scale")
    with pytest.raises(CourseError, match="no notebook"):
        release(course, "unknown")


def test_a_fresh_copy_of_a_course_is_registered_when_it_is_graded(course):
    course.gradebook.unlink()
    assert not is_registered(course, "scale")
    submit(course, "honest", "scale", honest(course))
    assert grade(course)["honest"].points == 6
    assert is_registered(course, "scale")


def test_nbgrader_says_why_it_does_not_add_a_cell_after_the_first_submission(course):
    submit(course, "honest", "scale", honest(course))
    grade(course)
    path = course.source / "scale" / "scale.ipynb"
    source = json.loads(path.read_text())
    source["cells"].append(locked_code("x = 1", "added"))
    path.write_text(json.dumps(source))
    with pytest.raises(GradebookError, match="Cannot add or remove cells"):
        release(course, "scale")


def test_points_that_changed_after_the_release_are_not_graded_with(course):
    submit(course, "honest", "scale", honest(course))
    path = course.source / "scale" / "scale.ipynb"
    path.write_text(path.read_text().replace('"points": 4', '"points": 5'))
    assert "does not have the tasks and points" in grade(course)["honest"].error
    assert not Path(course.autograded / "honest" / "scale").exists()
