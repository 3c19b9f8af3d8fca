"""Pictures without a text get one, as nbconvert gives it to them, and nothing else of a page changes."""

import threading

import pytest
from bs4 import BeautifulSoup

from assay.notebook import kept as module
from assay.notebook.kept import kept
from assay.notebook.nbgrader_pages import NO_TEXT, with_alternative_texts
from assay.notebook.sanitised import clean_html


def by_nbconvert(page: str) -> str:
    soup = BeautifulSoup(page, "html.parser")
    for image in soup.select("img:not([alt])"):
        image.attrs["alt"] = NO_TEXT
    return str(soup)


@pytest.mark.parametrize(
    "page",
    [
        '<p><img src="a.png"/></p>',
        '<p><img src="a.png"></p>',
        "<img>",
        "<img/>",
        "<IMG SRC='a.png'><img\nsrc=a.png\n>",
        '<img alt="a"/><img src="b.png" alt=""/><img alt><img alt src="x"><img ALT="x">',
        '<img src="alt="><img title=" alt=&quot;x"><img data-alt="x"><img title="> alt=">',
        '<img title=\' alt="x"\'><img src="a"alt="b">',
        '<pre>&lt;img src="a.png"&gt;</pre><image src="x"><imgs>',
        '<script>let a = "<img src=x>"</script><img src="a.png"><style>/* <img> */</style>',
        '<!-- <img src="x"> --><img src="a.png"><!-- --><img src="b.png">',
        '<img src="a.png" alt="x > y"><p title="<img>">',
    ],
)
def test_the_same_pictures_get_a_text(page: str) -> None:
    assert str(BeautifulSoup(with_alternative_texts(page), "html.parser")) == by_nbconvert(page)


def test_what_was_cleaned_can_be_given_texts() -> None:
    hostile = (
        "<img src='x.png' title='\"><script>1</script>'><img src=\"x.png\" alt='<img>'><img src='x.png' title='<img '>"
    )
    page = clean_html(hostile)
    given = with_alternative_texts(page)
    assert str(BeautifulSoup(given, "html.parser")) == by_nbconvert(page)
    assert "<script" not in given and given.count(NO_TEXT) == 2


def test_a_result_is_made_once_for_each_text_and_setting() -> None:
    made: list[str] = []

    def make(text: str) -> str:
        made.append(text)
        return text.upper()

    for settings in (1, 1, 2):
        assert (
            kept("upper", settings, "a text of this test", lambda: make("a text of this test")) == "A TEXT OF THIS TEST"
        )
    assert len(made) == 2


def test_what_is_kept_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3000)
    for number in range(100):
        kept("long", None, f"{number:04d}" * 100, lambda: "x" * 100)
    assert module._size <= 3000
    assert module._size == sum(len(text) + len(result) for (_, _, text), result in module._results.items())


def test_threads_clean_at_the_same_time() -> None:
    texts = [f"<p onclick=x>{number}</p><script>{number}</script>" * 20 for number in range(40)]
    cleaned: dict[str, str] = {}

    def clean(some: list[str]) -> None:
        for text in some:
            cleaned[text] = clean_html(text)

    threads = [threading.Thread(target=clean, args=(texts[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cleaned == {text: clean_html(text) for text in texts}
    assert all("onclick" not in text and "<script" not in text for text in cleaned.values())
