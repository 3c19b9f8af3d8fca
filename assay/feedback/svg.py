"""Small drawings as SVG, and as the images that a page shows.

A page gets them as `img`, where a browser runs no script, loads nothing and keeps styles to the drawing: so they
stay whole through the sanitisers of nbconvert and JupyterLab, and harmless whoever made them. Each drawing has a light
ground of its own, as a plot of matplotlib has: an image cannot know whether the page around it is light or dark.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from assay.feedback.public import clean

CHARACTER = 6.7  # width of a character of numbers, in pixels
LINE = 15  # height of a line of text
MARGIN = 10

_FITTED = "display: inline-block; max-width: 100%; height: auto; vertical-align: top; margin: 2px;"
_STYLE = """
text{font:11px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}
.title{font:600 12px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.quiet{fill:#59636e}.m{text-anchor:middle}.e{text-anchor:end}.b{font-weight:700}
.card{fill:#fff;stroke:#d1d9e0}.line{stroke:#59636e;fill:none}.rule{stroke:#d1d9e0;fill:none}
.mark{fill:none;stroke:#1f2328;stroke-width:1.6}.node{fill:#fff;stroke:#1f2328;stroke-width:1.5}
.edge{stroke:#59636e;stroke-width:1.6;fill:none}.odd{stroke:#b3261e;stroke-width:3;fill:none}.tip{fill:#59636e}
.s0{stroke:#0b62a8}.s1{stroke:#b5500b}.s2{stroke:#08745a}.s3{stroke:#8a3f86}.s4{stroke:#7a6000}.s5{stroke:#3f4750}
.c{fill:none;stroke-width:2}.g{stroke:none;fill:#1f2328}.on-light{fill:#111}.on-dark{fill:#fff}
"""


@dataclass(frozen=True)
class Drawing:
    """An SVG drawing of so many pixels, and the sentence that says what it shows."""

    width: float
    height: float
    body: str
    says: str

    @property
    def svg(self) -> str:
        """The drawing as an SVG document."""
        width, height = round(self.width), round(self.height)
        says = escape(clean(self.says))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label="{says}"><title>{says}</title>'
            f"<style>{_STYLE}</style>"
            f'<rect class="card" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="6"/>{self.body}</svg>'
        )

    @property
    def image(self) -> str:
        """The drawing as an HTML image."""
        data = b64encode(self.svg.encode()).decode("ascii")
        return (
            f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(clean(self.says))}" '
            f'width="{round(self.width)}" height="{round(self.height)}" style="{_FITTED}">'
        )


def text(x: float, y: float, words: str, style: str = "") -> str:
    """Words with their baseline at (x, y). `style` names classes of the style sheet."""
    kind = f' class="{style}"' if style else ""
    return f'<text x="{at(x)}" y="{at(y)}"{kind}>{escape(clean(words))}</text>'


def path(points: Iterable[tuple[float, float]], style: str) -> str:
    """A line through points."""
    steps = " ".join(f"{'L' if i else 'M'}{at(x)} {at(y)}" for i, (x, y) in enumerate(points))
    return f'<path class="{style}" d="{steps}"/>' if steps else ""


def at(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
