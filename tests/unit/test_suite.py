"""Running a suite: what is collected, who is blamed, what is shown, and that it leaves no trace."""

import os
import sys
import warnings

import numpy as np
import pytest

from assay.checks.bank import Bank
from assay.checks.siblings import load, siblings
from assay.checks.suite import broken_suite, point_sums, run_suite, wrong_sums
from assay.course import Task
from assay.errors import AuthoringError
from assay.outcome import Outcome
from assay.sandbox.limits import Limits
from tests.support.suites import CHECKS, GCN, judge, row_normalised, write


def symmetric(A, H, W):
    A = A + np.eye(len(A))
    d = A.sum(1) ** -0.5
    return (d[:, None] * A * d) @ H @ W


@pytest.fixture
def exercise(tmp_path):
    return write(tmp_path, checks=CHECKS)


def only(tmp_path, checks, answers=None, **options):
    """Result of the one check in `checks`."""
    (result,) = judge(write(tmp_path, checks=checks), answers, **options).values()
    return result


def wrong(*arguments):
    return None


# ---- outcomes


def test_a_right_answer_passes_every_check(exercise):
    results = judge(exercise)
    assert list(results) == ["check_values", "check_purity", "check_fixed_point", "test_one_node"]
    assert all(result.outcome is Outcome.PASSED for result in results.values())
    assert sum(result.earned for result in results.values()) == 10
    assert {result.task for result in results.values()} == {"gcn_layer"}


def test_a_wrong_answer_fails_with_the_smallest_counterexample(exercise):
    result = judge(exercise, {"gcn_layer": row_normalised})["check_values"]
    assert result.outcome is Outcome.FAILED
    assert result.message == "3 of 3 entries differ; first at (0, 0): got 6, expected 5.26599"
    (call,) = result.counterexample.calls
    assert call.function == "gcn_layer"
    assert call.arguments == (
        ("A", "[[0, 1, 0],\n [1, 0, 1],\n [0, 1, 0]]"),
        ("H", "[[1],\n [2],\n [3]]"),
        ("W", "[[4]]"),
    )
    assert call.returned == result.counterexample.got == "[[ 6],\n [ 8],\n [10]]"
    assert "5.26599" in result.counterexample.expected


def test_a_check_after_a_failed_one_is_not_looked_at(exercise):
    results = judge(exercise, {"gcn_layer": row_normalised})
    for name in ("check_purity", "check_fixed_point"):
        assert results[name].earned == 0
        assert results[name].message == 'not looked at, because "gcn_layer computes the right values" failed first'
        assert results[name].counterexample is None
    assert results["test_one_node"].outcome is Outcome.PASSED


def test_a_missing_function_is_the_students_failure(exercise):
    results = judge(exercise, {"gcn_layer": None})
    assert all(result.earned == 0 for result in results.values())


def test_an_exception_of_the_students_is_told(exercise):
    def unfinished(A, H, W):
        raise NotImplementedError("later")

    result = judge(exercise, {"gcn_layer": unfinished})["check_values"]
    assert result.outcome is Outcome.FAILED
    assert "NotImplementedError" in result.message and "later" in result.message
    assert result.counterexample.calls[0].returned is None


@pytest.mark.parametrize(
    "returned", [None, "text", {}, (1, 2), np.zeros(3), 1.0, object()], ids=lambda value: type(value).__name__
)
def test_whatever_is_returned_is_the_students_failure(tmp_path, returned):
    checks = """
    @check("the output has three columns", points=10)
    @given(inputs_of(gcn_layer))
    def check_columns(student, a):
        out = student.gcn_layer(*a.values())
        assert_close(out[:, 0] + out.sum(axis=1), (out @ np.ones((out.shape[1], 1)))[:, 0] + out[:, 0])
    """
    result = only(tmp_path, checks, {"gcn_layer": lambda *a: returned})
    assert result.outcome is Outcome.FAILED
    assert result.earned == 0


