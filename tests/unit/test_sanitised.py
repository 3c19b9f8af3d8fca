"""What is left of HTML on a feedback page: our pictures and tables whole, and nothing that runs or loads."""

from html.parser import HTMLParser

import pytest

from assay.feedback.html import as_html
from assay.notebook.sanitised import clean_html
from assay.outcome import Call, CheckResult, Counterexample, Outcome, Picture

SVG = "data:image/svg+xml;base64,PHN2Zy8+"


def feedback() -> str:
    checks = []
    for kind, shape in (
        ("matrix", (2, 2)),
        ("matrix", (4,)),
        ("image", (1, 2, 2, 2)),
        ("graph", (3, 3)),
        ("curve", (5, 2)),
    ):
        size = 1
        for side in shape:
            size *= side
        pictures = tuple(
            Picture(name, kind, shape, tuple(map(float, range(i, size + i))))
            for i, name in enumerate(("x", "got", "expected"))
        )
        call = Call("f", (("x", "[1, 2]"),), "[3]")
        example = Counterexample((call,), "[3]", "[4]", pictures)
        checks.append(
            CheckResult(
                "n", "t", f"works <{kind}> & well", 2.0, Outcome.FAILED, "got", "hint", example, diagnosis=("a", "b")
            )
        )
    return as_html(checks, ["a cell stopped"])


def test_feedback_comes_through_as_it_is() -> None:
    assert clean_html(feedback()) == feedback()


class Loads(HTMLParser):
    """Whatever a browser would run, load or follow."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {
            "script",
            "style",
            "svg",
            "math",
            "iframe",
            "object",
            "embed",
            "form",
            "input",
            "link",
            "meta",
            "base",
        }:
            self.found.append(tag)
        for name, value in attrs:
            text = "".join((value or "").split()).lower()
            harmless = text.startswith("data:image/") if name == "src" else "url(" not in text
            if name.startswith("on") or name in {"srcset", "srcdoc", "xlink:href", "formaction"} or not harmless:
                self.found.append(f"{name}={value}")
            if name == "href" and not text.startswith(("https://", "http://", "mailto:", "#")):
                self.found.append(f"{name}={value}")


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<svg><foreignObject><iframe src=https://evil.example></iframe></foreignObject></svg>",
        "<svg><use href='https://evil.example/x.svg#a'/><image href='https://evil.example/x.png'/></svg>",
        "<style>body{background:url(https://evil.example)}</style>",
        "<div style='background:url(https://evil.example);position:fixed;inset:0'>covered</div>",
        "<table style='background-image:url(https://evil.example);position:fixed'><tr><td>x</td></tr></table>",
        "<img src=https://evil.example/x.png>",
        "<img src=//evil.example/x.png>",
        "<img src='/hub/logout.png'>",
        "<img src='../../../hub/x.png'>",
        "<img src=x onerror=alert(1)>",
        "<img srcset='https://evil.example/x.png 1x'>",
        "<img src='data:text/html;base64,PHNjcmlwdD4='>",
        f"<img src='{SVG}' onload=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' java\nscript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        f"<a href='{SVG}'>x</a>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data='https://evil.example'></object><embed src='https://evil.example'>",
        "<form action='https://evil.example'><input name=a><button formaction=x>b</button></form>",
        "<link rel=stylesheet href=https://evil.example><meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href=https://evil.example>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<details ontoggle=alert(1) open><summary>x</summary></details>",
    ],
)
def test_nothing_is_run_or_loaded(html: str) -> None:
    assert Loads(html).found, "the case is harmless to begin with"
    assert Loads(clean_html(html)).found == []


@pytest.mark.parametrize(
    "html",
    [
        f"<img src='{SVG}#\"><script>alert(1)</script>'>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<!--><script>alert(1)</script>-->",
        "<![CDATA[><script>alert(1)</script>]]>",
        "<table><caption><p id='</p><script>alert(1)</script>'>",
    ],
)
def test_nothing_comes_out_that_parsers_take_for_different_things(html: str) -> None:
    assert Loads(clean_html(html)).found == []


def test_what_an_instructor_writes_stays() -> None:
    html = (
        '<h1 id="a">Title</h1><p>Text with <em>stress</em>, <a href="https://example.org/x">a link</a> and '
        '<img alt="a kernel" src="pictures/kernel.png"></p><table><thead><tr><th>a</th></tr></thead></table>'
    )
    assert clean_html(html) == html


@pytest.mark.parametrize(
    "style",
    ["display: none;", "margin: -2000px;", "height: 0;", "margin-left: 0; position: fixed;", "text-align:right"],
)
def test_no_style_but_ours_is_kept(style: str) -> None:
    assert clean_html(f'<table style="{style}"></table>') == "<table></table>"
    assert clean_html('<p style="text-align: center;">x</p>') == "<p>x</p>"


def test_bytes_are_text() -> None:
    assert clean_html(b"<p>x</p>") == "<p>x</p>"
