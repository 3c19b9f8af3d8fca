"""Of a submission only the text of cells survives, and whatever it is, a notebook to grade comes out."""

import copy
import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.notebook import reading
from assay.notebook.extract import Rebuilt, origin_of, rebuild, source_of
from tests.support.notebooks import (
    answer,
    answered,
    as_bytes,
    cell_of,
    code,
    locked_code,
    manual,
    markdown,
    marked,
    marker,
    notebook,
)

STUB = "def scale(x):\n    raise NotImplementedError"
RIGHT = "def scale(x):\n    return 2 * x"


def instructor() -> dict:
    return notebook(
        markdown("# Scale", id="title"),
        locked_code("import math", "imports"),
        answer(STUB, "scale_answer"),
        code("scale(3)", id="try-it"),
        locked_code("show_plot()", "example", tags=["example"]),
        marker("scale", 4),
        manual("YOUR ANSWER HERE", "why", 2),
        manual("# YOUR CODE HERE", "plot", 3, kind="code"),
    )


def honest() -> dict:
    return answered(instructor(), {"scale_answer": RIGHT, "why": "Because $a < b$.", "plot": "draw()"})


def rebuilt(submission: object) -> Rebuilt:
    return rebuild(instructor(), submission if isinstance(submission, bytes) else as_bytes(submission))


def texts(result: Rebuilt) -> list[str]:
    return [cell["source"] for cell in result.notebook["cells"]]


def source(result: Rebuilt) -> list[tuple[str, str]]:
    return [(cell.name, cell.text) for cell in source_of(result.notebook).cells]


def test_an_honest_submission_is_the_instructors_notebook_with_the_answers_in_it():
    result = rebuilt(honest())
    assert result.notes == ()
    assert texts(result) == [cell["source"] for cell in honest()["cells"]]
    assert source_of(result.notebook).answered == {"scale_answer"}


def test_the_worker_gets_definitions_and_no_markers_examples_or_manual_answers():
    result = source_of(rebuilt(honest()).notebook)
    assert [(cell.name, cell.text, cell.instructor) for cell in result.cells] == [
        ("imports", "import math", True),
        ("scale_answer", RIGHT, False),
        ("cell 4", "scale(3)", True),
    ]


def test_nothing_but_text_survives():
    theirs = honest()
    theirs["metadata"] = {"kernelspec": {"name": "evil"}, "widgets": {"secret": 1}}
    for cell in theirs["cells"]:
        cell["metadata"].setdefault("nbgrader", {})["points"] = 999
        cell["metadata"]["tags"] = ["skip-execution", "example"]
        cell["metadata"]["trusted"] = True
        cell["attachments"] = {"x.svg": {"image/svg+xml": "<svg/>"}}
        cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "999.0"}}]
    result = rebuilt(theirs)
    expected = rebuilt(honest()).notebook
    assert result.notebook == expected
    assert result.notes == ()


