"""Right answers to the class Value, written differently; `alternatives.py` collects them."""

import heapq
import math
from collections import Counter, deque

from assay.checks.answers import alternative


@alternative(of="Value")
class Closures:
    """Every result holds a function that passes its gradient on to its inputs."""

    def __init__(self, data, parents=()):
        self.data, self.grad = data, 0
        self.parents = set(parents)
        self.pass_on = lambda: None

    def wrap(self, other):
        return other if isinstance(other, Closures) else Closures(other)

    def __add__(self, other):
        other = self.wrap(other)
        out = Closures(self.data + other.data, (self, other))

        def pass_on():
            self.grad += out.grad
            other.grad += out.grad

        out.pass_on = pass_on
        return out

    def __mul__(self, other):
        other = self.wrap(other)
        out = Closures(self.data * other.data, (self, other))

        def pass_on():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.pass_on = pass_on
        return out

    def __pow__(self, exponent):
        return self.function(self.data**exponent, lambda out: exponent * self.data ** (exponent - 1))

    def function(self, data, slope):
        out = Closures(data, (self,))

        def pass_on():
            self.grad += slope(out) * out.grad

        out.pass_on = pass_on
        return out

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return other + (-self)

    __radd__ = __add__
    __rmul__ = __mul__

    def relu(self):
        return self.function(self.data if self.data > 0 else 0, lambda out: out.data > 0)

    def exp(self):
        return self.function(math.exp(self.data), lambda out: out.data)

    def tanh(self):
        return self.function(math.tanh(self.data), lambda out: 1 - out.data**2)

    def backward(self):
        order, seen = [], set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                for parent in value.parents:
                    visit(parent)
                order.append(value)

        visit(self)
        self.grad = 1
        for value in order[::-1]:
            value.pass_on()


class Operators:
    """All operators, in terms of `recorded(data, (input, slope), ...)`, which each alternative below has."""

    def lift(self, other):
        return other if isinstance(other, Operators) else type(self)(other)

    def __add__(self, other):
        other = self.lift(other)
        return self.recorded(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = self.lift(other)
        return self.recorded(self.data * other.data, (self, other.data), (other, self.data))

    def __sub__(self, other):
        return self + self.lift(other) * -1.0

    def __pow__(self, n):
        return self.recorded(pow(self.data, n), (self, n * pow(self.data, n - 1)))

    def __radd__(self, other):
        return self.lift(other) + self

    def __rsub__(self, other):
        return self * -1.0 + other

    def __rmul__(self, other):
        return self.lift(other) * self

    def relu(self):
        return self * float(self.data > 0)

    def exp(self):
        e = math.exp(self.data)
        return self.recorded(e, (self, e))

    def tanh(self):
        e = (2 * self).exp()
        return (e - 1) * (e + 1) ** -1


@alternative(of="Value")
class EveryPath(Operators):
    """Each use of a value passes its own share on at once: exponential, but right on small graphs."""

    def __init__(self, data, inputs=()):
        self.data, self.grad, self.inputs = data, 0.0, inputs

    def recorded(self, data, *inputs):
        return EveryPath(data, inputs)

    def backward(self, share=1.0):
        self.grad += share
        for source, slope in self.inputs:
            source.backward(share * slope)


@alternative(of="Value")
class CountingUses(Operators):
    """Kahn's topological order, without recursion: a value is ready when all its uses have reported."""

    def __init__(self, data, inputs=()):
        self.data, self.grad, self.inputs = float(data), 0.0, list(inputs)

    def recorded(self, data, *inputs):
        return CountingUses(data, inputs)

    def backward(self):
        uses, found, waiting = Counter(), {self}, [self]
        while waiting:
            for source, _ in waiting.pop().inputs:
                uses[source] += 1
                if source not in found:
                    found.add(source)
                    waiting.append(source)
        self.grad, ready = 1.0, deque([self])
        while ready:
            value = ready.popleft()
            for source, slope in value.inputs:
                source.grad += slope * value.grad
                uses[source] -= 1
                if not uses[source]:
                    ready.append(source)


@alternative(of="Value")
class YoungestFirst(Operators):
    """A result is always younger than its inputs, so the order of creation reversed is topological."""

    made = 0

    def __init__(self, data, inputs=()):
        self.data, self.grad, self.inputs = data, 0.0, inputs
        YoungestFirst.made += 1
        self.age = -YoungestFirst.made

    def recorded(self, data, *inputs):
        return YoungestFirst(data, inputs)

    def backward(self):
        self.grad = 1.0
        heap, queued = [(self.age, self)], {self.age}
        while heap:
            _, value = heapq.heappop(heap)
            for source, slope in value.inputs:
                source.grad += slope * value.grad
                if source.age not in queued:
                    queued.add(source.age)
                    heapq.heappush(heap, (source.age, source))


@alternative(of="Value")
class ForwardMode(Operators):
    """Every value knows its slope along everything it was computed from; backward only hands them out."""

    def __init__(self, data):
        self.data, self.grad = data, 0.0
        self.slopes = {self: 1.0}

    def recorded(self, data, *inputs):
        out = ForwardMode(data)
        for source, slope in inputs:
            for ancestor, inner in source.slopes.items():
                out.slopes[ancestor] = out.slopes.get(ancestor, 0.0) + slope * inner
        return out

    def backward(self):
        for ancestor, slope in self.slopes.items():
            ancestor.grad = slope


@alternative(of="Value")
class DepthFirstStack(Operators):
    """Depth first with a stack of its own instead of recursion; each class of node could have its own rule."""

    def __init__(self, data, inputs=()):
        self.data, self.grad, self.inputs = data, 0.0, inputs

    def recorded(self, data, *inputs):
        return Result(data, inputs)

    def backward(self):
        order, done, stack = [], set(), [(self, iter(self.inputs))]
        while stack:
            value, rest = stack[-1]
            source = next((source for source, _ in rest if source not in done), None)
            if source is None:
                stack.pop()
                if value not in done:
                    done.add(value)
                    order.append(value)
            else:
                stack.append((source, iter(source.inputs)))
        self.grad = 1.0
        while order:
            order.pop().pass_on()

    def pass_on(self):
        """A leaf has nobody to pass its gradient on to."""


class Result(DepthFirstStack):
    def pass_on(self):
        for source, slope in self.inputs:
            source.grad += slope * self.grad
