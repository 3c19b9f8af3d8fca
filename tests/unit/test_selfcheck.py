"""Self-checks: what is read of a notebook, what a run comes to, and what the magic shows."""

import json
from pathlib import Path

import numpy as np
import pytest
from traitlets.config import Config

from assay import checks, selfcheck
from assay.errors import SubmissionError
from assay.notebook.nbgrader import configure
from assay.outcome import CheckResult, Outcome
from assay.selfcheck.disk import notebook_of, source_on_disk
from assay.selfcheck.magic import read_checks, selfchecked
from assay.selfcheck.running import Runs, parameters_in, self_checks, table
from assay.selfcheck.students import live_student, student_on_disk
from tests.support.notebooks import answer, code, notebook
from tests.support.tiny_selfcheck import UNANSWERED, write_tiny


def double(x):
    return 2 * x


def total(x):
    return float(x.sum())


RIGHT = {"double": double, "total": total}


def ran(folder: Path, namespace: dict[str, object]) -> dict[str, CheckResult]:
    module = read_checks(folder / "test_tiny.py")
    with live_student(namespace) as student:
        runs = Runs(student, parameters_in(module))
        for one in self_checks(module):
            runs.run(one)
    return runs.results


class TestDisk:
    def test_a_file_of_checks_names_its_notebook(self) -> None:
        assert notebook_of(Path("a/test_conv.py")) == Path("a/conv.ipynb")

    def test_examples_markers_and_answers_for_a_person_do_not_run(self, tmp_path: Path) -> None:
        source = source_on_disk(write_tiny(tmp_path) / "tiny.ipynb")
        names = [cell.name for cell in source.cells]
        assert names == ["imports", "double_answer", "cell 5", "total_answer", "cell 8"]
        assert source.answered == {"double_answer", "total_answer"}

    def test_a_cell_that_stops_keeps_no_function_from_existing(self, tmp_path: Path) -> None:
        cells = [code("1 / 0", id="a"), answer("!ls\ndef double(x):\n    return 2 * x", "double_answer")]
        (tmp_path / "own.ipynb").write_text(json.dumps(notebook(*cells)))
        student = student_on_disk(tmp_path / "own.ipynb")
        assert student.double(np.array([4.0])).tolist() == [8.0]
        assert "cell 1 stopped at line 1: ZeroDivisionError" in student.notes[0] and len(student.notes) == 2
        student.close()

    def test_no_notebook(self, tmp_path: Path) -> None:
        with pytest.raises(SubmissionError, match=r"There is no tiny.ipynb in .*\. Put your notebook there"):
            source_on_disk(tmp_path / "tiny.ipynb")

    @pytest.mark.parametrize("content", ["", "no JSON", "[]", '{"nbformat": 4}', '{"cells": 5}'])
    def test_no_readable_notebook(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "tiny.ipynb").write_text(content)
        with pytest.raises(SubmissionError, match=r"tiny.ipynb cannot be read as a notebook \(.+\)\. Open it"):
            source_on_disk(tmp_path / "tiny.ipynb")

    def test_strange_cells_are_passed_over(self, tmp_path: Path) -> None:
        strange = [
            None,
            5,
            {},
            {"cell_type": "code", "metadata": 5},
            {"cell_type": "code", "metadata": {"nbgrader": 1}},
        ]
        (tmp_path / "tiny.ipynb").write_text(json.dumps({"cells": strange}))
        assert [cell.text for cell in source_on_disk(tmp_path / "tiny.ipynb").cells] == ["", ""]


