"""What a student sees of a report: nothing that is not theirs, everything that helps, and no markup of their own."""

import re
from html.parser import HTMLParser

import pytest
from nbconvert.filters.strings import clean_html

from assay.course import Task
from assay.feedback.html import as_html
from assay.feedback.public import BROKEN, clean, for_student
from assay.feedback.text import SHOWN_CALLS, as_text, beside, call_text
from assay.outcome import Call, CheckResult, Counterexample, Outcome, Report

SECRET = "S3CRET"
TASKS = (Task("conv2d", 7.0), Task("max_pool2d", 3.0))
CALL = Call("conv2d", (("x", "[[1, 2],\n [3, 4]]"), ("stride", "2")), "[[1]]")
EXAMPLE = Counterexample((CALL,), got="[[1]]", expected="[[5]]")


def verdict(outcome: Outcome = Outcome.FAILED, points: float = 2.0, **more) -> CheckResult:
    given = {"sentence": "works with a stride", "task": "conv2d", "name": SECRET, "staff_note": SECRET, **more}
    return CheckResult(points=points, outcome=outcome, **given)


def report(*checks: CheckResult, notes: tuple[str, ...] = ()) -> Report:
    return Report("convolution", checks, notes, staff_notes=(SECRET,), suite_version=SECRET, round="2026-11-21")


def shown(check: CheckResult) -> str:
    """Everything a student can see of one check, in either form."""
    return as_text(report(check), TASKS) + as_html([check]) + repr(for_student(report(check)))


def test_names_and_notes_for_staff_are_never_shown() -> None:
    for outcome in Outcome:
        assert SECRET not in shown(verdict(outcome))


def test_a_check_that_reveals_its_counterexample_shows_all_of_it() -> None:
    text = as_text(report(verdict(message="the shape is (1, 1)", hint="Count again", counterexample=EXAMPLE)), TASKS)
    for part in ("works with a stride", "0/2", "the shape is (1, 1)", "stride = 2", "[[1]]", "[[5]]", "Count again"):
        assert part in text


def test_a_check_that_reveals_its_sentence_shows_the_hint_and_no_input() -> None:
    example = Counterexample((Call(SECRET, ((SECRET, SECRET),), SECRET),), got=SECRET, expected=SECRET)
    seen = shown(verdict(reveals="sentence", message=SECRET, hint="Count again", counterexample=example))
    assert SECRET not in seen
    assert "works with a stride" in seen and "Count again" in seen


def test_a_check_that_reveals_its_message_shows_no_input() -> None:
    example = Counterexample((Call("f", (("x", SECRET),), SECRET),), got=SECRET, expected=SECRET)
    hidden = verdict(reveals="message", message="it reached 71 %", counterexample=example, diagnosis=(SECRET,))
    seen = shown(hidden)
    assert "it reached 71 %" in seen and SECRET not in seen


def test_a_check_that_reveals_nothing_shows_only_what_it_cost() -> None:
    example = Counterexample((Call(SECRET, (), None),), got=SECRET, expected=SECRET)
    hidden = verdict(reveals="nothing", sentence=SECRET, message=SECRET, hint=SECRET, counterexample=example)
    seen = shown(hidden)
    assert SECRET not in seen
    assert "A hidden check" in seen and "0/2" in seen


def test_a_passed_check_shows_neither_message_nor_hint() -> None:
    assert SECRET not in shown(verdict(Outcome.PASSED, message=SECRET, hint=SECRET, counterexample=EXAMPLE))


def test_a_broken_check_says_whose_fault_it_is_and_nothing_else() -> None:
    seen = shown(verdict(Outcome.BROKEN, message=SECRET, hint=SECRET, counterexample=EXAMPLE))
    assert SECRET not in seen and "[[5]]" not in seen
    assert BROKEN in seen and "2/2" in seen


def test_the_projection_keeps_every_score() -> None:
    full = report(verdict(), verdict(Outcome.BROKEN, 1.0), verdict(Outcome.PASSED, 4.0, reveals="nothing"))
    assert for_student(full).score("conv2d", 7.0) == full.score("conv2d", 7.0) == 5.0
    assert for_student(for_student(full)) == for_student(full)


def test_text_reads_as_a_list_of_results() -> None:
    checks = (
        verdict(Outcome.PASSED, 4.0, sentence="computes the right values"),
        verdict(message="your function raised ValueError", counterexample=EXAMPLE, hint="Count again"),
        verdict(Outcome.PASSED, 0.0, sentence="leaves its arguments alone"),
        verdict(Outcome.BROKEN, 1.0, sentence="is fast"),
    )
    assert as_text(report(*checks, notes=("cell `plot` stopped",)), TASKS).splitlines() == [
        "conv2d  5 of 7 points",
        "  :)  4/4 computes the right values",
        "  :(  0/2 works with a stride",
        "          your function raised ValueError",
        "          conv2d(",
        "              x = [[1, 2],",
        "                   [3, 4]],",
        "              stride = 2,",
        "          )",
        "          got        expected",
        "          [[1]]      [[5]]",
        "          Hint: Count again",
        "  :)      leaves its arguments alone",
        "  :|  1/1 is fast",
        f"          {BROKEN}",
        "",
        "max_pool2d  0 of 3 points",
        "",
        "While your notebook was loading:",
        "  cell `plot` stopped",
    ]


