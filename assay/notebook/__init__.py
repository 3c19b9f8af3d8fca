"""Notebooks: what is read of a submission, and what nbgrader records of it."""

import sys

# jsonschema, which nbformat brings along, offers one more format for strings where this library is there. Nobody uses
# it here, and importing it takes longer (over a second) than all else that grading imports.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
