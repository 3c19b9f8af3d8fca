"""The exporter of nbgrader's feedback pages: nbconvert's own page, without doing the same work for every student.

The texts that an instructor wrote are the same on each page of a class, so what becomes of a text is kept. nbconvert
parses each finished page once more, to give pictures a text and cells a place in the order of the Tab key; here the
first is done by `with_alternative_texts`, and the second finds nothing on these pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from jinja2 import BytecodeCache, Environment, pass_context
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter

from assay.notebook.kept import kept

NO_TEXT = "No description has been provided for this image"  # as nbconvert says it
_TAG = re.compile(r"""<([a-z][^\s/>]*)((?:[^<>"'/]|"[^"]*"|'[^']*'|/(?!>))*+)(/?)>""", re.IGNORECASE)
_ALTERNATIVE = re.compile(r"""(?:^|[\s"'/])alt(?:[\s=/]|$)""", re.IGNORECASE)
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'")
_NOT_SHOWN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)


class FeedbackExporter(HTMLExporter):
    """nbconvert's HTML of a graded notebook."""

    optimistic_validation = True  # once, after all preprocessors

    def from_notebook_node(  # type: ignore[override]
        self, nb: Any, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        resources = self._init_resources(resources)
        about = nb.metadata.get("language_info", {})
        lexer = about.get("pygments_lexer", about.get("name", None))
        data_type = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        self.register_filter("highlight_code", self.filters.get("highlight_code", _highlighter(self, lexer)))
        self.register_filter("filter_data_type", data_type)
        page, resources = TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        return with_alternative_texts(page), resources

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """As HTMLExporter's filter; what it gives depends on the text alone where a cell has no attachments."""
        plainly: Callable[[Any, str], str] = super().markdown2html
        if context.get("cell", {}).get("attachments") or self.embed_images or self.lexer_options:
            return plainly(context, source)
        settings = (self.anchor_link_text, self.exclude_anchor_links)
        return kept("markdown", settings, source, lambda: plainly(context, source))

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = _compiled()
        return environment


def with_alternative_texts(page: str) -> str:
    """The page with a text for every picture that has none. Scripts, styles and comments stay as they are."""
    return "".join(part if number % 2 else _TAG.sub(_with_text, part) for number, part in enumerate(_in_turn(page)))


def _in_turn(page: str) -> Iterator[str]:
    """What is shown, what is not, what is shown, ..."""
    end = 0
    for hidden in _NOT_SHOWN.finditer(page):
        yield page[end : hidden.start()]
        yield hidden[0]
        end = hidden.end()
    yield page[end:]


def _with_text(tag: re.Match[str]) -> str:
    name, attributes, slash = tag.groups()
    if name.lower() != "img" or _ALTERNATIVE.search(_VALUE.sub('""', attributes)):
        return tag[0]
    return f'<{name}{attributes} alt="{NO_TEXT}"{slash}>'


def _highlighter(exporter: FeedbackExporter, lexer: str | None) -> Callable[..., str]:
    plainly = Highlight2HTML(pygments_lexer=lexer, parent=exporter)

    def highlight(source: str, language: str | None = None, metadata: Any = None) -> str:
        named = (metadata or {}).get("magics_language")
        return kept("code", (lexer, language, named), source, lambda: plainly(source, language, metadata))

    return highlight


class _Memory(BytecodeCache):
    """The templates that this process has compiled."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


@lru_cache(maxsize=1)
def _compiled() -> _Memory:
    return _Memory()