def test_the_authors_mistake_costs_no_points(tmp_path):
    checks = """
    @check("impossible", points=10)
    @given(inputs_of(gcn_layer))
    def check_it(student, a):
        student.gcn_layer(*a.values()).no_such_attribute
    """
    result = only(tmp_path, checks)
    assert result.outcome is Outcome.BROKEN and result.earned == 10
    assert "no_such_attribute" in result.staff_note and result.counterexample is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("pytest.skip('not today')", "may not skip"),
        ("pytest.xfail('not today')", "may not skip"),
        ("pytest.exit('not today')", "may not skip"),
        ("raise SystemExit(0)", "SystemExit"),
        ("return True", "returns a value"),
        ("assume(False)", "Unsatisfied"),
    ],
)
def test_a_check_that_judges_nothing_is_broken(tmp_path, body, says):
    checks = f"import pytest\n@check('it', points=10)\ndef check_it(student):\n    {body}\n"
    result = only(tmp_path, checks, {"gcn_layer": wrong})
    assert result.outcome is Outcome.BROKEN
    assert says in result.staff_note


def test_exit_in_one_check_leaves_the_others_alone(tmp_path):
    checks = "import pytest\n@check('it')\ndef check_it(student):\n    pytest.exit('now')\n" + CHECKS
    results = judge(write(tmp_path, checks=checks))
    assert results["check_it"].outcome is Outcome.BROKEN
    assert results["check_values"].outcome is Outcome.PASSED


@pytest.mark.parametrize("mark", ["skip(reason='no')", "xfail(reason='no')"])
def test_marks_that_hide_a_check_break_it(tmp_path, mark):
    checks = f"import pytest\n@pytest.mark.{mark}\n@points(10)\ndef test_it(student):\n    assert False\n"
    result = only(tmp_path, checks)
    assert result.outcome is Outcome.BROKEN


def test_pytest_fail_is_a_failure_with_its_text(tmp_path):
    checks = "import pytest\n@check('it', points=10)\ndef check_it(student):\n    pytest.fail('too few rows')\n"
    result = only(tmp_path, checks)
    assert (result.outcome, result.message) == (Outcome.FAILED, "too few rows")


@pytest.mark.parametrize(
    "check",
    [
        "agrees_with(gcn_layer, points=10, where=lambda a: False)",
        "agrees_with(gcn_layer, points=10, A=st.nothing())",
        "check('it', points=10)(given(st.nothing())(lambda student, a: None))",
        "check('it', points=10)(given(inputs_of(gcn_layer).filter(lambda a: False))(lambda student, a: None))",
    ],
)
def test_inputs_that_cannot_be_drawn_are_the_authors_mistake(tmp_path, check):
    result = only(tmp_path, f"check_it = {check}")
    assert result.outcome is Outcome.BROKEN
    assert "Too few inputs" in result.staff_note


def test_explicit_examples_are_tried_too(tmp_path):
    checks = """
    from hypothesis import example

    @check("it", points=10)
    @given(st.integers(0, 3))
    @example(17)
    def check_it(student, n):
        assert_close(student.gcn_layer(np.zeros((1, 1)), np.full((1, 1), n), np.eye(1))[0, 0], float(n))
    """

    def wrong_for_17(A, H, W):
        return symmetric(A, H, W) + (H[0, 0] == 17)

    bank, folder = Bank(), write(tmp_path, checks=checks)
    for _ in range(2):
        assert judge(folder, bank=bank)["check_it"].outcome is Outcome.PASSED
        result = judge(folder, {"gcn_layer": wrong_for_17}, bank=bank)["check_it"]
        assert (result.outcome, result.message) == (Outcome.FAILED, "got 18, expected 17")


def test_what_a_student_makes_undrawable_is_the_students_failure(tmp_path):
    checks = """
    @check("it", points=10)
    @given(inputs_of(gcn_layer))
    def check_it(student, a):
        assume(student.gcn_layer(*a.values()) is not None)
    """
    assert only(tmp_path, checks, {"gcn_layer": wrong}).outcome is Outcome.FAILED
    assert only(tmp_path, checks).outcome is Outcome.PASSED


@pytest.mark.parametrize("body", ["pytest.skip('no output')", "raise RuntimeError", "raise SystemExit(0)"])
def test_a_student_cannot_break_a_check(tmp_path, body):
    checks = f"""
    import pytest

    @check("it", points=10)
    @given(inputs_of(gcn_layer))
    def check_it(student, a):
        if student.gcn_layer(*a.values()) is None:
            {body}
    """
    assert only(tmp_path, checks, {"gcn_layer": wrong}).outcome is Outcome.FAILED


