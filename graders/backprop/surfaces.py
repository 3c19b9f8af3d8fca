"""Functions of an array whose gradient is asked for: smooth, coupled across entries, strict about the shape."""

from dataclasses import dataclass

from assay.checks import *


@dataclass(repr=False)
class Surface:
    """f(x) = sum(a x^3) + sum(b x^2) + s^2 + 2 sin(s) with s = sum(c x); counts its calls."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    sine: float  # 2, or 0 in a quadratic
    calls: int = 0

    def __call__(self, x) -> float:
        if np.shape(x) != self.a.shape:
            raise ValueError(f"f was called with an array of shape {np.shape(x)}, but x has the shape {self.a.shape}")
        self.calls += 1
        x = np.asarray(x, dtype=np.float64)
        s = (self.c * x).sum()
        return float((self.a * x**3 + self.b * x**2).sum() + s**2 + self.sine * np.sin(s))

    def gradient(self, x: np.ndarray) -> np.ndarray:
        s = (self.c * x).sum()
        return 3 * self.a * x**2 + 2 * self.b * x + self.c * (2 * s + self.sine * np.cos(s))

    def __repr__(self) -> str:
        terms = (
            ["sum(b * x**2)", "s**2"] if self.sine == 0 else ["sum(a * x**3)", "sum(b * x**2)", "s**2", "2 * sin(s)"]
        )
        weights = [f"{name} = {show(getattr(self, name))}" for name in ("bc" if self.sine == 0 else "abc")]
        return f"f(x) = {' + '.join(terms)} with s = sum(c * x), {', '.join(weights)}".replace("\n", "")


@st.composite
def points(draw, axes=st.just(1), *, quadratic: bool = False, integers: bool = False):
    """(f, x): a surface and a point on it, with that many axes. Weights are whole, those of the squares positive."""
    shape = tuple(draw(st.integers(1, 3)) for _ in range(draw(axes)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(-3, 4, shape) if integers else rng.normal(size=shape).round(2)
    a, c = (rng.integers(-2, 3, shape).astype(float) for _ in "ac")
    b = rng.integers(1, 4, shape).astype(float)
    return Surface(0 * a, b, c, 0.0) if quadratic else Surface(a, b, c, 2.0), x
