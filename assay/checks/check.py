"""What an author writes above a check: one sentence for the student, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity

from assay.errors import AuthoringError

REVEALS = ("counterexample", "message", "sentence", "nothing")
EXAMPLES = 25
_MARK = "assay_check"
_PREPARED = "assay_prepared"


@dataclass(frozen=True, eq=False)
class Check:
    """One check as its author described it."""

    sentence: str
    points: float = 0.0
    hint: str = ""
    task: str | None = None
    about: str | None = None  # function it was made for; its task, unless `task` says otherwise
    after: Check | None = None
    reveals: str = "counterexample"
    examples: int = EXAMPLES


def check(
    sentence: str,
    *,
    points: float = 0.0,
    hint: str = "",
    task: str | None = None,
    after: Callable[..., Any] | None = None,
    reveals: str = "counterexample",
    examples: int = EXAMPLES,
    about: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of `student` a check. Outermost, over `@given`.

    `after` is another check: where that one failed, this one is not looked at and earns nothing.
    `reveals` is what a student sees of a failure: the `counterexample` and all else; the `message`, such as an
    accuracy, but no input; the `sentence`; or `nothing`.
    Raises AuthoringError for settings that make no sense.
    """
    if reveals not in REVEALS:
        raise AuthoringError(f"reveals={reveals!r} of {sentence!r} is unknown. Use {', '.join(REVEALS)}.")
    if points < 0 or examples < 1:
        raise AuthoringError(f"{sentence!r} needs points >= 0 and examples >= 1, not {points} and {examples}.")
    before = None if after is None else check_of(after)
    if after is not None and before is None:
        raise AuthoringError(f"after= of {sentence!r} is not a check. Name a function decorated with @check.")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        prepare(function, examples)
        mark = Check(sentence, float(points), hint, task, about, before, reveals, examples)
        setattr(function, _MARK, mark)
        return function

    return decorate


def points(
    worth: float, *, task: str | None = None, hint: str = "", reveals: str = "counterexample"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give points to a plain pytest test; its docstring is the sentence."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return check(sentence_of(function), points=worth, task=task, hint=hint, reveals=reveals)(function)

    return decorate


def check_of(function: object) -> Check | None:
    """The description of a check, or None for anything else."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, Check) else None


def sentence_of(function: Callable[..., Any]) -> str:
    """First line of the docstring, or the name in words."""
    text = (function.__doc__ or "").strip()
    return text.splitlines()[0] if text else function.__name__.removeprefix("test_").replace("_", " ")


def prepare(function: Callable[..., Any], examples: int) -> None:
    """Set how Hypothesis runs a test, if it is one: reproducible from a seed, silent, nothing stored.

    Raises AuthoringError where the author has set it.
    """
    if not is_property(function) or getattr(function, _PREPARED, False):
        return
    if getattr(function, "_hypothesis_internal_settings_applied", False):
        raise AuthoringError(
            f"{function.__name__} has its own @settings. Remove them and say examples=... in @check instead."
        )
    hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[each for each in HealthCheck if each is not HealthCheck.filter_too_much],
    )(function)
    test: Any = function
    test._hypothesis_internal_database_key = b""  # there is no database; else Hypothesis hashes the test's source
    test._hypothesis_internal_print_given_args = False  # nobody reads what Hypothesis prints
    setattr(function, _PREPARED, True)


def is_property(function: object) -> bool:
    """Whether Hypothesis draws its arguments."""
    return bool(getattr(function, "is_hypothesis_test", False))
