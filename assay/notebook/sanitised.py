"""The HTML that a feedback page shows: text, lists, tables, and images that are part of the page.

It stands in for nbconvert's filter `clean_html` (`TemplateExporter.filters`), which writes tables and images out as
text, and is the second layer: what students print and write is made plain before (`outputs`, `shown`). So it may let
through what cannot run, load, or be told from the page's own words anyway. An SVG drawing inside `img` is such: there
a browser runs no script and loads nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from threading import get_ident

from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
from bleach.sanitizer import ALLOWED_TAGS, Cleaner  # type: ignore[import-untyped]

from assay.notebook.kept import kept

TAGS = {
    *ALLOWED_TAGS,
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "div", "span", "pre", "sub", "sup", "del"),
    *("table", "thead", "tbody", "tr", "th", "td", "caption", "img", "details", "summary"),
}
_ATTRIBUTES = {
    "*": {"class": r".*", "id": r".*", "aria-label": r".*"},
    "a": {"href": r"(?:https?://|mailto:|#)\S+", "title": r".*"},
    "abbr": {"title": r".*"},
    "img": {
        # Part of the page, or an instructor's file beside it.
        "src": r"data:image/(?:svg\+xml|png|jpeg|gif);base64,[A-Za-z0-9+/=]+|[\w%-][\w/%-]*\.(?:png|jpe?g|gif|svg)",
        "alt": r".*",
        "title": r".*",
        "width": r"\d{1,4}",
        "height": r"\d{1,4}",
    },
    "th": {"scope": r"row|col|rowgroup|colgroup", "colspan": r"\d{1,3}", "rowspan": r"\d{1,3}"},
    "td": {"colspan": r"\d{1,3}", "rowspan": r"\d{1,3}"},
}
# Of tables and images, to the letter: nothing that hides, covers or loads.
_STYLES = {
    "margin": "2px",
    "margin-left": "0",
    "text-align": "center",
    "display": "inline-block",
    "max-width": "100%",
    "height": "auto",
    "vertical-align": "top",
}


def clean_html(element: object) -> str:
    """HTML with nothing in it that runs, loads, or goes elsewhere unasked; the rest is written out as text."""
    text = element.decode() if isinstance(element, bytes) else str(element)
    return kept("clean", None, text, lambda: str(_cleaner(get_ident()).clean(text)))


@lru_cache(maxsize=16)
def _cleaner(thread: int) -> Cleaner:
    """Threads cannot share one."""
    return Cleaner(
        tags=TAGS,
        attributes=_allowed,
        protocols={"http", "https", "mailto", "data"},
        css_sanitizer=CSSSanitizer(allowed_css_properties=list(_STYLES)),
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "style":
        parts = [part.strip().partition(": ") for part in value.split(";") if part.strip()]
        return tag in ("table", "th", "td", "img") and all(_STYLES.get(what) == how for what, _, how in parts)
    pattern = {**_ATTRIBUTES["*"], **_ATTRIBUTES.get(tag, {})}.get(name)
    return pattern is not None and re.fullmatch(pattern, value, flags=re.DOTALL) is not None