def test_code_is_not_coloured_by_a_lexer_that_can_be_kept_busy():
    ours = instructor()
    ours["metadata"]["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    assert rebuild(ours, as_bytes(honest())).notebook["metadata"]["language_info"] == {"name": "python"}


def test_the_submission_does_not_change_the_instructors_notebook():
    ours = instructor()
    before = copy.deepcopy(ours)
    rebuild(ours, as_bytes(honest()))
    assert ours == before


def test_helper_cells_stay_where_they_were():
    theirs = honest()
    theirs["cells"].insert(2, code("two = 2", id="helper"))
    theirs["cells"].insert(0, code("first = 1", id="first"))
    theirs["cells"].append(code("last = 3", id="last"))
    result = rebuilt(theirs)
    assert [text for _, text in source(result)] == [
        "first = 1",
        "import math",
        "two = 2",
        RIGHT,
        "scale(3)",
        "last = 3",
    ]
    assert [origin_of(cell) for cell in result.notebook["cells"]].count("student") == 3


def test_students_markdown_of_their_own_is_not_taken():
    theirs = honest()
    theirs["cells"].append(markdown("<script>alert(1)</script>", id="mine"))
    assert rebuilt(theirs).notebook == rebuilt(honest()).notebook


def test_markdown_after_a_task_cell_is_an_answer_and_is_taken_as_text():
    ours = instructor()
    marked(ours["cells"][0], "essay", locked=True)["metadata"]["nbgrader"].update(task=True, points=4)
    theirs = copy.deepcopy(ours)
    theirs["cells"].insert(1, markdown("my <b>essay</b>", id="mine"))
    result = rebuild(ours, as_bytes(theirs))
    assert texts(result)[1] == "my < b>essay< /b>"


def test_a_copy_of_an_instructors_cell_is_dropped_and_an_edited_one_runs_after_the_original():
    theirs = honest()
    theirs["cells"][3]["source"] = "scale(4)"
    theirs["cells"].append(code("  \nscale(3)   \n", id="copy"))
    result = rebuilt(theirs)
    assert [text for _, text in source(result)] == ["import math", RIGHT, "scale(3)", "scale(4)"]


def test_a_deleted_answer_gives_the_stub_and_a_note_and_does_not_hide_a_function_written_elsewhere():
    theirs = honest()
    del theirs["cells"][2]
    theirs["cells"].insert(0, code(RIGHT, id="mine"))
    result = rebuilt(theirs)
    assert texts(result)[3] == STUB
    assert result.notes == ("The cell scale_answer is not in your notebook, so it counts as not answered.",)
    assert ("cell 1", RIGHT) in source(result)
    assert STUB not in [text for _, text in source(result)]
    assert source_of(result.notebook).answered == frozenset()


@pytest.mark.parametrize("grade_id", ["scale", "why", "plot", "imports"])
def test_other_deleted_cells_come_back(grade_id):
    theirs = honest()
    theirs["cells"] = [c for c in theirs["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") != grade_id]
    result = rebuilt(theirs)
    assert cell_of(result.notebook, grade_id)["source"] == cell_of(instructor(), grade_id)["source"]


def test_the_first_of_two_answers_counts_and_the_second_runs_as_a_plain_cell():
    theirs = honest()
    twin = copy.deepcopy(cell_of(theirs, "scale_answer"))
    twin["source"] = "helper = 1"
    theirs["cells"].append(twin)
    result = rebuilt(theirs)
    assert cell_of(result.notebook, "scale_answer")["source"] == RIGHT
    assert source(result)[-1] == ("cell 9", "helper = 1")
    assert "nbgrader" not in result.notebook["cells"][-1]["metadata"]
    assert "occurs 2 times" in result.notes[0]


def test_a_twin_of_a_marker_earns_nothing():
    theirs = honest()
    twin = copy.deepcopy(cell_of(theirs, "scale"))
    twin["source"] = "10.0"
    theirs["cells"].insert(0, twin)
    result = rebuilt(theirs)
    marks = [cell["metadata"]["nbgrader"] for cell in result.notebook["cells"] if "nbgrader" in cell["metadata"]]
    assert [mark["grade_id"] for mark in marks].count("scale") == 1
    assert cell_of(result.notebook, "scale")["source"] == "# The checks of scale."


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_a_converted_answer_counts_as_not_answered_but_can_still_be_read(kind):
    theirs = honest()
    cell_of(theirs, "scale_answer")["cell_type"] = kind
    result = rebuilt(theirs)
    assert cell_of(result.notebook, "scale_answer")["source"] == STUB
    assert f"```text\n{RIGHT}\n```" in texts(result)
    assert "no longer a code cell" in result.notes[0]


def test_a_converted_manual_answer_is_still_read_by_a_person():
    theirs = honest()
    cell_of(theirs, "plot")["cell_type"] = "markdown"
    cell_of(theirs, "why")["cell_type"] = "code"
    result = rebuilt(theirs)
    assert cell_of(result.notebook, "plot")["source"] == "draw()"
    assert cell_of(result.notebook, "why")["source"] == "Because $a < b$."


def test_an_edited_read_only_cell_is_restored():
    theirs = honest()
    cell_of(theirs, "imports")["source"] = "import sys; sys.exit()"
    result = rebuilt(theirs)
    assert cell_of(result.notebook, "imports")["source"] == "import math"
    assert result.notes == ("The read-only cell imports had been changed; the original was used.",)


def test_the_order_is_the_instructors():
    theirs = honest()
    theirs["cells"].reverse()
    assert texts(rebuilt(theirs)) == texts(rebuilt(honest()))


def test_metadata_lost_on_the_way_is_made_up_for_by_cell_ids():
    theirs = honest()
    for cell in theirs["cells"]:
        cell["metadata"] = {}
    assert rebuilt(theirs).notebook == rebuilt(honest()).notebook


def test_an_untouched_manual_answer_stays_letter_by_letter():
    ours = instructor()
    cell_of(ours, "why")["source"] = "Answer in <b>one</b> [sentence](here).  \n"
    result = rebuild(ours, as_bytes(ours))
    assert cell_of(result.notebook, "why")["source"] == cell_of(ours, "why")["source"]


def test_format_3_reads_like_format_4():
    theirs = honest()
    for cell in theirs["cells"]:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
        del cell["id"]
    sheet = {"cells": theirs["cells"]}
    old = {"nbformat": 3, "metadata": {}, "worksheets": [sheet, None, {"cells": 3}]}
    assert rebuilt(old).notebook == rebuilt(honest()).notebook


def test_sources_of_any_type_and_cells_of_any_type():
    theirs = honest()
    cell_of(theirs, "scale_answer")["source"] = ["def scale(x):\n", 3, None, "    return 2 * x"]
    theirs["cells"][0:0] = [None, 3, "x", [], {}, {"cell_type": 7}, {"cell_type": "code", "source": 4, "metadata": []}]
    theirs["cells"].append({"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["scale"]}}, "source": {"a": 1}})
    assert rebuilt(theirs).notebook == rebuilt(honest()).notebook


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-32"),
    ],
    ids=["byte-order-mark", "utf-16", "utf-16-le", "utf-32"],
)
def test_encodings(encode):
    assert rebuilt(encode(json.dumps(honest()))).notebook == rebuilt(honest()).notebook


def test_bytes_that_are_no_text_are_replaced():
    broken = as_bytes(honest()).replace(b"return 2 * x", b"return 2 * x  # \xff\xfe")
    assert "return 2 * x  # \ufffd\ufffd" in cell_of(rebuilt(broken).notebook, "scale_answer")["source"]


def test_what_comes_out_can_be_written_to_a_file():
    theirs = honest()
    theirs["cells"].append(code("x = '\u202e\0\ud800'", id="mine"))
    cell_of(theirs, "why")["source"] = "half a pair \ud800"
    json.dumps(rebuilt(theirs).notebook, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"  \n", b"{", b"not json", b"3", b"[]", b"null", b'"text"', b"{}", b'{"cells": 3}', b'{"cells": "text"}',
        b'{"worksheets": {}}', b"[" * 100_000, b'{"cells":' * 100_000, b"\x00\x01\x02", b"\xff\xff\xff\xff",
        b"PK\x03\x04", b'{"cells": [' + b"[]," * 1_100_000 + b"[]]}",
    ],
    ids=range(18),
)  # fmt: skip
def test_what_cannot_be_read_gives_the_stub_notebook_and_a_sentence(content):
    result = rebuilt(content)
    assert texts(result) == [cell["source"] for cell in instructor()["cells"]]
    assert source_of(result.notebook).answered == frozenset()
    assert len(result.notes) == 1
    assert result.notes[0].startswith("Your notebook could not be read")