def test_a_flaky_answer_is_a_failure(tmp_path):
    calls = []

    def sometimes(A, H, W):
        calls.append(1)
        if len(calls) == 4:
            raise ValueError("now and then")
        return row_normalised(A, H, W) * 0

    checks = """
    @check("it", points=10)
    @given(inputs_of(gcn_layer))
    def check_it(student, a):
        student.gcn_layer(*a.values())
    """
    result = only(tmp_path, checks, {"gcn_layer": sometimes})
    assert (result.outcome, result.message) == (Outcome.FAILED, "gives different answers for the same input")


@pytest.mark.parametrize(
    ("words", "message"),
    [("", "what this check asserts does not hold"), (', "two rows, please"', "two rows, please")],
)
def test_an_assertion_says_its_own_words_and_never_its_source(tmp_path, words, message):
    checks = f"""
    @check("it", points=10)
    def check_it(student):
        secret = 2
        out = student.gcn_layer(np.zeros((1, 1)), np.ones((1, 2)), np.eye(2))
        assert out.shape == (secret, 2){words}
    """
    result = only(tmp_path, checks)
    assert (result.outcome, result.message) == (Outcome.FAILED, message)
    assert len(result.counterexample.calls) == 1


def test_a_call_that_never_ends_ends_the_check_at_once(tmp_path):
    checks = "check_values = agrees_with(gcn_layer, points=10)"
    folder = write(tmp_path, checks=checks)
    stopping = _Stopping()
    result = judge(folder, {"gcn_layer": stopping}, limits=Limits(call_seconds=0.2))["check_values"]
    stopping.stopped = True
    assert result.outcome is Outcome.FAILED and result.counterexample.calls[0].returned is None
    assert stopping.calls == 1


class _Stopping:
    """Loops until it is told to stop, so that no thread outlives its test for long."""

    def __init__(self):
        self.stopped = False
        self.calls = 0

    def __call__(self, A, H, W):
        self.calls += 1
        while not self.stopped:
            pass


def test_shrinking_stops_when_its_time_is_over(tmp_path):
    checks = "check_it = agrees_with(gcn_layer, points=10, sizes={'n': (1, 12), 'f': (1, 12)})"
    folder = write(tmp_path, checks=checks)

    def wrong_when_large(A, H, W):
        return row_normalised(A, H, W) if H.size > 3 else symmetric(A, H, W)

    result = judge(folder, {"gcn_layer": wrong_when_large}, shrink_seconds=0.0)["check_it"]
    assert result.outcome is Outcome.FAILED and result.counterexample.calls
    shrunk = judge(folder, {"gcn_layer": wrong_when_large})["check_it"]
    assert len(str(shrunk.counterexample)) <= len(str(result.counterexample))


# ---- collection


def test_lists_and_aliases_are_collected_once(tmp_path):
    checks = """
    whatever = agrees_with(gcn_layer, points=7)
    check_again = whatever
    several = [leaves_inputs_alone(gcn_layer, points=1), repeatable(gcn_layer, points=2)]
    """
    results = judge(write(tmp_path, checks=checks))
    assert list(results) == ["whatever", "several_purity", "several_same_twice"]


def test_plain_pytest_works(tmp_path):
    checks = """
    import pytest

    @pytest.fixture
    def graph():
        return np.zeros((1, 1)), np.ones((1, 2)), np.eye(2)

    @pytest.fixture
    def output(student, graph):
        return student.gcn_layer(*graph)

    @points(8)
    def test_output(output):
        assert output.sum() == 2

    @points(2)
    @pytest.mark.parametrize("scale", [1, 2])
    def test_scale(student, graph, scale):
        A, H, W = graph
        assert student.gcn_layer(A, scale * H, W).sum() == 2 * scale

    def test_diagnosis(output):
        assert False, "always"

    class TestGroup:
        @points(1)
        def test_inside(self, student):
            pass

        @points(1)
        @given(st.integers())
        def test_drawn(self, student, n):
            assert n == n

    def helper():
        pass
    """
    results = judge(write(tmp_path, checks=checks))
    assert {name: result.points for name, result in results.items()} == {
        "test_output": 8,
        "test_scale[1]": 1,
        "test_scale[2]": 1,
        "test_diagnosis": 0,
        "TestGroup::test_inside": 1,
        "TestGroup::test_drawn": 1,
    }
    assert results["test_diagnosis"].outcome is Outcome.FAILED
    assert results["test_diagnosis"].message.startswith("always")
    assert results["test_diagnosis"].sentence == "diagnosis"
    assert sum(result.earned for result in results.values()) == 12


