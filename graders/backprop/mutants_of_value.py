"""Wrong answers to the class Value; `mutants.py` collects them."""

import math
from functools import partial

import numpy as np
from reference import Value, ancestors_first

from assay.checks.answers import mutant

wrong = partial(mutant, of="Value")


class Right(Value):
    """The right answer, written so that each mutant below replaces one method."""

    def node(self, data, *inputs):
        return type(self)(data, inputs)

    def wrap(self, other):
        return other if isinstance(other, Value) else type(self)(other)

    def __add__(self, other):
        other = self.wrap(other)
        return self.node(self.data + other.data, (self, 1.0), (other, 1.0))

    def __sub__(self, other):
        other = self.wrap(other)
        return self.node(self.data - other.data, (self, 1.0), (other, -1.0))

    def __mul__(self, other):
        other = self.wrap(other)
        return self.node(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, exponent):
        return self.node(self.data**exponent, (self, exponent * self.data ** (exponent - 1)))

    def __rsub__(self, other):
        return self.wrap(other) - self

    def relu(self):
        return self.node(max(self.data, 0.0), (self, float(self.data > 0)))

    def exp(self):
        return self.node(math.exp(self.data), (self, math.exp(self.data)))

    def tanh(self):
        return self.node(math.tanh(self.data), (self, 1 - math.tanh(self.data) ** 2))


@wrong(says="You write grad = ... A value that is used twice gets gradient from both uses: grad += ...")
class GradOverwritten(Right):
    def backward(self):
        self.grad = 1.0
        for value in reversed(ancestors_first(self)):
            for source, slope in value.inputs:
                source.grad = slope * value.grad


@wrong(says="You pass gradient on before all of it has arrived, and pass it on again: order the graph first.")
class PassedOnTooEarly(Right):
    def backward(self):
        self.grad = 1.0
        self.pass_on()

    def pass_on(self):
        for source, slope in self.inputs:
            source.grad += slope * self.grad
        for source in dict.fromkeys(source for source, _ in self.inputs):
            source.pass_on()


@wrong(says="Breadth first is no topological order: a value may be near the result by one way and far by another.")
class BreadthFirst(Right):
    def backward(self):
        self.grad = 1.0
        order = [self]
        for value in order:
            for source, slope in value.inputs:
                source.grad += slope * value.grad
                if source not in order:
                    order.append(source)


@wrong(says="Depth first, each value once, handles a value before all that use it. Collect the order first.")
class DepthFirstPreorder(Right):
    def backward(self):
        self.grad = 1.0
        seen = set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                for source, slope in value.inputs:
                    source.grad += slope * value.grad
                for source, _ in value.inputs:
                    visit(source)

        visit(self)


@wrong(says="You go through the graph from the leaves to the result. Gradient flows the other way: reversed(...).")
class NotReversed(Right):
    def backward(self):
        self.grad = 1.0
        for value in ancestors_first(self):
            for source, slope in value.inputs:
                source.grad += slope * value.grad


@wrong(says="Gradient stops after one step. Go on to the inputs of the inputs.")
class OneStepOnly(Right):
    def backward(self):
        self.grad = 1.0
        for source, slope in self.inputs:
            source.grad += slope


@wrong(says="Backward starts with d out / d out = 1. Yours starts with 0, so all gradients are 0.")
class StartsAtZero(Right):
    def backward(self):
        for value in reversed(ancestors_first(self)):
            for source, slope in value.inputs:
                source.grad += slope * value.grad


@wrong(says="Backward starts with d out / d out = 1, not with the value of out.")
class StartsAtData(Right):
    def backward(self):
        self.grad = self.data
        for value in reversed(ancestors_first(self)):
            for source, slope in value.inputs:
                source.grad += slope * value.grad


@wrong(says="The chain rule multiplies: slope times the gradient that arrives. You pass on the slope alone.")
class NoChainRule(Right):
    def backward(self):
        self.grad = 1.0
        for value in reversed(ancestors_first(self)):
            for source, slope in value.inputs:
                source.grad += slope


@wrong(says="In a + a or a * a both inputs are the same value. A dict or set keeps only one of them.")
class InputsInADict(Right):
    def __init__(self, data, inputs=()):
        super().__init__(data, tuple(dict(inputs).items()))


@wrong(says="The slope of a * b along a is b. You used each factor for itself.")
class OwnFactor(Right):
    def __mul__(self, other):
        other = self.wrap(other)
        return self.node(self.data * other.data, (self, self.data), (other, other.data))