def test_a_notebook_without_cells_has_no_answers():
    result = rebuilt({"cells": []})
    assert texts(result) == [cell["source"] for cell in instructor()["cells"]]
    assert "not in your notebook" in result.notes[0]


def test_a_future_format_and_numbers_without_end_do_not_matter():
    theirs = as_bytes({**honest(), "nbformat": 7}).replace(b'"nbformat": 7', b'"nbformat": ' + b"9" * 10_000)
    assert rebuilt(theirs).notebook == rebuilt(honest()).notebook


def test_fifty_megabytes_of_outputs_are_read():
    theirs = honest()
    cell_of(theirs, "scale_answer")["outputs"] = [{"output_type": "stream", "text": "x" * 50_000_000}]
    assert rebuilt(theirs).notebook == rebuilt(honest()).notebook


def test_text_without_end_is_left_out_with_a_note():
    theirs = honest()
    theirs["cells"].insert(0, code("weights = '" + "0" * reading.MOST_TEXT + "'", id="weights"))
    result = rebuilt(theirs)
    assert result.notebook == rebuilt(honest()).notebook
    assert "left out" in result.notes[0]


def test_cells_without_end_are_cut_off_with_a_note():
    theirs = honest()
    theirs["cells"] += [code(f"x = {number}", id=f"x{number}") for number in range(reading.MOST_CELLS)]
    result = rebuilt(theirs)
    assert len(result.notebook["cells"]) <= reading.MOST_CELLS + len(instructor()["cells"])
    assert "more than 2000 cells" in result.notes[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
known_words = st.sampled_from(["scale_answer", "imports", "why", "scale", "title", "try-it", "other"])
strange_cells = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw", "heading"]) | json_values},
    optional={
        "source": st.text() | json_values,
        "id": known_words | json_values,
        "metadata": st.fixed_dictionaries({"nbgrader": st.fixed_dictionaries({"grade_id": known_words | json_values})})
        | json_values,
    },
)


@settings(deadline=None)
@given(st.lists(strange_cells | json_values, max_size=8))
def test_every_notebook_gives_a_valid_one_with_the_instructors_cells_in_order(cells):
    result = rebuilt({"cells": cells})
    nbformat.validate(nbformat.from_dict(result.notebook))
    ours = [cell for cell in result.notebook["cells"] if origin_of(cell) != "student"]
    assert [cell["id"] for cell in ours] == [cell["id"] for cell in instructor()["cells"]]
    fixed = [cell["source"] for cell in ours if origin_of(cell) == "instructor"]
    assert fixed == [
        c["source"] for c in instructor()["cells"] if not c["metadata"].get("nbgrader", {}).get("solution")
    ]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all(content):
    assert texts(rebuilt(content)) == [cell["source"] for cell in instructor()["cells"]]
