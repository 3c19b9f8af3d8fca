"""Check the checks: what an exercise owes its students before it is released.

The reference and every right alternative get all points; the stub as released gets none, zeros of the right shape
next to none; every known wrong answer loses points, whatever is drawn; every check is failed by one of them; what is
released is what the source gives; and the reference is far from every limit of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from assay.checks.answers import Answer
from assay.checks.suite import wrong_sums
from assay.course import Exercise
from assay.grading.bench import Bench, Spent
from assay.grading.kills import Kills, idle, kills_on, loses_points
from assay.grading.worthless import untouched, zeroed
from assay.outcome import CheckResult, Outcome

RULES = ("points", "release", "reference", "stub", "zeros", "alternatives", "mutants", "vacuous", "time")
SEEDS = 8
ZEROS_MAY_EARN = 0.1  # of the points of a task
TIME_SHARE = 1 / 3  # of a limit that the reference may take
MEASUREMENTS = 3  # at most, of what is too slow: a busy machine makes everything slower


@dataclass(frozen=True)
class Finding:
    """One thing that an exercise owes and does not give."""

    rule: str  # one of RULES
    about: str  # name of the answer, check, task, limit or assignment
    says: str  # for the author: what happened and what to do
    seed: int | None = None


@dataclass(frozen=True)
class Part:
    """A part of the proof that can be given by itself."""

    exercise: Exercise
    seed: int | None  # None: what does not depend on draws
    right: bool = True  # with the right answers
    closely: bool = True  # with the picture, for which every check looks at every wrong answer

    def __str__(self) -> str:
        return f"{self.exercise.name}, {'release' if self.seed is None else f'seed {self.seed}'}"


@dataclass(frozen=True)
class Proved:
    """What one part came to."""

    findings: tuple[Finding, ...]
    kills: Kills | None = None  # of the first seed
    share: float = 0.0  # of the limit of time that the reference came closest to


def parts_of(
    exercise: Exercise, *, seeds: int = SEEDS, right_seeds: int | None = None, closely: bool = True
) -> tuple[Part, ...]:
    """All parts, those that take longest first. `right_seeds`: of the right answers, if not as many."""
    right = range(seeds if right_seeds is None else right_seeds)
    return tuple(Part(exercise, seed, seed in right, closely) for seed in (*range(seeds), None))


def prove(part: Part) -> Proved:
    """Give one part of the proof. Raises AuthoringError where the exercise cannot be run at all."""
    bench, seed = _bench(part.exercise), part.seed
    if seed is None:
        return Proved(tuple(chain(points(bench), release(bench), stub(bench))))
    findings = [*reference(bench, seed), *(alternatives(bench, seed) if part.right else ())]
    kills = kills_on(bench, seed) if seed == 0 and part.closely else None
    findings += mutants(bench, seed, kills)
    if seed == 0:
        findings += [*zeros(bench), *vacuous(bench, kills)]  # many a check has failed one of the mutants by now
    shares = time_shares(bench, seed)
    findings += times(bench, seed, shares)
    return Proved(tuple(findings), kills, max(shares.values()))


def verify(exercise: Exercise, *, seeds: int = SEEDS) -> Iterator[Finding]:
    """Everything found wrong with an exercise, as it is found. Raises AuthoringError where it cannot be run at all."""
    for part in parts_of(exercise, seeds=seeds):
        yield from prove(part).findings


def gathered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, by rule, with the further seeds on which the same was found."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.rule, finding.about), []).append(finding)
    ordered = sorted(found.values(), key=lambda same: RULES.index(same[0].rule))
    return tuple(_as_one(same) for same in ordered)


def points(bench: Bench) -> Iterator[Finding]:
    """The checks of each task add up to the points of its marker cell."""
    exercise = bench.exercise
    checks = exercise.checks if exercise.checks.is_file() else None
    for sentence in wrong_sums(checks, exercise.reference, exercise.tasks):
        yield Finding("points", exercise.name, sentence)


def release(bench: Bench) -> Iterator[Finding]:
    """release/ holds what the source gives."""
    from assay.notebook.nbgrader_release import build, released  # seconds, that only this part has to wait for

    name, course = bench.exercise.assignment, bench.exercise.course
    wanted, there = build(course, name), released(course, name)
    stale = sorted(file for file in {*wanted, *there} if wanted.get(file) != there.get(file))
    if stale:
        what = "is not built yet" if not there else f"is not what source/{name} gives ({', '.join(stale)})"
        yield Finding("release", name, f"release/{name} {what}. Build it: assay release {name}")


def stub(bench: Bench) -> Iterator[Finding]:
    """The notebook as it is released, handed in untouched, earns nothing."""
    from assay.notebook.nbgrader_release import build

    exercise = bench.exercise
    for check in bench.load(untouched(exercise, build(exercise.course, exercise.assignment))):
        if check.earned:
            says = f"The released notebook, handed in untouched, earns points for {_told(check, 0)}"
            yield Finding("stub", check.name, says)


def reference(bench: Bench, seed: int) -> Iterator[Finding]:
    """The reference passes every check."""
    for check in bench.sound(seed):
        if check.outcome is not Outcome.PASSED:
            says = f"The reference does not pass {_told(check, seed)}"
            yield Finding("reference", check.name, says, seed)


def zeros(bench: Bench) -> Iterator[Finding]:
    """Results of the right structure, shape and dtype, but all zero, earn at most a tenth of each task."""
    changes = zeroed(bench.reference, bench.exercise.reference.stem)
    checks = bench.run(changes)
    for task in bench.exercise.tasks:
        earning = [check for check in checks if check.task == task.name and task.name in changes and check.earned]
        earned = sum(check.earned for check in earning)
        if earned > ZEROS_MAY_EARN * task.points + 1e-9:
            free = ", ".join(check.name for check in earning)
            says = (
                f"Zeros of the right shape earn {earned:g} of {task.points:g} points of {task.name} ({free}). "
                "Let these checks come after= the one of the values, or give their points to it."
            )
            yield Finding("zeros", task.name, says)


def alternatives(bench: Bench, seed: int) -> Iterator[Finding]:
    """Right answers written differently pass every check of their task."""
    for answer in bench.alternatives:
        names = [check.name for check in bench.about(answer, seed)]
        failed = frozenset(bench.failed(answer, names, seed=seed))
        changes = {answer.of: answer.function}
        for check in bench.run(changes, seed=seed, only=failed) if failed else ():
            says = f"The alternative {answer.name} of {answer.of} does not pass {_told(check, seed)}"
            yield Finding("alternatives", answer.name, says, seed)


def mutants(bench: Bench, seed: int, kills: Kills | None = None) -> Iterator[Finding]:
    """Every known wrong answer loses points. Where it is known who kills whom on this seed, nothing is run."""
    blocks = () if kills is None else kills.blocks
    first = {(block.function, victim.name): victim.first for block in blocks for victim in block.mutants}
    for answer in bench.mutants:
        known = (answer.of, answer.name) in first
        if first[answer.of, answer.name] is None if known else _keeps_points(bench, answer, seed):
            says = (
                f"The mutant {answer.name} of {answer.of} gets full points on seed {seed}. "
                f"Add a check that sees it: {answer.says}"
            )
            yield Finding("mutants", answer.name, says, seed)


def vacuous(bench: Bench, kills: Kills | None = None) -> Iterator[Finding]:
    """Every check is failed by some known wrong answer."""
    for name in idle(bench) if kills is None else kills.idle:
        says = f"No mutant fails the check {name}. Write one that does into mutants.py, or remove the check."
        yield Finding("vacuous", name, says)


def times(bench: Bench, seed: int, shares: Mapping[str, float]) -> Iterator[Finding]:
    """The reference takes at most a third of each limit of time, measured behind the border as the judge does."""
    for name, share in shares.items():
        limit = getattr(bench.exercise.limits, name)
        if share > TIME_SHARE:
            says = (
                f"The reference takes {share * limit:.3g} s of the {limit:g} s of {name} on seed {seed}, more than a "
                f"third. Set {name} to at least {share * limit / TIME_SHARE:.2g} in exercise.toml, or draw less."
            )
            yield Finding("time", name, says, seed)


@lru_cache(maxsize=16)
def _bench(exercise: Exercise) -> Bench:
    """One for all seeds, so that it learns which checks fail which answers."""
    return Bench(exercise)


def _as_one(same: list[Finding]) -> Finding:
    first = same[0]
    also = ", ".join(dict.fromkeys(str(one.seed) for one in same if one.seed not in (None, first.seed)))
    return replace(first, says=f"{first.says} The same on seeds {also}.") if also else first


def _keeps_points(bench: Bench, answer: Answer, seed: int) -> bool:
    names = [check.name for check in bench.about(answer, seed) if check.points]
    found = next(bench.failed(answer, bench.likeliest(answer, names), seed=seed), None)
    return found is None and not loses_points(bench, answer, seed)


def time_shares(bench: Bench, seed: int) -> dict[str, float]:
    """How much of each limit the reference takes, by the name of the limit; of several runs where it seems slow."""
    shares = _shares(bench, bench.measured(seed)[1])
    for _ in range(1, MEASUREMENTS):
        if max(shares.values()) > TIME_SHARE:
            again = _shares(bench, bench.measure(seed)[1])
            shares = {name: min(share, again[name]) for name, share in shares.items()}
    return shares


def _shares(bench: Bench, spent: Spent) -> dict[str, float]:
    """How much of each limit has been spent, by the name of the limit."""
    limits = bench.exercise.limits
    return {
        "call_seconds": spent.call_seconds / limits.call_seconds,
        "seconds": spent.seconds / limits.seconds,
        "cpu_seconds": spent.cpu_seconds / limits.cpu_seconds,
    }


def _told(check: CheckResult, seed: int) -> str:
    said = check.staff_note.strip().splitlines()[-1:] if check.outcome is Outcome.BROKEN else [check.message]
    return f'{check.name} ("{check.sentence}") on seed {seed}: {check.outcome}. {" ".join(said)}'.rstrip()
