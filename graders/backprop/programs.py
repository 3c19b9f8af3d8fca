"""Random programs of one operation a line, to run on a student's Values and on ours: a = 1.5; b = a * a; c = 2 - b.

All numbers stay moderate and away from the kink of the ReLU, so that rounding cannot decide.
"""

from collections.abc import Callable
from dataclasses import dataclass
from contextlib import contextmanager
from string import ascii_lowercase as NAMES

from reference import Value

from assay.checks import *
from assay.checks.compare import kind
from assay.errors import StudentError

LARGEST = 100.0  # of any intermediate result
AWAY = 0.05  # distance from kinks and poles


@dataclass(frozen=True)
class Operation:
    """How an operation is written, applied to (a, b, number), and which (a, number) it is drawn for."""

    text: str
    apply: Callable
    allowed: Callable = lambda a, number: True

    @property
    def binary(self) -> bool:
        return "{b}" in self.text

    def __reduce__(self) -> tuple:
        """Pickled by its text, since its functions have no name."""
        return written, (self.text,)


@dataclass(frozen=True)
class Line:
    """An operation on the results of the lines a and b, or an input, where there is no operation."""

    number: float
    operation: Operation | None = None
    a: int = 0
    b: int = 0

    def __str__(self) -> str:
        if self.operation is None:
            return f"{self.number:g}"
        return self.operation.text.format(a=NAMES[self.a], b=NAMES[self.b], n=f"{self.number:g}")


@dataclass(frozen=True)
class Program:
    lines: tuple[Line, ...]

    def run(self, make: Callable) -> list:
        """The results of all lines; inputs are `make(number)`."""
        results: list = []
        for line in self.lines:
            if line.operation is None:
                results.append(make(line.number))
            else:
                results.append(line.operation.apply(results[line.a], results[line.b], line.number))
        return results

    @property
    def inputs(self) -> list[int]:
        return [i for i, line in enumerate(self.lines) if line.operation is None]

    def __str__(self) -> str:
        return "; ".join(f"{name} = {line}" for name, line in zip(NAMES, self.lines, strict=False))


def attributes(values: list, names: list[str], attribute: str) -> tuple:
    """That attribute of some results, by name in messages. Raises Mismatch where a result is no Value."""
    found = []
    for value, name in zip(values, names, strict=True):
        if kind(value) != "object":
            raise Mismatch(f"{name} should be a Value", got=value, expected="a Value")
        found.append(getattr(value, attribute))
    return tuple(found)


@contextmanager
def told(program: Program, more: str = ""):
    """Errors inside begin with the program, since a student sees only the last of its operations otherwise."""
    try:
        yield
    except Mismatch as error:
        raise Mismatch(f"{program}{more}: {error.message}", got=error.got, expected=error.expected) from None
    except StudentError as error:
        raise StudentError(error.kind, f"{program}{more}: {error.message}") from None


def whole(number: float) -> bool:
    return float(number) in (2.0, 3.0)


SUM = Operation("{a} + {b}", lambda a, b, n: a + b)
DIFFERENCE = Operation("{a} - {b}", lambda a, b, n: a - b)
PRODUCT = Operation("{a} * {b}", lambda a, b, n: a * b)
POWER = Operation(
    "{a} ** {n}", lambda a, b, n: a**n, lambda a, n: whole(n) or a > AWAY * 4 or (n == -1 and a < -AWAY * 4)
)
RELU = Operation("{a}.relu()", lambda a, b, n: a.relu(), lambda a, n: abs(a) > AWAY)
EXP = Operation("{a}.exp()", lambda a, b, n: a.exp(), lambda a, n: a < 4)
TANH = Operation("{a}.tanh()", lambda a, b, n: a.tanh(), lambda a, n: abs(a) < 4)
WITH_NUMBERS = (
    Operation("{a} + {n}", lambda a, b, n: a + n),
    Operation("{n} + {a}", lambda a, b, n: n + a),
    Operation("{a} - {n}", lambda a, b, n: a - n),
    Operation("{n} - {a}", lambda a, b, n: n - a),
    Operation("{a} * {n}", lambda a, b, n: a * n),
    Operation("{n} * {a}", lambda a, b, n: n * a),
)
FUNCTIONS = (RELU, EXP, TANH)
EVERYTHING = (SUM, DIFFERENCE, PRODUCT, POWER, *FUNCTIONS, *WITH_NUMBERS)


def written(text: str) -> Operation:
    """The operation that is written so."""
    return next(operation for operation in EVERYTHING if operation.text == text)


inputs = st.builds(lambda below, sign: sign * (200 - below) / 100, st.integers(0, 190), st.sampled_from([1, -1]))
numbers = st.sampled_from([2, 3, 0.5, -1, 1.5, -2.5])  # whole ones are Python integers
exponents = st.sampled_from([2, 3, 0.5, -1])


@st.composite
def programs(draw, *operations: Operation, reuse: bool = False, steps: tuple[int, int] = (1, 6)):
    """Programs of some of these operations. Without `reuse` every result is used once, by the line after it."""
    program = Program(tuple(Line(draw(inputs)) for _ in range(draw(st.integers(1, 3)) if reuse else 1)))
    for _ in range(draw(st.integers(*steps))):
        longer = draw(extended(program, draw(st.sampled_from(operations)), reuse))
        program = longer if moderate(longer) else program
    assume(program.lines[-1].operation is not None)
    return program


@st.composite
def extended(draw, program: Program, operation: Operation, reuse: bool):
    """The program with one more operation, on its last result or the one before, and any other or a new input."""
    lines = program.lines
    number = draw(exponents if operation is POWER else numbers)
    last = len(lines) - 1
    if not operation.binary:
        return Program((*lines, Line(number, operation, last, last)))
    if not reuse:
        lines = (*lines, Line(draw(inputs)))
    other = draw(st.integers(0, last)) if reuse else last + 1
    a, b = draw(st.sampled_from([(last, other), (other, last)]))
    return Program((*lines, Line(number, operation, a, b)))


def moderate(program: Program) -> bool:
    """Whether the last operation may be applied, and to a result of moderate size."""
    line = program.lines[-1]
    before = Program(program.lines[:-1]).run(Value)[line.a].data
    if not line.operation.allowed(before, line.number):
        return False
    return abs(program.run(Value)[-1].data) < LARGEST
