"""The page that nbgrader makes of a graded notebook: our pictures are on it, and nothing that runs or loads.

A stand-in judge and a stand-in run take the sandbox's place, as in `test_nbgrader.py`.
"""

import base64
import json
import re
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import GetGrades

from assay.course import Course
from assay.notebook import visible
from assay.notebook.nbgrader_class import grade_class
from assay.notebook.nbgrader_pages import NO_TEXT
from assay.notebook.nbgrader_release import release, settings
from assay.notebook.nbgrader_services import Services
from assay.outcome import CheckResult, Counterexample, Outcome, Picture, Report
from tests.support.notebooks import SCALE_ANSWERS, answered, released, scale_course, submit

SVG = "data:image/svg+xml;base64,"
FORGED = "<svg xmlns='http://www.w3.org/2000/svg' onload='FORGED()'><script>FORGED()</script></svg>"
HOSTILE = {
    "text/html": (
        "<table aria-label='FORGED'><tr><td style='position:fixed'>FORGED</td></tr></table><script>FORGED()</script>"
        "<svg onload=FORGED()><foreignObject><iframe src=https://evil.example/FORGED></iframe></foreignObject></svg>"
        "<style>body{background:url(https://evil.example/FORGED)}</style><img src=https://evil.example/FORGED.png>"
        f"<img src='{SVG}{base64.b64encode(FORGED.encode()).decode()}' onerror=FORGED() alt='FORGED'>"
        "<a href='javascript:FORGED()'>FORGED</a>"
    ),
    "image/svg+xml": FORGED,
    "text/markdown": "<script>FORGED()</script> ![x](https://evil.example/FORGED.png) [x](javascript:FORGED())",
    "application/javascript": "FORGED()",
    "text/latex": "\\href{javascript:FORGED()}{x}",
}
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")  # of a script's output
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def pictures(kind: str, shape: tuple[int, ...]) -> tuple[Picture, ...]:
    size = 1
    for side in shape:
        size *= side
    return tuple(
        Picture(name, kind, shape, tuple(float((n + step) % 3 == 0) for n in range(size)))
        for step, name in enumerate(("x", "got", "expected"), start=1)
    )


def judge(exercise, source, *, secret, round, isolation, files) -> Report:
    checks = []
    for number, (kind, shape) in enumerate(
        {"matrix": (2, 2), "image": (1, 1, 3, 3), "graph": (3, 3), "curve": (6, 2)}.items()
    ):
        example = Counterexample((), "[[1]]", "[[2]]", pictures(kind, shape))
        checks.append(
            CheckResult(
                f"check_{kind}",
                "scale",
                f"{kind}!",
                float(number == 0) * 4,
                Outcome.FAILED,
                "no",
                counterexample=example,
            )
        )
    checks.append(CheckResult("shift", "shift", "shift!", 2.0, Outcome.PASSED))
    return Report(exercise.name, tuple(checks))


def run(isolation, notebook, *, libraries, files, limits) -> str:
    """A run in which every cell shows each hostile thing by itself, and all at once."""
    ran = json.loads(notebook)
    for cell in ran["cells"]:
        data = [*({mime: content} for mime, content in HOSTILE.items()), HOSTILE, {"image/png": DOT}]
        cell["outputs"] = [{"output_type": "display_data", "data": one, "metadata": {}} for one in data]
    return json.dumps(ran)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Course:
    course = scale_course(tmp_path_factory.mktemp("course"))
    release(course, "scale")
    submit(course, "student", "scale", answered(released(course, "scale"), SCALE_ANSWERS))
    return course


def pages_of(course: Course) -> tuple[BeautifulSoup, str]:
    """The page, and as text the one that nbgrader writes with its own parts."""
    services = Services(course, isolation=None, grade=judge, run_notebook=run)
    (result,) = grade_class(course, "scale", "student", services=services, force=True)
    assert result.error == ""
    page = BeautifulSoup((course.feedback / "student" / "scale" / "scale.html").read_text(), "html.parser")
    return page, stock_page(course)


def stock_page(course: Course) -> str:
    given = settings(course, "scale")
    del given["config"].GenerateFeedback.exporter_class
    del given["config"].GenerateFeedback.preprocessors
    converter = GenerateFeedback(**given)
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    assert type(exporter) is HTMLExporter and GetGrades in converter.preprocessors
    for preprocessor in converter.preprocessors:
        exporter.register_preprocessor(preprocessor)
    graded = str(course.autograded / "student" / "scale" / "scale.ipynb")
    return exporter.from_filename(graded, resources=converter.init_single_notebook_resources(graded))[0]


@pytest.fixture(scope="module")
def both(template) -> tuple[BeautifulSoup, str]:
    return pages_of(template)


@pytest.fixture(scope="module")
def page(both) -> BeautifulSoup:
    return both[0]


@pytest.fixture(scope="module")
def both_unguarded(template) -> tuple[BeautifulSoup, str]:
    """The page where a student's outputs came in as they are, which `outputs` does not let happen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visible, "safe_outputs", lambda outputs, allowance: outputs)
        return pages_of(template)


@pytest.fixture(scope="module")
def unguarded(both_unguarded) -> BeautifulSoup:
    return both_unguarded[0]


def ours(page: BeautifulSoup) -> list:
    drawn = [image for image in page.find_all("img") if not image.get("src", "").endswith(f",{DOT}")]
    return [image for image in drawn if "FORGED" not in str(image.get("alt", "FORGED"))]


def test_pictures_of_every_kind_are_on_the_page(page):
    images = ours(page)
    assert len(images) == 1 + (1 + 3) + (1 + 3) + (1 + 1)  # arguments and results; of a matrix the argument alone
    for image in images:
        assert image["src"].startswith(SVG)
        drawing = ElementTree.fromstring(base64.b64decode(image["src"].removeprefix(SVG)))
        assert drawing.get("aria-label") == image["alt"]
    (table,) = [table for table in page.find_all("table") if table.get("aria-label")]
    assert "got, expected and their difference. " in table["aria-label"]
    assert [head.get_text() for head in table.find_all("th", scope="colgroup")] == [
        "got (2, 2)", "expected (2, 2)", "difference (2, 2)",
    ]  # fmt: skip
    assert table.find("strong").get_text().startswith("\N{NOT EQUAL TO}")


def test_nothing_of_a_students_output_joins_them(page):
    text = "".join(str(tag) for tag in page.find_all(class_="output_wrapper") + page.find_all(class_="output"))
    assert "data:image/svg" in text and "FORGED" not in text and "evil.example" not in text


@pytest.mark.parametrize("which", ["page", "unguarded"])
def test_nothing_on_the_page_runs_or_loads(which, request):
    page = request.getfixturevalue(which)
    for tag in page.find_all(True):
        if tag.name == "script":
            assert "FORGED" not in tag.get_text()
        assert tag.name not in ("svg", "foreignobject", "iframe", "object", "embed", "form", "base", "math")
        assert not (tag.name == "style" and "evil.example" in tag.get_text())
        for name, value in tag.attrs.items():
            assert not name.startswith("on"), (tag.name, name)
            assert "position" not in str(value) or name != "style"
            if name in ("href", "src"):
                assert "javascript:" not in value and "evil.example" not in value


@pytest.mark.parametrize("which", ["both", "both_unguarded"])
def test_it_is_the_page_that_nbgrader_writes(which, request):
    page, stock = (RANDOM.sub("", str(one)) for one in request.getfixturevalue(which))
    assert page == stock
    assert NO_TEXT in stock


def test_the_page_without_the_first_layer_is_one_to_be_afraid_of(unguarded):
    assert "FORGED" in unguarded.get_text()