@wrong(says="The slope of a - b along b is -1.")
class SubtractionLikeAddition(Right):
    def __sub__(self, other):
        other = self.wrap(other)
        return self.node(self.data - other.data, (self, 1.0), (other, 1.0))


@wrong(says="The slope of a ** n is n a ** (n - 1): the factor n is missing.")
class PowerWithoutFactor(Right):
    def __pow__(self, exponent):
        return self.node(self.data**exponent, (self, self.data ** (exponent - 1)))


@wrong(says="The slope of a ** n is n a ** (n - 1): the exponent stays n in yours.")
class ExponentNotLowered(Right):
    def __pow__(self, exponent):
        return self.node(self.data**exponent, (self, exponent * self.data**exponent))


@wrong(says="Exponents may be any number, such as -1 or 0.5. You treat them as whole and positive.")
class PowerByMultiplying(Right):
    def __pow__(self, exponent):
        result = self.wrap(1.0)
        for _ in range(int(exponent)):
            result = result * self
        return result


@wrong(says="The slope of tanh is 1 - tanh(a) ** 2: the output squared, not the input.")
class TanhSlopeOfInput(Right):
    def tanh(self):
        return self.node(math.tanh(self.data), (self, 1 - self.data**2))


@wrong(says="The slope of tanh is 1 - t ** 2. Yours, t (1 - t), is that of the sigmoid.")
class TanhLikeSigmoid(Right):
    def tanh(self):
        t = math.tanh(self.data)
        return self.node(t, (self, t * (1 - t)))


@wrong(says="The slope of exp is exp itself. You differentiated it like a power.")
class ExpLikeAPower(Right):
    def exp(self):
        return self.node(math.exp(self.data), (self, self.data * math.exp(self.data - 1)))


@wrong(says="The slope of exp at a is exp(a), not a.")
class ExpSlopeOfInput(Right):
    def exp(self):
        return self.node(math.exp(self.data), (self, self.data))


@wrong(says="A ReLU that is off passes no gradient. Yours passes all of it.")
class ReluAlwaysOpen(Right):
    def relu(self):
        return self.node(max(self.data, 0.0), (self, 1.0))


@wrong(says="The slope of a ReLU is 0 or 1. Yours is the output itself.")
class ReluSlopeOfOutput(Right):
    def relu(self):
        return self.node(max(self.data, 0.0), (self, max(self.data, 0.0)))


@wrong(says="A ReLU looks at its input, not at the sign of the gradient that arrives.")
class ReluOfTheGradient(Right):
    def backward(self):
        self.grad = 1.0
        for value in reversed(ancestors_first(self)):
            for source, slope in value.inputs:
                source.grad += slope * (max(value.grad, 0.0) if value.open else value.grad)

    open = False

    def relu(self):
        result = self.node(max(self.data, 0.0), (self, 1.0))
        result.open = True
        return result


@wrong(says="1 - v needs __rsub__: Python asks the right side when the left one is a plain number.")
class NoSubtractionFromNumbers(Right):
    def __rsub__(self, other):
        return NotImplemented  # as if it were not there


@wrong(says="1 - v is not v - 1: in __rsub__ the number comes first.")
class SubtractionTurned(Right):
    def __rsub__(self, other):
        return self - other


@wrong(says="2 * v needs __rmul__: Python asks the right side when the left one is a plain number.")
class NoNumberTimesValue(Right):
    def __rmul__(self, other):
        return NotImplemented  # as if it were not there


@wrong(says="2 + v needs __radd__: Python asks the right side when the left one is a plain number.")
class NoNumberPlusValue(Right):
    def __radd__(self, other):
        return NotImplemented  # as if it were not there


@wrong(says="v * 2 fails, because 2 has no .data. Wrap plain numbers into a Value first.")
class NumbersNotWrapped(Right):
    def wrap(self, other):
        return other


@wrong(says="Your numbers are cut off to whole ones. Keep data a float.")
class WholeNumbersOnly(Right):
    def __init__(self, data, inputs=()):
        super().__init__(int(data), inputs)


@wrong(says="v + 2 changes v itself. An operator returns a new Value.")
class AddsInPlace(Right):
    def __add__(self, other):
        if isinstance(other, Value):
            return super().__add__(other)
        self.data += other
        return self


@wrong(says="Keep Python's floats: float32 has seven digits, and checks of gradients need more.")
class SinglePrecision(Right):
    def __init__(self, data, inputs=()):
        super().__init__(np.float32(data), inputs)
