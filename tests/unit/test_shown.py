"""What people see of a student's text is text, of a length that can be shown."""

import pytest

from assay.notebook.shown import MOST_CODE, MOST_MARKDOWN, fenced, plain_markdown, shorten_code
from tests.support.notebooks import code


def test_markdown_is_text_for_every_renderer():
    assert plain_markdown("a < b <= c, $x<y$") == "a < b <= c, $x< y$"
    assert plain_markdown("<script>") == "< script>"
    assert plain_markdown("[x](javascript:y) ![i](attachment:z) [a][b]\n[b]: data:x") == (
        "[x] (javascript:y) ![i] (attachment:z) [a] [b]\n[b] : data:x"
    )


def test_a_fence_is_longer_than_any_in_the_text():
    assert fenced("a ```` b").splitlines()[0] == "`````text"


@pytest.mark.parametrize("opening", ["\\[", "\\(", "\\\\[", "\\begin{a}"])
def test_formulas_without_end_that_would_take_minutes_are_shown_letter_by_letter(opening):
    assert plain_markdown(opening * 4000) == f"```text\n{opening * 4000}\n```"


def test_markdown_that_is_too_long_is_shown_letter_by_letter():
    text = plain_markdown("<b>" * MOST_MARKDOWN)
    assert text.startswith("```text\n<b>")
    assert text.endswith(f"... {2 * MOST_MARKDOWN} more characters are not shown here.\n```")


def test_an_answer_with_many_formulas_is_rendered():
    text = "\n\n".join("\\begin{align} x &= \\(y\\) \\end{align}" for _ in range(100))
    assert plain_markdown(text) == text


def shown(*sources: str, origin: str = "student") -> list[str]:
    cells = [code("", id=str(number)) for number, _ in enumerate(sources)]
    for cell, source in zip(cells, sources, strict=True):
        cell["source"] = source
        cell["metadata"]["assay"] = {"origin": origin}
    shorten_code(cells)
    return [cell["source"] for cell in cells]


def test_ordinary_code_is_shown_as_it_is():
    text = "x = 1\n\n\n\ndef f():\n    return 2\n" * 100
    assert shown(text) == [text]


def test_code_is_cut_where_a_page_would_be_too_long():
    first, second, third = shown("a" * (MOST_CODE - 5), "b" * 10, "c" * 10)
    assert first == "a" * (MOST_CODE - 5)
    assert second == "bbbbb\n# ... 5 more characters are not shown here."
    assert third == "\n# ... 10 more characters are not shown here."


def test_instructors_code_is_not_cut():
    text = "a" * (MOST_CODE + 5)
    assert shown(text, origin="instructor") == [text]


@pytest.mark.parametrize("blank", ["\n ", " \n\t", "\n"])
def test_blank_lines_that_would_take_minutes_to_colour_are_left_out(blank):
    assert shown("x = 1" + blank * 10_000 + "\ny = 2")[0].count("\n") < 5
    assert shown(" " * 100_000) == [" " * 100_000]


def test_spaces_that_would_take_a_parser_minutes_are_left_out():
    shown = plain_markdown("a" + " " * 40_000 + "b")
    assert len(shown) < 200 and shown.startswith("a ") and shown.endswith(" b")
