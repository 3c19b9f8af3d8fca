"""PostgreSQL as the server's database: started again in the middle, and holding the Hub's own tables too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from assay.database import DRIVER, address
from assay.errors import JobError
from assay.exchange.client import Client
from assay.jobs import table
from assay.jobs.schema import job_table
from tests.support import hub as hubs
from tests.support.postgres import Cluster, cluster

ROW: dict[str, object] = {"kind": "grade", "subject": "attempt", "version": "1", "priority": 0, "tries": 0}
ROW |= {"state": "waiting"} | dict.fromkeys(("lease", "worker", "result", "error"), "")
ROW |= dict.fromkeys(("not_before", "leased_until", "created", "changed"), 0.0)
pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    """One that may be started again."""
    with cluster() as running:
        yield running


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_connections_survive_that_postgresql_is_started_again(own: Cluster, mode: str) -> None:
    engine = table.opened(own.new_database())
    first = table.enqueue(engine, "grade", "attempt", "1", now=100)
    job = table.lease(engine, "worker1", 10, now=100)
    assert job is not None and job.id == first.id
    own.stop(mode)
    try:
        with pytest.raises(JobError, match="Nothing was changed; try again"):
            table.finish(engine, job, "4 of 4", now=101)
    finally:
        own.start()
    table.finish(engine, job, "4 of 4", now=102)
    assert [one.result for one in table.in_state(engine, "done")] == ["4 of 4"]
    engine.dispose()


def test_a_transaction_that_is_cut_off_leaves_nothing(own: Cluster) -> None:
    engine = table.opened(own.new_database())
    with pytest.raises(JobError, match="Nothing was changed"), table.changing(engine) as connection:
        connection.execute(sa.insert(job_table).values(ROW))
        own.stop("immediate")
        own.start()
        connection.execute(sa.text("SELECT 1"))
    assert table.in_state(engine, "waiting") == ()
    engine.dispose()


def test_a_plain_address_means_the_driver_that_comes_with_assay() -> None:
    for plain in ("postgresql://assay@/x", "postgres://assay@/x", f"{DRIVER}://assay@/x"):
        assert address(plain, JobError).drivername == DRIVER


def test_a_missing_driver_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JobError, match=r"pip install 'assay\[postgresql\]'"):
        table.opened("postgresql://assay:hunter2@/x")


def let_in(hub: hubs.Running, name: str) -> bool:
    try:
        return hub.try_log_in(name, hub.passwords[name]).get("/hub/api/user").status_code == 200
    except AssertionError:  # the page of an error in place of the form
        return False


def test_the_whole_server_goes_on_when_postgresql_was_started_again(own: Cluster, tmp_path: Path) -> None:
    url = own.new_database()
    root = hubs.make_course(tmp_path / "course")
    with hubs.running(root, tmp_path / "home", environ={"ASSAY_DATABASE": url}) as hub:
        assert hub.log_in("student1").name == "student1"
        own.stop()
        own.start()
        # JupyterHub answers the first request with an error, on the connection that it had open.
        hubs.wait_for(lambda: let_in(hub, "instructor1"), "that the Hub lets people in again", 60)
        course = Client(f"{hub.url}/services/exchange", hub.service_token("course"))
        assert [one.assignment.name for one in course.assignments("course")] == [hubs.ASSIGNMENT]
    assert not [*(tmp_path / "home").rglob("*.sqlite")]
    engine = sa.create_engine(address(url, JobError))
    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    assert names > {"users", "users_info", "assignment", "attempt", "job", "job_event", "regrade"}