def test_colour_is_added_only_when_asked_for() -> None:
    assert "\x1b" not in as_text(report(verdict()), TASKS)
    coloured = as_text(report(verdict()), TASKS, colour=True)
    assert "\x1b[31m:(\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == as_text(report(verdict()), TASKS)


def test_a_short_call_is_one_line() -> None:
    assert call_text(Call("size", (("n", "7"), ("k", "3")), "5")) == "size(n = 7, k = 3)"


def test_what_other_calls_returned_is_shown_and_the_last_is_not_said_twice() -> None:
    first = Call("conv2d", (("x", "[1]"),), "[9]")
    text = as_text(report(verdict(counterexample=Counterexample((first, CALL), "[[1]]", "[[5]]"))), TASKS)
    assert "-> [9]" in text and "-> [[1]]" not in text
    assert "-> [[1]]" in as_text(report(verdict(counterexample=Counterexample((first, CALL)))), TASKS)


def test_of_many_calls_the_last_are_shown() -> None:
    calls = tuple(Call("step", (("t", str(t)),), "0") for t in range(100))
    text = as_text(report(verdict(counterexample=Counterexample(calls))), TASKS)
    assert text.count("step(") == SHOWN_CALLS and "t = 99" in text and f"({100 - SHOWN_CALLS} calls before" in text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain\nlines", "plain\nlines"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("a\rb\x00c\x9bd\x7f", "abcd"),
        ("abc\u202edcb\u200b", "abcdcb"),
        ("half \ud83d pair", "half  pair"),
        ("a\tb", "a   b"),
        ("naïve 😀 Σ", "naïve 😀 Σ"),
    ],
)
def test_control_and_invisible_characters_are_taken_out(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


HOSTILE = "</pre></code><script>alert(1)</script><img src=x onerror=alert(1)> $\\href{javascript:alert(1)}{x}$ \x1b[31m"


class Page(HTMLParser):
    """Tags, and the text that stands outside `pre` and `code`."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.prose = ""
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"pre", "code"} & set(self.open):
            self.prose += data


def page(html: str) -> Page:
    parsed = Page()
    parsed.feed(html)
    assert not parsed.open
    return parsed


def hostile_page() -> str:
    call = Call("conv2d", ((HOSTILE, HOSTILE),), HOSTILE)
    example = Counterexample((call, call), got=HOSTILE, expected=HOSTILE)
    return as_html([verdict(message=HOSTILE, counterexample=example)], [HOSTILE])


def test_nothing_a_student_says_becomes_markup_or_mathematics() -> None:
    parsed = page(hostile_page())
    assert set(parsed.tags) <= {"div", "ul", "li", "strong", "code", "pre"}
    assert parsed.attributes <= {"class"}
    assert "$" not in parsed.prose and "href" not in parsed.prose
    assert "\x1b" not in hostile_page()


def test_html_is_what_it_was_after_nbconvert_sanitised_it() -> None:
    checks = [verdict(outcome, message="m", hint="h <b>", counterexample=EXAMPLE) for outcome in Outcome]
    html = as_html(checks, ["cell `plot` stopped"])
    assert clean_html(html) == html
    assert "<script" not in clean_html(hostile_page())


def test_html_says_in_words_what_colour_says() -> None:
    prose = page(as_html([verdict(outcome) for outcome in Outcome])).prose
    for words in (":) passed, 2 of 2 points", ":( failed, 0 of 2 points", ":| could not run, 2 of 2 points"):
        assert words in prose


def test_got_stands_beside_expected_line_by_line() -> None:
    example = Counterexample((), got="[[1, 2],\n [3, 4]]", expected="[[1]]")
    assert beside(example).splitlines() == ["got           expected", "[[1, 2],      [[1]]", " [3, 4]]"]
    assert beside(example) in as_html([verdict(counterexample=example)])


def test_long_values_stand_below_each_other() -> None:
    example = Counterexample((), got="1" * 60, expected="2" * 60)
    assert beside(example).splitlines() == ["got       " + "1" * 60, "expected  " + "2" * 60]


def test_a_value_alone_is_shown_alone() -> None:
    assert beside(Counterexample((), got="3")) == "got       3"
    assert beside(Counterexample(())) == ""


def test_a_task_without_checks_is_an_empty_list() -> None:
    assert page(as_html([])).tags == ["div", "ul"]


def test_checks_without_points_that_wait_for_another_share_one_line():
    failed = CheckResult("v", "t", "the values", 2.0, Outcome.FAILED, "wrong")
    waiting = [
        CheckResult(f"l{i}", "t", f"law {i}", 0.0, Outcome.FAILED, "not looked at", looked_at=False) for i in (1, 2)
    ]
    scored = CheckResult("p", "t", "purity", 1.0, Outcome.FAILED, "not looked at", looked_at=False)
    report = Report("a", (failed, *waiting, scored))
    for shown in (as_text(report, (Task("t", 3.0),)), as_html(report.checks)):
        assert "2 more checks were not looked at, because an earlier one failed." in shown
        assert "law 1" not in shown and "the values" in shown and "purity" in shown
    assert "more check" not in as_text(Report("a", (failed,)), (Task("t", 2.0),))
