"""The picture of `assay verify`: checks by wrong answers, who kills whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from assay.grading.kills import Block, Kills, Row, Victim, groups

CELL, GAP = 18, 8  # pixels: a cell, and between groups of wrong answers that the same check fails first
EM = 6.7  # width of a character of the names, in pixels
SLANT = (0.574, 0.819)  # cosine and sine of 55 degrees
MARGIN, TITLE, LEGEND = 24, 34, 40
POINTS = 46  # width of a check's points
HEAD, BELOW = 32, 30  # heights around a block
STYLE = """
  svg { --paper: #fff; --ink: #1c2330; --soft: #5b6575; --line: #dfe4ec; --first: #1d57a5; --also: #86b0e4;
        --none: #b9c1cd; --bad: #b3261e; background: var(--paper) }
  @media (prefers-color-scheme: dark) { svg { --paper: #14181f; --ink: #e8ebf0; --soft: #a3adbb; --line: #2c333f;
        --first: #8fc0ff; --also: #3f6ca6; --none: #566070; --bad: #ff8a80 } }
  text { font: 12px system-ui, sans-serif; fill: var(--ink) }
  .name { font: 11px ui-monospace, "DejaVu Sans Mono", monospace }
  .soft { fill: var(--soft) } .bad { fill: var(--bad); font-weight: 700 }
  .title { font-size: 17px; font-weight: 600 } .head { font-size: 13px; font-weight: 600 }
  .first { fill: var(--first) } .also { fill: var(--also) } .none { fill: var(--none) }
  .rule { stroke: var(--line); stroke-width: 1 } .row:hover .rule { stroke: var(--soft) }
""".strip()


@dataclass(frozen=True)
class Sizes:
    """What a whole picture has room for, in pixels."""

    names: float  # of checks, with their points
    beside: float  # to the right of the widest block: counts, and names that slant over its edge
    columns: float  # the widest block

    @property
    def left(self) -> float:
        return MARGIN + self.names + 12

    @property
    def width(self) -> float:
        return self.left + self.columns + self.beside + MARGIN


def as_svg(kills: Kills) -> str:
    """An SVG that stands for itself, light or dark as its reader's screen is. Shapes say what colours say."""
    sizes = _sizes(kills)
    parts: list[str] = []
    y = float(MARGIN + TITLE + LEGEND)
    for block in kills.blocks:
        parts += _block(block, sizes, y)
        y += _above(block) + CELL * len(block.checks) + BELOW
    size = f"{sizes.width:.0f} {y:.0f}"
    width, height = size.split()
    wrong, right = kills.counts
    title = f"{kills.exercise}: which checks fail which wrong answers"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{width}" height="{height}"',
            'role="img" aria-labelledby="title described">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="described">{escape(described(kills))}</desc>',
            f"<style>{STYLE}</style>",
            _text(MARGIN, MARGIN + 14, title, "title"),
            *_legend(MARGIN + TITLE + 10, f"{wrong} wrong and {right} right answers"),
            *parts,
            "</svg>\n",
        ]
    )


def described(kills: Kills) -> str:
    """The picture in words."""
    return " ".join(sentence for block in kills.blocks for sentence in _sentences(block))


def _sentences(block: Block) -> Iterator[str]:
    yield f"{block.function}, {len(block.mutants)} wrong answers:"
    for row in block.checks:
        failed, first = _counts(block, row)
        yield f"{row.name} fails {failed} and takes the points first of {first}."
    for victim in block.mutants:
        if victim.first is None:
            yield f"No check takes points from {victim.name}."


def _sizes(kills: Kills) -> Sizes:
    blocks = kills.blocks
    return Sizes(
        names=max((EM * len(row.name) for block in blocks for row in block.checks), default=0) + POINTS,
        beside=max([100.0, *(EM * len(victim.name) * SLANT[0] for block in blocks for victim in block.mutants)]),
        columns=max((x + CELL for block in blocks for x, _ in _columns(block)), default=300),
    )


def _above(block: Block) -> float:
    """Room for the heading of a block and the slanted names of its wrong answers."""
    return HEAD + 14 + SLANT[1] * EM * max((len(victim.name) for victim in block.mutants), default=0)


def _columns(block: Block) -> Iterator[tuple[float, Victim]]:
    """The wrong answers from left to right, and where."""
    x = 0.0
    for _, victims in groups(block):
        for victim in victims:
            yield x, victim
            x += CELL
        x += GAP


def _block(block: Block, sizes: Sizes, y: float) -> Iterator[str]:
    counted = f"{len(block.mutants)} wrong answers, {block.alternatives} right ones, {len(block.checks)} checks"
    yield f'<g aria-label="{escape(block.function)}">'
    yield _text(MARGIN, y + 14, block.function, "head name")
    yield _text(MARGIN + EM * 1.2 * len(block.function) + 14, y + 14, counted, "soft")
    top = y + _above(block)
    for x, victim in _columns(block):
        yield _answer(sizes.left + x + CELL / 2 + 2, top - 8, victim)
    for index, row in enumerate(block.checks):
        yield from _row(block, row, sizes, top + CELL * index)
    yield "</g>"


def _answer(x: float, y: float, victim: Victim) -> str:
    kind = "name" if victim.first else "name bad"
    name = victim.name if victim.first else f"! {victim.name}"
    turned = f'<text class="{kind}" transform="translate({x:.1f} {y:.1f}) rotate(-55)">'
    return f"{turned}{escape(name)}<title>{escape(victim.says)}</title></text>"


def _row(block: Block, row: Row, sizes: Sizes, y: float) -> Iterator[str]:
    middle = y + CELL / 2
    failed, _ = _counts(block, row)
    last = max((x + CELL for x, _ in _columns(block)), default=0)
    idle = "" if failed else " bad"
    yield '<g class="row">'
    for x, says in ((sizes.left - 12 - POINTS, row.name), (sizes.left - 12, f"{row.points:g} p" if row.points else "")):
        where = f'x="{x:.1f}" y="{middle + 4:.1f}" text-anchor="end"'
        yield f'<text class="name{idle}" {where}>{escape(says)}<title>{escape(row.sentence)}</title></text>'
    ends = f'x1="{sizes.left:.1f}" x2="{sizes.left + last:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"'
    yield f'<line class="rule" {ends}/>'
    for x, victim in _columns(block):
        yield _cell(sizes.left + x + CELL / 2, middle, row, victim)
    said = f"{failed} of {len(block.mutants)}" if failed else "! fails nobody"
    yield _text(sizes.left + last + 8, middle + 4, said, "soft" if failed else "bad")
    yield "</g>"


def _cell(x: float, y: float, row: Row, victim: Victim) -> str:
    if row.name == victim.first:
        kind, what, why = "first", "is the first check to take points from", f": {victim.says}"
    elif row.name in victim.killed_by:
        kind, what, why = "also", "fails", ""
    else:
        kind, what, why = "none", "does not fail", ""
    return _shape(x, y, kind, f"{row.name} {what} {victim.name}{why}")


def _shape(x: float, y: float, kind: str, says: str = "") -> str:
    title = f"<title>{escape(says)}</title>" if says else ""
    if kind == "first":
        return f'<rect class="first" x="{x - 7:.1f}" y="{y - 7:.1f}" width="14" height="14" rx="2">{title}</rect>'
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{5 if kind == "also" else 1.5}">{title}</circle>'


def _legend(y: float, counted: str) -> Iterator[str]:
    x = float(MARGIN)
    for kind, says in (("first", "fails, and takes the points first"), ("also", "fails too"), ("none", "passes")):
        yield _shape(x + 7, y, kind)
        yield _text(x + 20, y + 4, says, "soft")
        x += 44 + 6.2 * len(says)
    yield _text(x, y + 4, counted, "soft")


def _counts(block: Block, row: Row) -> tuple[int, int]:
    """How many wrong answers a check fails, and of how many it takes the points first."""
    failed = [victim for victim in block.mutants if row.name in victim.killed_by]
    return len(failed), sum(victim.first == row.name for victim in failed)


def _text(x: float, y: float, says: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(says)}</text>'