class TestRuns:
    def test_right_answers_pass(self, tmp_path: Path) -> None:
        results = ran(write_tiny(tmp_path), RIGHT)
        assert {result.outcome for result in results.values()} == {Outcome.PASSED}
        assert [result.task for result in results.values()] == ["double", "double", "double", "total"]

    def test_the_smallest_input_is_told_in_the_words_of_the_feedback(self, tmp_path: Path) -> None:
        result = ran(write_tiny(tmp_path), {**RIGHT, "double": lambda x: x[:-1]})["test_double_shape"]
        assert result.message == "the shape is (0,), expected (1,)"
        assert result.counterexample is not None and result.counterexample.calls[0].arguments[0][0] == "x"

    def test_what_comes_after_a_failure_is_not_looked_at(self, tmp_path: Path) -> None:
        result = ran(write_tiny(tmp_path), {**RIGHT, "double": np.square})["test_double_law"]
        assert result.message == 'not looked at, because "twice 3 is 6" failed first' and not result.looked_at

    def test_an_error_of_the_function_is_the_student_s(self, tmp_path: Path) -> None:
        result = ran(write_tiny(tmp_path), {**RIGHT, "total": lambda x: x.nothing})["test_total"]
        assert result.message.startswith("your total raised AttributeError")

    def test_what_a_check_stumbles_over_is_a_failure(self, tmp_path: Path) -> None:
        checks = """
            from assay.selfcheck import *

            @check("the length of a number", task="total")
            def test_broken(student):
                len(student.total(np.ones(2)))
        """
        result = ran(write_tiny(tmp_path, checks=checks), RIGHT)["test_broken"]
        assert result.outcome is Outcome.FAILED and result.message == "returned something that this check could not use"

    def test_functions_that_are_not_written_yet_take_one_line(self, tmp_path: Path) -> None:
        def unwritten(x):
            raise NotImplementedError

        report, tasks = table(tuple(ran(write_tiny(tmp_path), {**RIGHT, "double": unwritten}).values()))
        assert [task.name for task in tasks] == ["double", "total"]
        assert [check.sentence for check in report.for_task("double")] == ["Not answered yet."]

    def test_a_missing_library_is_not_installed(self, tmp_path: Path) -> None:
        body = "import no_such_library\ndef total(x):\n    return no_such_library.total(x)"
        student = student_on_disk(write_tiny(tmp_path, total=body) / "tiny.ipynb")
        module = read_checks(tmp_path / "test_tiny.py")
        runs = Runs(student, parameters_in(module))
        result = runs.run(next(one for one in self_checks(module) if one.about == "total"))
        assert "no_such_library is not installed here" in result.message
        student.close()


class TestMagic:
    def test_one_function(self, tmp_path: Path) -> None:
        shown = selfchecked("double", write_tiny(tmp_path), {**RIGHT, "double": np.square})
        assert [result.outcome for result in shown.results] == [Outcome.FAILED, Outcome.PASSED, Outcome.FAILED]
        assert "got      expected\n" in repr(shown) and ":)   as many numbers" in repr(shown)
        html = shown._repr_html_()
        assert "<h4><code>double</code>: 1 of 3 self-checks pass</h4>" in html and "Two times." in html

    def test_all_that_is_defined(self, tmp_path: Path) -> None:
        shown = selfchecked("", write_tiny(tmp_path), {"total": total})
        assert [result.name for result in shown.results] == ["test_total"]

    def test_printing_is_not_shown(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        selfchecked("total", write_tiny(tmp_path), {"total": lambda x: print("noise") or total(x)})
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize(
        ("line", "namespace", "sentence"),
        [
            ("halve", RIGHT, "There is no self-check of halve. There are some of double, total."),
            ("total", {}, "total is not defined yet. Run the cell that defines it, then this one again."),
            ("", {}, "Run the cells that define your functions first: double, total."),
        ],
    )
    def test_nothing_to_run(self, tmp_path: Path, line: str, namespace: dict[str, object], sentence: str) -> None:
        shown = selfchecked(line, write_tiny(tmp_path), namespace)
        assert repr(shown) == sentence and shown._repr_html_() == f"<p>{sentence}</p>"

    def test_no_file(self, tmp_path: Path) -> None:
        assert "There is no file of self-checks" in repr(selfchecked("total", tmp_path, RIGHT))

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        shown = selfchecked("total", write_tiny(tmp_path, checks="    def ("), RIGHT)
        assert repr(shown).startswith("The self-checks cannot be read (SyntaxError: ")

    def test_nothing_is_left_in_the_folder(self, tmp_path: Path) -> None:
        selfchecked("", write_tiny(tmp_path), {name: None for name in RIGHT} | UNANSWERED)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["test_tiny.py", "tiny.ipynb"]


def test_what_needs_the_right_answer_is_not_offered() -> None:
    assert {"agrees_with", "standing", "stays_finite", "numerical_gradient"}.isdisjoint(selfcheck.__all__)
    assert (
        {"law", "check", "given", "np", "right_shape"} <= set(selfcheck.__all__) <= {*checks.__all__, "pytest_plugins"}
    )
    assert all(hasattr(selfcheck, name) for name in selfcheck.__all__)


def test_the_cache_of_pytest_is_no_part_of_a_submission() -> None:
    config, own = Config(), Config()
    own.CourseDirectory.ignore = ["*.bak"]
    configure(config)
    configure(own)
    assert ".pytest_cache" in config.CourseDirectory.ignore and own.CourseDirectory.ignore == ["*.bak"]
