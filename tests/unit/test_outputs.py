"""What student code printed and drew is shown as text and checked pictures, whatever it claims to be."""

import base64
import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.notebook.outputs import MOST_SIDE, Allowance, error_output, safe_outputs
from tests.support.notebooks import code, notebook

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080004000301011100ffd9")


def safe(*outputs: object, **allowance: int) -> list[dict]:
    return safe_outputs(list(outputs), Allowance(**allowance))


def shown(data: dict, kind: str = "display_data") -> dict | None:
    kept = safe({"output_type": kind, "data": data, "metadata": {"isolated": True}, "transient": {}})
    return kept[0]["data"] if kept else None


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def stream(text: object, name: object = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def test_text_and_pictures_are_kept():
    data = {"text/plain": "<Figure>", "image/png": encoded(PNG), "image/jpeg": encoded(JPEG)}
    assert shown(data) == data


@pytest.mark.parametrize(
    "mime",
    [
        "text/html", "text/markdown", "text/latex", "image/svg+xml", "application/javascript", "application/json",
        "text/vnd.mermaid", "application/vnd.jupyter.widget-view+json", "application/pdf", "IMAGE/PNG", "image/gif",
    ],
)  # fmt: skip
def test_everything_else_is_left_out(mime):
    assert shown({mime: "<script>alert(1)</script>"}) is None
    assert shown({mime: "<script>alert(1)</script>", "text/plain": "x"}) == {"text/plain": "x"}


@pytest.mark.parametrize(
    "value",
    [
        "", "not base64!", 'x" onerror="alert(1)', encoded(b"<svg onload=alert(1)>"), 7, None, {"a": 1},
        encoded(PNG[:20]),
        encoded(PNG[:16] + (MOST_SIDE + 1).to_bytes(4, "big") + PNG[20:]),
        encoded(PNG[:16] + bytes(4) + PNG[20:]),
        encoded(JPEG[:20]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mime", ["image/png", "image/jpeg"])
def test_what_is_no_picture_is_left_out(mime, value):
    assert shown({mime: value}) is None


def test_a_picture_of_one_kind_is_not_taken_for_another():
    assert shown({"image/png": encoded(JPEG)}) is None
    assert shown({"image/jpeg": encoded(PNG)}) is None


def test_pictures_are_encoded_anew():
    lines = [encoded(PNG)[:40] + "\n", encoded(PNG)[40:], 3]
    assert shown({"image/png": lines}) == {"image/png": encoded(PNG)}


def test_metadata_does_not_survive():
    (kept,) = safe(
        {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {"text/html": 1}, "id": "a"}
    )
    assert kept == {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}}


def test_control_characters_are_dropped_and_colours_kept():
    (kept,) = safe(stream("a\x00b\x07\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J\tend\n"))
    assert kept["text"] == "ab\x1b[31mred\x1b[0m]0;title[2J\tend\n"


def test_streams_are_two_and_neighbours_are_joined():
    kept = safe(stream("a"), stream(["b", 3, "c"]), stream("d", "stderr"), stream("e", "elsewhere"))
    assert [(output["name"], output["text"]) for output in kept] == [
        ("stdout", "abc"),
        ("stderr", "d"),
        ("stdout", "e"),
    ]


def test_a_million_outputs_are_cut():
    kept = safe(*[{"output_type": "display_data", "data": {"text/plain": "x"}}] * 5000, pieces=10)
    assert len(kept) == 10


def test_long_text_is_cut_and_says_so():
    (kept,) = safe(stream("x" * 1000), text=10)
    assert kept["text"] == "x" * 10 + "\n... the rest was cut off ...\n"


def test_pictures_beyond_the_allowance_are_left_out():
    picture = {"output_type": "display_data", "data": {"image/png": encoded(PNG)}}
    assert len(safe(picture, picture, pictures=len(encoded(PNG)))) == 1


@pytest.mark.parametrize(
    "deciding",
    [
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []},
        {"output_type": "execute_result", "data": {"text/plain": "0.5"}},
        stream("warning", "stderr"),
    ],
    ids=["error", "result", "stderr"],
)
def test_cutting_never_removes_what_decides_a_score(deciding):
    noise = {"output_type": "display_data", "data": {"text/plain": "x"}}
    kept = safe(*[noise] * 50, deciding, *[noise] * 50, pieces=5, text=3)
    assert kept[-1]["output_type"] == deciding["output_type"]
    assert len(kept) == 6


@pytest.mark.parametrize("data", [{}, None, 3, {"text/html": "<b>"}, {"text/plain": ""}, {"text/plain": 4}])
def test_a_result_always_has_the_text_that_nbgrader_looks_for(data):
    (kept,) = safe({"output_type": "execute_result", "data": data, "execution_count": "x"})
    assert kept["data"]["text/plain"]
    assert kept["execution_count"] is None


def test_errors_keep_name_message_and_lines():
    (kept,) = safe({"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["one", 2, "three"]})
    assert (kept["ename"], kept["evalue"], kept["traceback"]) == ("ValueError", "no", ["one", "", "three"])
    (kept,) = safe({"output_type": "error", "ename": 3, "evalue": None, "traceback": "one\ntwo"})
    assert (kept["ename"], kept["evalue"], kept["traceback"]) == ("", "", ["one", "two"])


@pytest.mark.parametrize(
    "outputs", [None, 3, "x", {}, [None, 3, "x", [], {}, {"output_type": 3}, {"output_type": "x"}]]
)
def test_outputs_of_wrong_types_are_left_out(outputs):
    assert safe_outputs(outputs, Allowance()) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=6,
)
words = st.sampled_from(["stream", "error", "execute_result", "display_data", "stderr", "text/plain", "image/png"])
outputs = st.dictionaries(
    st.sampled_from(["output_type", "name", "text", "data", "ename", "evalue", "traceback", "metadata"]),
    words | json_values | st.dictionaries(words, json_values),
)


@settings(deadline=None)
@given(st.lists(outputs | json_values))
def test_every_list_of_outputs_gives_a_valid_one(outputs):
    cell = code("x", id="x")
    cell["outputs"] = safe_outputs(outputs, Allowance())
    nbformat.validate(nbformat.from_dict(notebook(cell)))
    json.dumps(cell, ensure_ascii=False).encode("utf-8")


def test_our_own_error_is_a_valid_output():
    cell = code("x", id="x")
    cell["outputs"] = [error_output("CellTimeoutError", "too slow")]
    nbformat.validate(nbformat.from_dict(notebook(cell)))


def test_colours_that_would_take_a_page_minutes_are_left_out():
    many = safe(stream("\x1b[31ma" * 100_000))
    assert many[0]["text"] == "a" * 100_000
    assert safe(stream("\x1b[" + "1;" * 1000 + "1mred"))[0]["text"].count("\x1b") == 0
    few = "\x1b[0;31mError\x1b[0m\n" * 200
    assert safe(stream(few))[0]["text"] == few
