"""`nbgrader fetch_assignment`: the files of an assignment, into a student's home."""

from __future__ import annotations

import os

from nbgrader.exchange.abc import ExchangeFetchAssignment

from assay.errors import ExchangeError
from assay.exchange.folders import add_missing, write_folder
from assay.exchange.nbgrader_exchange import HttpExchange, rules


class HttpFetchAssignment(HttpExchange, ExchangeFetchAssignment):
    """Never changes a file that is there already: with --replace, it adds those that are missing."""

    def init_src(self) -> None:
        self.listed = self.client.assignment(self.course, self.coursedir.assignment_id)

    def init_dest(self) -> None:
        self.dest_path = self.place_of(self.listed.assignment.course, self.listed.name)
        if os.path.lexists(self.dest_path) and not self.replace_missing_files:
            raise ExchangeError(
                f"You already have a copy of the assignment in this directory: {self.dest_path}. What is there stays "
                "as it is; add --replace to get files that are missing in it."
            )

    def copy_files(self) -> None:
        course, name = self.listed.assignment.course, self.listed.name
        with self.client.assignment_files(course, name, self.listed.files) as files:
            wanted = ((file.path, blocks) for file, blocks in files if not self.is_ignored(file.path))
            if os.path.lexists(self.dest_path):
                for path in add_missing(self.dest_path, wanted):
                    self.log.warning("Replacing missing file '%s'", path)
            else:
                write_folder(self.dest_path, wanted, new=True)
        said = rules(self.listed)
        self.log.info("Fetched as: %s %s%s", course, name, f" ({said})" if said else "")
        self.log.info("Destination: %s", self.dest_path)
