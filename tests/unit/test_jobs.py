"""The rules of the job table, with a clock that the test sets."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import IntegrityError

from assay import database
from assay.errors import JobError
from assay.jobs.schema import event_table, job_table
from assay.jobs.table import (
    TRIES,
    Job,
    changing,
    enqueue,
    fail,
    finish,
    get,
    history,
    in_state,
    lease,
    of_subject,
    of_subjects,
    opened,
    place,
    put_back,
    reading,
    renew,
    retry,
    take_over,
    tell,
)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, sqlite_file: str) -> str:
    return sqlite_file if request.param == "sqlite" else request.getfixturevalue("postgres").new_database()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = opened(url)
    yield engine
    engine.dispose()


def grade(engine: Engine, subject: str, *, version: str = "1", priority: int = 0) -> Job:
    return enqueue(engine, "grade", subject, version, priority=priority, who="exchange", now=100)


def leased(engine: Engine, worker: str = "worker1", *, now: float = 100) -> Job:
    job = lease(engine, worker, 10, now=now)
    assert job is not None
    return job


def lost(engine: Engine, *, times: int) -> None:
    """That many workers take a job and are never heard of again."""
    for number in range(times):
        leased(engine, f"worker{number}", now=100 + 20 * number)


def whats(engine: Engine, job: Job) -> list[str]:
    return [event.what for event in history(engine, job.id)]


def test_a_job_is_what_was_asked_for(engine: Engine) -> None:
    job = grade(engine, "attempt", priority=3)
    assert job == get(engine, job.id)
    assert (job.kind, job.subject, job.version, job.priority) == ("grade", "attempt", "1", 3)
    assert (job.state, job.tries, job.lease, job.created, job.changed) == ("waiting", 0, "", 100, 100)
    assert [(event.at, event.what, event.who) for event in history(engine, job.id)] == [(100, "enqueued", "exchange")]


def test_the_same_again_is_no_second_job_even_when_it_is_done(engine: Engine) -> None:
    first = grade(engine, "attempt")
    assert grade(engine, "attempt", priority=-5) == first
    finish(engine, leased(engine), "4 of 4", now=101)
    assert grade(engine, "attempt") == get(engine, first.id)
    assert lease(engine, "worker1", 10, now=102) is None
    assert whats(engine, first) == ["enqueued", "leased", "done"]


def test_another_kind_subject_or_version_is_another_job(engine: Engine) -> None:
    jobs = [grade(engine, "one"), grade(engine, "two"), grade(engine, "one", version="2")]
    jobs.append(enqueue(engine, "feedback", "one", "1", now=100))
    assert len({job.id for job in jobs}) == 4
    assert of_subject(engine, "grade", "one") == (jobs[0], jobs[2])
    assert of_subject(engine, "grade", "three") == ()


def test_whoever_enqueues_between_the_look_and_the_lock_wins(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = grade(engine, "attempt")
    looks = iter([None, first])
    monkeypatch.setattr("assay.jobs.table._find", lambda *_: next(looks))
    assert grade(engine, "attempt") == first
    assert in_state(engine, "waiting") == (first,) and whats(engine, first) == ["enqueued"]


def test_lower_priorities_come_first_and_then_older_jobs(engine: Engine) -> None:
    for subject, priority in [("a", 1), ("b", 0), ("c", 1), ("d", -1), ("e", 0)]:
        grade(engine, subject, priority=priority)
    assert [leased(engine).subject for _ in range(5)] == ["d", "b", "e", "a", "c"]
    assert lease(engine, "worker1", 10, now=100) is None


def test_a_worker_can_ask_for_one_kind(engine: Engine) -> None:
    grade(engine, "attempt")
    feedback = enqueue(engine, "feedback", "attempt", "1", priority=9, now=100)
    found = lease(engine, "worker1", 10, kind="feedback", now=100)
    assert found is not None and found.id == feedback.id
    assert lease(engine, "worker1", 10, kind="feedback", now=100) is None


def test_the_place_counts_the_waiting_jobs_before(engine: Engine) -> None:
    jobs = [
        grade(engine, subject, priority=priority) for subject, priority in [("a", 0), ("b", 0), ("c", 1), ("d", -1)]
    ]
    assert [place(engine, job.id) for job in jobs] == [1, 2, 3, 0]
    leased(engine)  # d
    assert [place(engine, job.id) for job in jobs] == [0, 1, 2, 0]
    with pytest.raises(JobError, match="no job 99"):
        place(engine, 99)


def test_the_place_is_among_jobs_of_one_kind(engine: Engine) -> None:
    grade(engine, "attempt")
    other = enqueue(engine, "feedback", "attempt", "1", now=100)
    assert place(engine, other.id) == 0 and in_state(engine, "waiting", kind="feedback") == (other,)


def test_a_worker_can_ask_for_one_job_that_nobody_has(engine: Engine) -> None:
    first, second = grade(engine, "one"), grade(engine, "two")
    found = lease(engine, "worker1", 10, number=second.id, now=100)
    assert found is not None and found.id == second.id
    assert lease(engine, "worker2", 10, number=second.id, now=100) is None
    assert leased(engine).id == first.id


def test_the_jobs_of_several_subjects_are_found_at_once(engine: Engine) -> None:
    one, two, again = grade(engine, "one"), grade(engine, "two"), grade(engine, "one", version="2")
    names = ["one", "two", "three", *map(str, range(1000))]
    assert of_subjects(engine, "grade", names) == {"one": (one, again), "two": (two,)}
    assert of_subjects(engine, "feedback", names) == {}
    assert of_subjects(engine, None, ["two"]) == {"two": (two,)}


def test_after_a_failure_of_ours_there_is_a_pause_and_others_go_first(engine: Engine) -> None:
    first, second = grade(engine, "one"), grade(engine, "two")
    fail(engine, leased(engine), "no sandbox", pause=5, now=101)
    assert leased(engine, now=101).id == second.id
    assert lease(engine, "worker1", 10, now=105.9) is None
    assert leased(engine, now=106).id == first.id
    for time in (107, 120):
        fail(engine, get(engine, first.id), "no sandbox", pause=5, now=time)
        lease(engine, "worker1", 10, number=first.id, now=time + 5)
    retry(engine, first.id, who="instructor1", now=121)
    assert leased(engine, now=121).id == first.id  # who asks for it does not want to wait


def test_a_subject_is_left_with_what_was_asked_for_last(engine: Engine) -> None:
    first, last, other = grade(engine, "one"), grade(engine, "one", version="2"), grade(engine, "two", priority=9)
    job = leased(engine)
    assert lease(engine, "worker2", 10, number=last.id, now=100) is None  # while the first is being done
    fail(engine, job, "no sandbox", pause=5, now=101)
    assert leased(engine, now=101).id == other.id  # and while it waits for its next try
    for time in (106, 120):
        assert leased(engine, now=time).id == first.id
    assert get(engine, first.id).tries == TRIES and leased(engine, now=140).id == last.id
    assert get(engine, first.id).state == "failed"


def test_a_worker_that_has_to_end_gives_its_job_back_as_if_it_had_never_had_it(engine: Engine) -> None:
    job = grade(engine, "attempt")
    for _ in range(2 * TRIES):
        put_back(engine, leased(engine), "the server ends", now=101)
    assert (get(engine, job.id).state, get(engine, job.id).tries) == ("waiting", 0)
    held = leased(engine)
    finish(engine, held, "4 of 4", now=102)
    with pytest.raises(JobError, match="it is done"):
        put_back(engine, held, "too late", now=103)


def test_the_jobs_of_who_is_known_to_be_dead_are_taken_over_at_once(engine: Engine) -> None:
    grade(engine, "one")
    dead = leased(engine)
    other = enqueue(engine, "feedback", "one", "1", now=100)
    assert lease(engine, "worker3", 10, kind="feedback", now=100) is not None
    take_over(engine, "grade", now=101)
    assert leased(engine, "worker2", now=101).id == dead.id
    assert whats(engine, dead) == ["enqueued", "leased", "lost", "leased"]
    assert lease(engine, "worker2", 10, now=101) is None and get(engine, other.id).worker == "worker3"
    with pytest.raises(JobError, match="worker2 is at it"):
        finish(engine, dead, "4 of 4", now=102)


def test_what_is_known_early_is_there_until_somebody_else_begins_anew(engine: Engine) -> None:
    job = grade(engine, "attempt")
    held = leased(engine)
    tell(engine, held, "3 so far", now=101)
    assert (get(engine, job.id).state, get(engine, job.id).result) == ("leased", "3 so far")
    put_back(engine, held, "the server ends", now=102)
    with pytest.raises(JobError, match="it is waiting"):
        tell(engine, held, "4 so far", now=103)
    again = leased(engine)
    assert again.result == ""
    finish(engine, again, "4 of 4", now=104)
    with pytest.raises(JobError, match="it is done"):
        tell(engine, again, "5 so far", now=105)
    assert get(engine, job.id).result == "4 of 4"


def test_a_job_can_be_done_and_still_tell_staff_something(engine: Engine) -> None:
    job = grade(engine, "attempt")
    finish(engine, leased(engine), "4 of 4", error="a check is broken", now=101)
    assert (get(engine, job.id).state, get(engine, job.id).error) == ("done", "a check is broken")
    assert history(engine, job.id)[-1].note == "a check is broken"


def test_jobs_in_which_something_went_wrong_are_found_among_those_that_are_done(engine: Engine) -> None:
    for subject in ("well", "badly", "waits"):
        enqueue(engine, "grade", subject, "1")
    for error in ("", "a check could not judge"):
        job = lease(engine, "worker", 10)
        assert job is not None
        finish(engine, job, "{}", error=error)
    assert [job.subject for job in in_state(engine, "done", kind="grade", wrong=True)] == ["badly"]
    assert [job.subject for job in in_state(engine, "done")] == ["well", "badly"]
    assert in_state(engine, "done", kind="other", wrong=True) == in_state(engine, "waiting", wrong=True) == ()


def test_a_leased_job_is_nobody_elses(engine: Engine) -> None:
    grade(engine, "attempt")
    job = leased(engine)
    assert (job.state, job.tries, job.worker, job.leased_until) == ("leased", 1, "worker1", 110)
    assert len(job.lease) == 32
    assert lease(engine, "worker2", 10, now=110) is None
    finish(engine, job, "4 of 4", now=105)
    done = get(engine, job.id)
    assert (done.state, done.result, done.lease, done.worker, done.changed) == ("done", "4 of 4", "", "worker1", 105)
    with pytest.raises(JobError, match="it is done"):
        finish(engine, job, "0 of 4", now=106)
    assert get(engine, job.id) == done


def test_who_comes_back_after_its_job_was_taken_over_changes_nothing(engine: Engine) -> None:
    grade(engine, "attempt")
    late = leased(engine, "worker1")
    second = leased(engine, "worker2", now=111)
    assert second.id == late.id and second.lease != late.lease and second.tries == 2
    before = get(engine, late.id), history(engine, late.id)
    for attempt in (
        lambda: finish(engine, late, "0 of 4", now=112),
        lambda: fail(engine, late, "out of memory", now=112),
        lambda: renew(engine, late, 10, now=112),
    ):
        with pytest.raises(JobError, match="no longer worker1's: worker2 is at it"):
            attempt()
        assert (get(engine, late.id), history(engine, late.id)) == before
    finish(engine, second, "4 of 4", now=113)
    assert whats(engine, late) == ["enqueued", "leased", "lost", "leased", "done"]
    assert get(engine, late.id).result == "4 of 4"


def test_a_lease_taken_over_by_a_worker_of_the_same_name_is_another_lease(engine: Engine) -> None:
    grade(engine, "attempt")
    late, second = leased(engine), leased(engine, now=111)
    with pytest.raises(JobError):
        finish(engine, late, "0 of 4", now=112)
    finish(engine, second, "4 of 4", now=112)


def test_work_that_is_late_but_was_not_taken_over_counts(engine: Engine) -> None:
    grade(engine, "attempt")
    finish(engine, leased(engine), "4 of 4", now=1000)
    assert [job.result for job in in_state(engine, "done")] == ["4 of 4"]


def test_a_renewed_lease_is_not_taken_over(engine: Engine) -> None:
    grade(engine, "attempt")
    job = leased(engine)
    renew(engine, job, 10, now=109)
    assert lease(engine, "worker2", 10, now=111) is None
    finish(engine, job, "4 of 4", now=118)
    assert whats(engine, job) == ["enqueued", "leased", "done"]


def test_our_failures_are_tried_again_and_then_shown_to_staff(engine: Engine) -> None:
    job = grade(engine, "attempt")
    for number in range(TRIES):
        assert in_state(engine, "failed") == ()
        fail(engine, leased(engine), f"no sandbox {number}", now=101)
    (failed,) = in_state(engine, "failed")
    assert (failed.id, failed.tries, failed.error) == (job.id, 3, "no sandbox 2")
    assert lease(engine, "worker1", 10, now=1000) is None
    assert whats(engine, job) == ["enqueued", *["leased", "put back"] * 2, "leased", "failed"]
    assert [event.note for event in history(engine, job.id) if event.what == "put back"] == [
        "no sandbox 0",
        "no sandbox 1",
    ]


def test_a_failure_that_would_come_again_is_not_tried_again(engine: Engine) -> None:
    job = grade(engine, "attempt")
    fail(engine, leased(engine), "the exercise cannot be read", again=False, now=101)
    assert get(engine, job.id).state == "failed" and whats(engine, job) == ["enqueued", "leased", "failed"]


def test_what_worked_in_the_end_shows_no_error(engine: Engine) -> None:
    job = grade(engine, "attempt")
    fail(engine, leased(engine), "no sandbox", now=101)
    finish(engine, leased(engine), "4 of 4", now=102)
    assert (get(engine, job.id).error, get(engine, job.id).tries) == ("", 2)


def test_a_job_that_is_lost_again_and_again_does_not_take_all_workers_with_it(engine: Engine) -> None:
    first, second = grade(engine, "deadly"), grade(engine, "harmless")
    lost(engine, times=TRIES)
    assert leased(engine, "worker9", now=500).id == second.id
    (failed,) = in_state(engine, "failed")
    assert failed.id == first.id and failed.error == "worker2 was lost at it in try 3."
    assert whats(engine, first) == ["enqueued", *["leased", "lost"] * 3, "failed"]


def test_staff_have_a_failed_job_tried_again_from_the_beginning(engine: Engine) -> None:
    job = grade(engine, "attempt")
    fail(engine, leased(engine), "no sandbox", again=False, now=101)
    assert retry(engine, job.id, who="instructor1", now=102).tries == 0
    for _ in range(TRIES - 1):
        fail(engine, leased(engine), "still none", now=103)
    finish(engine, leased(engine), "4 of 4", now=104)
    assert [event.who for event in history(engine, job.id) if event.what == "retried"] == ["instructor1"]
    assert get(engine, job.id).state == "done"


def test_only_a_failed_job_is_tried_again(engine: Engine) -> None:
    job = grade(engine, "attempt")
    with pytest.raises(JobError, match=f"Job {job.id} is waiting"):
        retry(engine, job.id, who="instructor1", now=101)
    with pytest.raises(JobError, match="no job 99"):
        retry(engine, 99, who="instructor1", now=101)
    assert whats(engine, job) == ["enqueued"]


def test_the_database_refuses_to_change_what_happened(engine: Engine) -> None:
    job = grade(engine, "attempt")
    for statement in (delete(event_table), update(event_table).values(what="done")):
        with pytest.raises(IntegrityError, match="never changed"), changing(engine) as connection:
            connection.execute(statement)
    assert whats(engine, job) == ["enqueued"]


def test_everything_is_there_after_reopening(engine: Engine, url: str) -> None:
    grade(engine, "done")
    finish(engine, leased(engine), "4 of 4", now=101)
    grade(engine, "waiting")
    before = [(get(engine, number), history(engine, number)) for number in (1, 2)]
    engine.dispose()
    again = opened(url)
    assert [(get(again, number), history(again, number)) for number in (1, 2)] == before
    again.dispose()


def test_sqlite_is_set_to_survive_a_power_cut(sqlite_file: str) -> None:
    engine = opened(sqlite_file)
    with reading(engine) as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in pragmas]
    engine.dispose()
    assert found == ["wal", 2, 1, 30000]  # 2 is FULL


@contextmanager
def changed_elsewhere(url: str, job: Job) -> Iterator[None]:
    """Another process is in the middle of changing a job."""
    other = opened(url)
    with changing(other) as connection:
        connection.execute(update(job_table).where(job_table.c.id == job.id).values(worker="other"))
        yield
        connection.rollback()
    other.dispose()


def test_who_only_reads_waits_for_nobody(engine: Engine, url: str) -> None:
    job = grade(engine, "attempt")
    with changed_elsewhere(url, job):
        assert get(engine, job.id) == job and place(engine, job.id) == 0 and len(history(engine, job.id)) == 1
        assert grade(engine, "attempt") == job


def test_a_job_that_stays_locked_is_an_explained_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT", 0.01)
    engine = opened(url)
    grade(engine, "attempt")
    job = leased(engine)
    with changed_elsewhere(url, job), pytest.raises(JobError, match="database is locked|due to lock timeout"):
        finish(engine, job, "4 of 4", now=101)
    assert get(engine, job.id) == job and whats(engine, job) == ["enqueued", "leased"]
    finish(engine, job, "4 of 4", now=102)
    engine.dispose()


def test_who_only_reads_sees_one_moment(engine: Engine, url: str) -> None:
    job = grade(engine, "attempt")
    with reading(engine) as connection:
        before = connection.execute(select(job_table.c.state)).scalar_one()
        other = opened(url)
        assert lease(other, "worker1", 10, now=100) is not None
        other.dispose()
        assert (before, connection.execute(select(job_table.c.state)).scalar_one()) == ("waiting", "waiting")
    assert get(engine, job.id).state == "leased"


def test_what_a_worker_says_may_hold_any_character(engine: Engine) -> None:
    job = grade(engine, "attempt")
    tell(engine, leased(engine), "half\0", now=101)
    fail(engine, get(engine, job.id), "a\0b \ud800", now=101)
    assert get(engine, job.id).error == history(engine, job.id)[-1].note == "a\ufffdb \ufffd"


@pytest.mark.parametrize("damage", ["file as folder", "not a database", "not an address"])
def test_a_database_that_cannot_be_opened_is_an_explained_error(damage: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 1000)
    urls = {"file as folder": f"sqlite:///{tmp_path}/text/jobs", "not a database": f"sqlite:///{tmp_path}/text"}
    with pytest.raises(JobError, match=r"cannot be (opened|a database)|is not a database"):
        opened(urls.get(damage, "jobs.sqlite"))


def test_an_error_never_shows_a_password() -> None:
    with pytest.raises(JobError) as caught:
        opened("nosuchdatabase://assay:hunter2@127.0.0.1/jobs")
    assert "hunter2" not in str(caught.value)


AFTER = {"enqueued": "waiting", "put back": "waiting", "retried": "waiting", "leased": "leased", "lost": "leased"}


class AnySequence(RuleBasedStateMachine):
    """Workers, staff and students do whatever they like, in any order, and leases run out."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = opened(f"sqlite:///{self.folder.name}/jobs.sqlite")
        self.now = 0.0
        self.asked: dict[tuple[str, str], int] = {}
        self.held: list[Job] = []  # every lease ever given
        self.finished: dict[int, str] = {}
        self.seen: dict[int, tuple[object, ...]] = {}

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def jobs(self) -> list[Job]:
        return [get(self.engine, number) for number in self.asked.values()]

    def is_held(self, job: Job) -> bool:
        """The last lease of a job holds until it is finished or given back."""
        last = [held for held in self.held if held.id == job.id][-1]
        return last == job and get(self.engine, job.id).state == "leased"

    @rule(subject=st.sampled_from("abc"), version=st.sampled_from("12"), priority=st.integers(-1, 1))
    def enqueue(self, subject: str, version: str, priority: int) -> None:
        job = enqueue(self.engine, "grade", subject, version, priority=priority, now=self.now)
        assert self.asked.setdefault((subject, version), job.id) == job.id

    def next(self) -> int | None:
        """The number of the job that is to be leased; those that were lost too often fail on the way to it."""
        open_ones = sorted(in_state(self.engine, "waiting") + in_state(self.engine, "leased"), key=lambda job: job.id)
        while open_ones:
            firsts = {job.subject: job for job in reversed(open_ones)}.values()
            free = [job for job in firsts if job.state == "waiting" or job.leased_until < self.now]
            if not free or (job := min(free, key=lambda job: (job.priority, job.id))).tries < TRIES:
                return job.id if free else None
            open_ones.remove(job)
        return None

    @rule()
    def lease(self) -> None:
        expected = self.next()
        found = lease(self.engine, "worker", 10, now=self.now)
        assert expected == (None if found is None else found.id)
        if found is not None:
            self.held.append(found)

    @rule(seconds=st.sampled_from([1, 11]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["finish", "fail", "give up", "renew"]))
    def come_back(self, data: st.DataObject, how: str) -> None:
        job = data.draw(st.sampled_from(self.held))
        is_mine, before = self.is_held(job), (get(self.engine, job.id), history(self.engine, job.id))
        calls = {
            "finish": lambda: finish(self.engine, job, job.lease, now=self.now),
            "fail": lambda: fail(self.engine, job, "ours", now=self.now),
            "give up": lambda: fail(self.engine, job, "ours", again=False, now=self.now),
            "renew": lambda: renew(self.engine, job, 10, now=self.now),
        }
        if is_mine:
            calls[how]()
            if how == "finish":
                assert job.id not in self.finished
                self.finished[job.id] = job.lease
            return
        with pytest.raises(JobError):
            calls[how]()
        assert (get(self.engine, job.id), history(self.engine, job.id)) == before

    @rule()
    def retry_all(self) -> None:
        for job in in_state(self.engine, "failed"):
            retry(self.engine, job.id, who="staff", now=self.now)

    @invariant()
    def every_job_is_there_once_and_in_one_state(self) -> None:
        states = [in_state(self.engine, state) for state in ("waiting", "leased", "done", "failed")]
        listed = [job for jobs in states for job in jobs]
        assert sorted(job.id for job in listed) == sorted(self.asked.values())
        assert {(job.subject, job.version): job.id for job in listed} == self.asked
        for job in listed:
            assert bool(job.lease) == bool(job.leased_until) == (job.state == "leased")
            assert job.tries <= TRIES and (job.tries > 0 or job.state == "waiting")
            assert job.result == self.finished.get(job.id, "") and (job.id in self.finished) == (job.state == "done")

    @invariant()
    def places_are_the_queue(self) -> None:
        queue = sorted(in_state(self.engine, "waiting"), key=lambda job: (job.priority, job.id))
        assert [place(self.engine, job.id) for job in queue] == list(range(len(queue)))

    @invariant()
    def the_history_is_whole_and_only_grows(self) -> None:
        for job in self.jobs():
            events = history(self.engine, job.id)
            assert events[: len(self.seen.get(job.id, ()))] == self.seen.get(job.id, ())
            self.seen[job.id] = events
            told = [event.what for event in events]
            assert AFTER.get(told[-1], told[-1]) == job.state and told.count("enqueued") == 1
            assert told.count("leased") == sum(held.id == job.id for held in self.held)
            assert told.count("done") == (job.state == "done")
            for before, after in zip(told, told[1:], strict=False):
                follows = {"leased": {"lost", "put back", "done", "failed"}, "lost": {"leased", "failed"}}
                assert after in follows.get(before, {"retried"} if before == "failed" else {"leased"})


def test_any_sequence_of_operations_keeps_the_invariants() -> None:
    quick = settings(max_examples=12, stateful_step_count=20, database=None, derandomize=True, deadline=None)
    run_state_machine_as_test(AnySequence, settings=quick)