def test_a_fixture_that_fails_is_judged_like_a_check(tmp_path):
    checks = """
    import pytest

    @pytest.fixture
    def output(student):
        return student.gcn_layer(np.zeros((1, 1)), np.ones((1, 2)), np.eye(2)).sum()

    @points(10)
    def test_output(output):
        assert output == 2
    """
    assert only(tmp_path, checks).earned == 10
    assert only(tmp_path, checks, {"gcn_layer": wrong}).outcome is Outcome.FAILED
    assert only(tmp_path, checks.replace("np.eye(2)", "unknown")).outcome is Outcome.BROKEN
    assert only(tmp_path, checks.replace("(output)", "(misspelt)")).outcome is Outcome.BROKEN


def test_exit_in_a_fixture_ends_the_run_but_judges_nobody(tmp_path):
    checks = """
    import pytest

    check_first = agrees_with(gcn_layer, points=5)

    @pytest.fixture
    def output(student):
        if student.gcn_layer(np.zeros((1, 1)), np.ones((1, 2)), np.eye(2)) is {is_none} None:
            pytest.exit("no")

    @points(5)
    def test_output(output):
        pass

    check_last = agrees_with(gcn_layer)
    check_after = repeatable(gcn_layer, after=check_last)
    """
    broken = judge(write(tmp_path, checks=checks.format(is_none="not")))
    assert broken["check_first"].outcome is Outcome.PASSED
    assert {broken[name].outcome for name in ("test_output", "check_last")} == {Outcome.BROKEN}
    assert "It was not run" in broken["check_last"].staff_note
    failed = judge(write(tmp_path, checks=checks.format(is_none="")), {"gcn_layer": wrong})
    assert {result.outcome for result in failed.values()} == {Outcome.FAILED}


def test_tasks_are_named_by_functions(tmp_path):
    reference = GCN + "\ndef double(H: Float['n f']) -> Float['n f']:\n    return 2 * H\n"
    checks = """
    check_layer = agrees_with(gcn_layer, points=4)
    check_double = agrees_with(double, points=2)
    @check("both", task="double", points=1)
    def check_both(student):
        pass
    def test_double_is_linear(student):
        pass
    """
    folder = write(tmp_path, checks=checks, reference=reference)
    results = judge(folder, points={"gcn_layer": 4, "double": 3})
    assert {name: result.task for name, result in results.items()} == {
        "check_layer": "gcn_layer",
        "check_double": "double",
        "check_both": "double",
        "test_double_is_linear": "double",
    }


def test_tasks_without_checks_get_the_standing_ones(tmp_path):
    reference = GCN + "\ndef double(H: Float['n f']) -> Float['n f']:\n    return 2 * H\n"
    folder = write(tmp_path, checks="check_layer = agrees_with(gcn_layer, points=4)", reference=reference)
    results = judge(folder, points={"gcn_layer": 4, "double": 3})
    assert list(results)[:2] == ["check_layer", "double_values"]
    assert sum(result.earned for result in results.values()) == pytest.approx(7)


def test_one_file_is_an_exercise(tmp_path):
    folder = write(tmp_path, checks=None)
    assert sum(result.earned for result in judge(folder).values()) == pytest.approx(10)
    assert sum(result.earned for result in judge(folder, {"gcn_layer": row_normalised}).values()) == 0


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("check_it = agrees_with(gcn_layer, points=10, B=st.just(1))", "no parameter B"),
        ("def broken(:", "SyntaxError"),
        ("@check('it', task='unknown')\ndef check_it(student): pass", "which does not exist"),
        ("import pytest; pytest.skip('no', allow_module_level=True)", "skips itself"),
        ("import pytest; pytest.exit('no')", r"ends Python with Exit\(no\)"),
        ("raise SystemExit(0)", r"ends Python with SystemExit\(0\)"),
        (
            "check_b = agrees_with(gcn_layer, points=1, after=agrees_with(gcn_layer))",
            "which is not collected before it",
        ),
    ],
)
def test_checks_that_cannot_be_used_are_an_authoring_error(tmp_path, checks, says):
    with pytest.raises(AuthoringError, match=says):
        judge(write(tmp_path, checks=checks))


