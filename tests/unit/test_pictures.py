"""Pictures of a counterexample: well formed, told in words, and not by colour alone."""

import base64
import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from assay.feedback.cells import Scale
from assay.feedback.compared import compared_of, place, sentence
from assay.feedback.graphs import graph_of, in_words, layout
from assay.feedback.html import as_html
from assay.feedback.pictures import compared_html, inputs_html, pictures_html
from assay.feedback.text import beside, graph_lines
from assay.outcome import MOST_ENTRIES, PICTURE_KINDS, CheckResult, Counterexample, Outcome, Picture

NAN, INF = math.nan, math.inf
SVG = "{http://www.w3.org/2000/svg}"


def picture(name: str, kind: str, shape: tuple[int, ...], values=None) -> Picture:
    values = range(math.prod(shape)) if values is None else values
    return Picture(name, kind, shape, tuple(map(float, values)))


def example(kind: str, shape: tuple[int, ...], got, expected, *more: Picture) -> Counterexample:
    return Counterexample(
        (), pictures=(*more, picture("got", kind, shape, got), picture("expected", kind, shape, expected))
    )


class Page(HTMLParser):
    """The images of a page, and its tags; whatever is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.images: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.words: list[tuple[str, str]] = []  # (tag it stands in, text)
        self._open: list[str] = []
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append({name: value or "" for name, value in attrs})
        else:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append((self._open[-1] if self._open else "", data))


def drawings(html: str) -> list[ElementTree.Element]:
    """Every image of a page as parsed XML."""
    start = "data:image/svg+xml;base64,"
    sources = [image["src"] for image in Page(html).images]
    assert all(source.startswith(start) for source in sources)
    return [ElementTree.fromstring(base64.b64decode(source.removeprefix(start))) for source in sources]


def written(drawing: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in drawing.iter(f"{SVG}text")]


ADJACENCY = (0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)  # 0-1-2, and 3 alone
EXAMPLES = {
    "matrix": example("matrix", (2, 2), [1, 2, 3, 4], [1, 2, 3, 5]),
    "vector": example("matrix", (3,), [1, 2, 3], [1, 2, 4]),
    "kernel": example("image", (1, 1, 2, 2), [1, 2, 3, 4], [1, 2, 3, 5], picture("x", "image", (1, 2, 3, 3))),
    "photograph": example("image", (28, 28), range(784), range(1, 785)),
    "planes": example("image", (3, 4, 2, 2), range(48), [0, *range(2, 49)]),
    "graph": example("graph", (4, 4), ADJACENCY, [0] * 16, picture("A", "graph", (4, 4), ADJACENCY)),
    "weighted": example("graph", (2, 2), [0.5, 0.5, 0, 0.5], [0.5, 0.4, 0.5, 0.5]),
    "curve": example("curve", (9, 2), range(18), range(1, 19), picture("g", "curve", (9,))),
    "nothing finite": example("image", (2, 2), [NAN] * 4, [INF, -INF, NAN, 0]),
    "curve without a finite point": example("curve", (5,), [NAN] * 5, [INF] * 5),
    "not finite": example("curve", (5,), [1, NAN, INF, -INF, 2], range(5)),
    "empty": example("image", (0, 3), [], []),
    "empty curve": example("curve", (0, 3), [], []),
    "empty graph": example("graph", (0, 0), [], []),
    "huge numbers": example("image", (2, 2), [1e308, -1e308, 1e-320, 0], [-1e308, 1e308, 0, 1]),
    "huge curve": example("curve", (6,), [1e308, -1e308] * 3, [0] * 6),
    "tiny numbers": example("curve", (6,), [1e-320, -1e-320] * 3, [0] * 6),
    "one value": example("image", (3, 3), [7] * 9, [7] * 9),
    "largest": example("image", (32, 32), range(1024), [0] * 1024),
    "largest graph": example("graph", (32, 32), [1] * 1024, [0] * 1024),
    "many columns": example("curve", (8, 128), range(1024), [0] * 1024),
    "part": Counterexample(
        (),
        pictures=tuple(
            picture(f"{name}[2, 5:9, 0:4]", "image", (4, 4), [i] * 16) for i, name in enumerate(("got", "expected"))
        ),
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_drawing_is_well_formed_and_told_in_words(name: str) -> None:
    html = pictures_html(EXAMPLES[name])
    for image, drawing in zip(Page(html).images, drawings(html), strict=True):
        assert drawing.tag == f"{SVG}svg" and drawing.get("role") == "img"
        title = drawing.find(f"{SVG}title")
        assert title is not None and title.text == image["alt"] == drawing.get("aria-label")
        assert len(image["alt"]) > 12 and image["alt"].endswith(".")
        assert image["width"] == drawing.get("width") and image["height"] == drawing.get("height")


@pytest.mark.parametrize("name", EXAMPLES)
def test_drawings_hold_shapes_and_words_alone(name: str) -> None:
    allowed = {"svg", "title", "style", "rect", "path", "circle", "text", "linearGradient", "stop"}
    for drawing in drawings(pictures_html(EXAMPLES[name])):
        tags = {element.tag.removeprefix(SVG) for element in drawing.iter()}
        assert tags <= allowed
        numbers = "".join(v for e in drawing.iter() for k, v in e.attrib.items() if k not in ("aria-label", "class"))
        assert "nan" not in numbers and "inf" not in numbers
        sides = float(drawing.get("width", 0)), float(drawing.get("height", 0))
        for element in drawing.iter(f"{SVG}text"):
            x, y = float(element.get("x", -1)), float(element.get("y", -1))
            assert 0 <= x <= sides[0] and 0 <= y <= sides[1], element.text


@pytest.mark.parametrize("name", EXAMPLES)
def test_pages_stay_small(name: str) -> None:
    assert len(pictures_html(EXAMPLES[name])) < 200_000


def test_a_matrix_is_a_table_with_its_wrong_entries_marked() -> None:
    page = Page(compared_html(EXAMPLES["matrix"]))
    assert not page.images and page.tags.count("table") == 1
    assert ("strong", "\N{NOT EQUAL TO}\N{NO-BREAK SPACE}4") in page.words and ("strong", "-1") in page.words
    assert [text for tag, text in page.words if tag == "strong"] == ["\N{NOT EQUAL TO}\N{NO-BREAK SPACE}4", "-1"]
    assert [text for tag, text in page.words if tag == "th" and not text.isdigit()] == [
        "got (2, 2)",
        "expected (2, 2)",
        "difference (2, 2)",
    ]


def test_a_vector_has_a_row_for_each() -> None:
    html = compared_html(EXAMPLES["vector"])
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    assert [re.sub(r"<[^>]+>", " ", row).split() for row in rows] == [
        ["0", "1", "2"],
        ["got", "1", "2", "\N{NOT EQUAL TO}", "3"],
        ["expected", "1", "2", "4"],
        ["difference", "=", "=", "-1"],
    ]


def test_small_heat_maps_hold_their_numbers_and_a_sign_where_they_differ() -> None:
    got, expected, difference = (written(drawing) for drawing in drawings(compared_html(EXAMPLES["kernel"])))
    assert "\N{NOT EQUAL TO} 4" in got and "3" in got
    assert "5" in expected and not any("\N{NOT EQUAL TO}" in word for word in expected)
    assert "-1" in difference and difference.count("=") == 3


def test_large_heat_maps_mark_what_differs_without_colour() -> None:
    html = compared_html(example("image", (20, 20), range(400), [*range(399), 7]))
    got, expected, difference = drawings(html)
    marks = [len(d.findall(f"{SVG}path[@class]")) for d in (got, expected, difference)]
    assert marks == [1, 0, 1]


def test_got_and_expected_share_one_scale() -> None:
    got, expected, _ = drawings(compared_html(example("image", (2, 2), [0, 1, 2, 3], [0, 1, 2, 30])))
    fills = [
        [r.get("fill") for r in d.iter(f"{SVG}rect") if r.get("fill", "").startswith("#")] for d in (got, expected)
    ]
    assert fills[0][:3] == fills[1][:3]
    assert written(got)[-2:] == written(expected)[-2:] == ["0", "30"]


def test_the_scales_grow_lighter_or_darker_all_the_way() -> None:
    scale = Scale(0.0, 1.0)
    light = [sum(w * c for w, c in zip((0.299, 0.587, 0.114), scale.colour(i / 20), strict=True)) for i in range(21)]
    assert light == sorted(light) and light[-1] - light[0] > 150


def test_nan_and_infinity_are_written_out() -> None:
    got, expected, _ = (written(drawing) for drawing in drawings(compared_html(EXAMPLES["nothing finite"])))
    assert "\N{NOT EQUAL TO} nan" in got and "inf" in expected and "-inf" in expected
    assert "nan" in compared_html(example("matrix", (2,), [NAN, 1], [0, 1]))
    (curve,) = drawings(compared_html(EXAMPLES["not finite"]))
    assert {"nan", "inf", "-inf"} <= set(written(curve))


def test_values_of_different_shapes_have_no_difference() -> None:
    for kind in PICTURE_KINDS:
        shapes = {"graph": ((2, 2), (3, 3)), "curve": ((5, 2), (6, 2)), "image": ((1, 2, 2), (2, 2))}
        one, other = shapes.get(kind, ((2, 3), (3, 2)))
        html = compared_html(Counterexample((), pictures=(picture("got", kind, one), picture("expected", kind, other))))
        assert "difference" not in re.sub(r"no difference to show", "", html)
        assert len(drawings(html)) == {"matrix": 0, "curve": 1}.get(kind, 2)
    assert sentence(compared_of(example_of_shapes())) == (  # type: ignore[arg-type]
        "got has the shape (2,), expected (2, 1): no difference to show."
    )


def example_of_shapes() -> Counterexample:
    return Counterexample((), pictures=(picture("got", "matrix", (2,)), picture("expected", "matrix", (2, 1))))


def test_a_vector_against_a_matrix_stands_in_a_table() -> None:
    page = Page(compared_html(example_of_shapes()))
    assert page.tags.count("table") == 1 and "no difference" in compared_html(example_of_shapes())


def test_the_judge_says_what_differs_where_it_does() -> None:
    close = example("matrix", (2,), [1.0, 2.0], [1.0, 2.0 + 1e-8])
    assert compared_of(close).wrong == frozenset()  # type: ignore[union-attr]
    said = Counterexample((), pictures=(*close.pictures, picture("differs", "matrix", (2,), [0, 1])))
    assert compared_of(said).wrong == frozenset({1})  # type: ignore[union-attr]
    assert "\N{NOT EQUAL TO}\N{NO-BREAK SPACE}2" in compared_html(said) and "2.00000001" in compared_html(said)


def test_sentences_say_how_many_differ_and_by_how_much() -> None:
    said = sentence(compared_of(example("matrix", (2, 3), [0, 0, 0.5, 0, NAN, 0], [0] * 6)))  # type: ignore[arg-type]
    assert said == "2 of 6 entries differ, 1 of them not finite; the largest difference is +0.5, at (0, 2)."
    part = compared_of(EXAMPLES["part"])
    assert part is not None and place(part.got, 5) == "(2, 6, 1)"
    assert sentence(part).startswith("In the part [2, 5:9, 0:4], 16 of 16 entries differ")


def test_a_part_counts_its_rows_and_columns_as_the_whole_does() -> None:
    words = written(drawings(compared_html(EXAMPLES["part"]))[0])
    assert words[0] == "got [2, 5:9, 0:4]"
    assert {"5", "6", "7", "8"} <= set(words)


def test_planes_that_differ_are_drawn_and_the_others_counted() -> None:
    changed = example("image", (3, 4, 2, 2), [*range(47), -1], range(48))
    words = written(drawings(compared_html(changed))[0])
    assert "[2, 3]" in words and "[0, 0]" not in words and "11 more, all equal" in words
    several = example("image", (3, 4, 2, 2), [-1, *range(1, 47), -1], range(48))
    words = written(drawings(compared_html(several))[0])
    assert {"[0, 0]", "[2, 3]", "10 more, all equal"} <= set(words)


def test_graphs_are_told_as_their_edges() -> None:
    graph = graph_of(picture("A", "graph", (4, 4), ADJACENCY))
    assert in_words(graph) == "4 nodes, edges 0-1, 1-2; node 3 without one"
    assert in_words(graph_of(picture("A", "graph", (2, 2), [0, 0.5, 0, 1]))) == "2 nodes, edges 0->1 (0.5), 1->1"
    assert in_words(graph_of(picture("A", "graph", (1, 1), [0]))) == "1 node, no edges"
    html = inputs_html(EXAMPLES["graph"])
    assert "edges 0-1, 1-2; node 3 without one" in Page(html).images[0]["alt"]
    assert {"0", "1", "2", "3"} <= set(written(drawings(html)[0]))


def test_layouts_keep_nodes_apart_and_are_always_the_same() -> None:
    for nodes in (1, 2, 3, 8, 32):
        chain = [float(abs(i - j) == 1) for i in range(nodes) for j in range(nodes)]
        graph = graph_of(picture("A", "graph", (nodes, nodes), chain))
        places = layout(graph)
        assert places == layout(graph) and len(places) == nodes
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in places)
        gaps = [math.dist(a, b) for i, a in enumerate(places) for b in places[:i]]
        assert min(gaps, default=1.0) > 0.01


def test_edges_that_differ_are_dashed() -> None:
    got, expected, difference = drawings(compared_html(EXAMPLES["graph"]))
    dashed = [[e for e in d.iter() if e.get("stroke-dasharray")] for d in (got, expected, difference)]
    assert [len(found) for found in dashed] == [2, 0, 2]
    assert written(difference).count("+1") == 2 and "dashed: differs" in written(got)


def test_nodes_whose_rows_differ_have_a_second_ring() -> None:
    rows = example("matrix", (4, 2), [0, 0, 0, 1, 0, 0, 0, 0], [0] * 8, picture("A", "graph", (4, 4), ADJACENCY))
    (drawing,) = drawings(inputs_html(rows))
    assert len([c for c in drawing.iter(f"{SVG}circle") if c.get("class") == "mark"]) == 1
    assert "Marked: node 1." in Page(inputs_html(rows)).images[0]["alt"]
    others = example("matrix", (3, 1), [0, 0, 1], [0] * 3, picture("A", "graph", (4, 4), ADJACENCY))
    assert "Marked" not in inputs_html(others)


def test_curves_are_solid_and_dashed_and_named() -> None:
    (drawing,) = drawings(compared_html(EXAMPLES["curve"]))
    lines = [e for e in drawing.iter(f"{SVG}path") if (e.get("class") or "").startswith("c ")]
    assert len([e for e in lines if e.get("stroke-dasharray")]) == 2 and len(lines) == 6
    assert {"got", "expected", "got - expected", "[:, 0]", "[:, 1]"} <= set(written(drawing))


def test_a_curve_of_a_few_points_is_a_table() -> None:
    assert "<table" in compared_html(example("curve", (2, 1), [1, 2], [1, 3]))


def test_one_entry_needs_no_picture() -> None:
    assert pictures_html(example("image", (1, 1, 1, 1), [1], [2])) == ""
    assert pictures_html(Counterexample(())) == ""


def test_pictures_without_the_numbers_they_claim_are_left_out() -> None:
    torn = Picture("got", "image", (3, 3), (1.0,))
    assert pictures_html(Counterexample((), pictures=(torn, picture("expected", "image", (3, 3))))) == ""
    assert pictures_html(Counterexample((), pictures=(Picture("x", "graph", (9, 9), ()),))) == ""


@pytest.mark.parametrize("kind", PICTURE_KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (4,), (2, 3), (1, 1), (0, 5), (5, 0), (1, 2, 3), (2, 1, 2, 1, 2)])
def test_any_kind_can_be_drawn_of_any_shape(kind: str, shape: tuple[int, ...]) -> None:
    value = picture("x", kind, shape)
    against = [value, picture("expected", kind, (2, 2)), picture("expected", kind, shape, [0.5] * len(value.values))]
    for expected in against:
        drawings(pictures_html(Counterexample((), pictures=(value, picture("got", kind, shape), expected))))


HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>]]>&\x00\x1b\ud83d\ufffe--><svg/onload=x>"


@pytest.mark.parametrize("kind", PICTURE_KINDS)
def test_names_are_words_wherever_they_stand(kind: str) -> None:
    hostile = picture(HOSTILE, kind, (4, 4))
    html = pictures_html(example(kind, (4, 4), range(16), range(1, 17), hostile))
    page = Page(html)
    assert set(page.tags) <= {"div", "img", "table", "thead", "tbody", "tr", "th", "td", "strong"}
    assert all(set(image) == {"src", "alt", "width", "height", "style"} for image in page.images)
    allowed = {"svg", "title", "style", "rect", "path", "circle", "text", "linearGradient", "stop"}
    for drawing in drawings(html):
        assert {element.tag.removeprefix(SVG) for element in drawing.iter()} <= allowed
        assert not any(name.startswith("on") for element in drawing.iter() for name in element.attrib)


def verdict(**more) -> CheckResult:
    given = {"sentence": "works", "task": "t", "name": "n", "counterexample": EXAMPLES["kernel"], **more}
    return CheckResult(points=1.0, outcome=Outcome.FAILED, **given)


def test_feedback_shows_pictures_only_where_a_counterexample_is_revealed() -> None:
    assert as_html([verdict()]).count("<img") == 4
    for reveals in ("message", "sentence", "nothing"):
        assert "<img" not in as_html([verdict(reveals=reveals)])
    for outcome in (Outcome.PASSED, Outcome.BROKEN):
        passed = CheckResult("n", "t", "works", 1.0, outcome, counterexample=EXAMPLES["kernel"])
        assert "<img" not in as_html([passed])
    assert "<img" not in as_html([verdict()], pictures=False)


def test_a_terminal_has_the_difference_beside_what_was_expected() -> None:
    shown = Counterexample((), "[[1, 2],\n [3, 4]]", "[[1, 2],\n [3, 5]]", EXAMPLES["matrix"].pictures)
    assert beside(shown).splitlines() == [
        "got           expected      difference",
        "[[1, 2],      [[1, 2],      [[ =,  =],",
        " [3, 4]]       [3, 5]]       [ =, -1]]",
    ]
    wide = Counterexample((), "1" * 44, "2" * 44, EXAMPLES["matrix"].pictures)
    assert "difference" not in beside(wide) and len(beside(wide).splitlines()) == 2


def test_a_terminal_has_the_edges_of_a_graph() -> None:
    assert list(graph_lines(EXAMPLES["graph"])) == ["A: 4 nodes, edges 0-1, 1-2; node 3 without one"]


def test_the_most_that_is_kept_is_what_can_be_drawn() -> None:
    assert math.prod((32, 32)) == MOST_ENTRIES
