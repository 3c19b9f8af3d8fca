"""What a course calls itself, read from its nbgrader_config.py without running it.

Its instructors write that file. The operator's programs do not run what instructors write.
"""

from __future__ import annotations

import ast
from pathlib import Path

from assay.errors import CourseError

FILE = "nbgrader_config.py"
_NAME = "c.CourseDirectory.course_id"


def course_id(root: Path) -> str:
    """Raises CourseError where there is no such file, or it does not simply set the name."""
    path = root / FILE
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"{root} is no course folder: it has no {FILE}. See docs/operators.md for what it needs."
        ) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise CourseError(f"{path} cannot be read ({error}). Correct it.") from error
    found = [
        node.value.value
        for node in ast.walk(module)
        if isinstance(node, ast.Assign)
        and any(ast.unparse(target) == _NAME for target in node.targets)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    if not found:
        raise CourseError(f'{path} does not say how the course is called. Add: {_NAME} = "name"')
    return found[-1]