def test_a_reference_that_cannot_be_used_is_an_authoring_error(tmp_path):
    with pytest.raises(AuthoringError, match=r"reference.py cannot be imported \(NameError"):
        run_suite(None, write(tmp_path, checks=None, reference="x = y") / "reference.py", (), None, None, b"")
    with pytest.raises(AuthoringError, match="Nothing checks the task other"):
        judge(write(tmp_path, checks=None), points={"gcn_layer": 1, "other": 1})
    with pytest.raises(AuthoringError, match="no marker cell"):
        judge(write(tmp_path, checks=CHECKS), points={})


def test_checks_that_are_not_there_are_an_authoring_error(tmp_path):
    folder = write(tmp_path, checks=None)
    with pytest.raises(AuthoringError, match="pytest could not run"):
        run_suite(folder / "checks.py", folder / "reference.py", (Task("gcn_layer", 1.0),), None, None, b"")


def test_chosen_checks_run_whatever_they_come_after(exercise):
    results = judge(exercise, {"gcn_layer": row_normalised}, only=frozenset({"check_fixed_point", "no_such_check"}))
    assert list(results) == ["check_fixed_point"]
    assert results["check_fixed_point"].outcome is Outcome.FAILED
    assert results["check_fixed_point"].counterexample is not None


def test_a_check_without_a_task_is_an_authoring_error(tmp_path):
    reference = GCN + "\ndef double(H: Float['n f']) -> Float['n f']:\n    return 2 * H\n"
    folder = write(tmp_path, checks="@check('it')\ndef check_it(student): pass", reference=reference)
    with pytest.raises(AuthoringError, match="does not say its task"):
        judge(folder, points={"gcn_layer": 1, "double": 1})


def test_a_suite_that_cannot_be_used_costs_no_points():
    tasks = (Task("f", 4.0), Task("g", 2.0))
    results = broken_suite(tasks, AuthoringError("why"))
    assert [(r.task, r.earned, r.staff_note) for r in results] == [("f", 4.0, "why"), ("g", 2.0, "why")]


def test_points_are_added_up_by_task(exercise):
    files = (exercise / "checks.py", exercise / "reference.py")
    assert point_sums(*files, (Task("gcn_layer", 10.0),)) == {"gcn_layer": 10.0}
    assert wrong_sums(*files, (Task("gcn_layer", 10.0),)) == ()
    (sentence,) = wrong_sums(*files, (Task("gcn_layer", 8.0),))
    assert sentence.startswith("The checks of gcn_layer give 10 points, its cell in the notebook 8.")
    assert wrong_sums(None, files[1], (Task("gcn_layer", 8.0),)) == ()


# ---- draws


def drawn(folder, secret, **options):
    """What a student sees of one run."""
    seen = []

    def spy(A, H, W):
        seen.append((A.tolist(), H.tolist(), W.tolist()))
        return symmetric(A, H, W)

    judge(folder, {"gcn_layer": spy}, secret=secret, **options)
    return seen


def test_draws_follow_from_the_secret_and_the_name_of_the_check(tmp_path):
    folder = write(tmp_path, checks="check_a = agrees_with(gcn_layer)\ncheck_b = agrees_with(gcn_layer, points=10)")
    first = drawn(folder, b"secret")
    assert len(first) == 50
    assert first[:25] != first[25:]
    assert drawn(folder, b"secret") == first
    assert drawn(folder, b"another") != first


def test_draws_do_not_depend_on_what_else_is_loaded(exercise, tmp_path):
    first = drawn(exercise, b"secret")
    other = tmp_path / "other"
    other.mkdir()
    (other / "numbers_only.py").write_text("NUMBERS = " + repr([123456 + i for i in range(3000)]))
    with siblings(other):
        load(other / "numbers_only.py")
        assert drawn(exercise, b"secret") == first


def test_a_bank_repeats_the_draws_for_the_next_student(exercise):
    bank = Bank()
    first = drawn(exercise, b"secret", bank=bank)
    assert drawn(exercise, b"secret", bank=bank) == first
    assert judge(exercise, {"gcn_layer": row_normalised}, bank=bank) == judge(exercise, {"gcn_layer": row_normalised})


def test_a_bank_is_not_spoilt_by_checks_that_change_their_arguments(tmp_path):
    checks = """
    @check("it", points=10)
    @given(inputs_of(gcn_layer))
    def check_it(student, a):
        student.gcn_layer(*a.values())
        for value in a.values():
            value += 1000
    """
    folder, bank = write(tmp_path, checks=checks), Bank()
    first = drawn(folder, b"secret", bank=bank)
    for _ in range(2):
        assert drawn(folder, b"secret", bank=bank) == first


def test_checks_that_draw_as_they_go_are_run_live(tmp_path):
    checks = """
    @check("it", points=10)
    @given(st.data())
    def check_it(student, data):
        a = data.draw(inputs_of(gcn_layer))
        assert_close(student.gcn_layer(*a.values()), gcn_layer(*a.values()))
    """
    folder, bank = write(tmp_path, checks=checks), Bank()
    for _ in range(2):
        assert judge(folder, bank=bank)["check_it"].outcome is Outcome.PASSED
        assert judge(folder, {"gcn_layer": row_normalised}, bank=bank)["check_it"].outcome is Outcome.FAILED


# ---- no trace


def test_a_run_leaves_no_trace(exercise, tmp_path, monkeypatch, capfd):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    checks = exercise / "checks.py"
    checks.write_text(
        checks.read_text()
        + "\nprint('at import')\ncheck_text = check('text')(given(st.text())(lambda text: print(text)))\n"
    )
    environment, modules = dict(os.environ), set(sys.modules)
    path, finders, filters = list(sys.path), list(sys.meta_path), list(warnings.filters)
    judge(exercise, {"gcn_layer": row_normalised})
    assert dict(os.environ) == environment
    assert (sys.path, sys.meta_path, warnings.filters) == (path, finders, filters)
    assert not {"checks", "reference"} & (set(sys.modules) - modules)
    assert sorted(p.name for p in exercise.iterdir()) == ["checks.py", "elsewhere", "reference.py"]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_no_configuration_is_read(exercise):
    (exercise / "conftest.py").write_text("raise RuntimeError('conftest')")
    (exercise / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (exercise / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--no-such-option'\n")
    assert judge(exercise)["check_values"].outcome is Outcome.PASSED


def test_two_exercises_in_one_process_do_not_mix(tmp_path):
    for factor in (2, 3):
        folder = tmp_path / str(factor)
        folder.mkdir()
        reference = f"from assay.checks import Float\ndef f(x: Float['n']) -> Float['n']:\n    return {factor} * x\n"
        write(folder, checks="check_values = agrees_with(f, points=1)", reference=reference)
        for answer, outcome in ((2, Outcome.PASSED), (3, Outcome.PASSED)):
            result = judge(folder, {"f": lambda x, answer=answer: answer * x})["check_values"]
            assert (result.outcome is outcome) == (answer == factor)


def test_warnings_fail_nothing(tmp_path):
    checks = """
    import warnings
    warnings.warn("at import")

    @check("it", points=10)
    def check_it(student):
        warnings.warn("in the check")
        np.log(np.zeros(1))
    """
    assert only(tmp_path, checks).outcome is Outcome.PASSED


def test_a_keyboard_interrupt_is_passed_on(tmp_path):
    folder = write(tmp_path, checks="@check('it')\ndef check_it(student):\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        judge(folder)


def test_what_a_check_reveals_is_carried(tmp_path):
    checks = "check_it = agrees_with(gcn_layer, points=10, reveals='sentence')"
    result = only(tmp_path, checks, {"gcn_layer": row_normalised})
    assert result.reveals == "sentence"
    assert result.counterexample is not None
