"""`nbgrader submit`: a folder as it is saved, to the server, for a receipt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nbgrader.exchange.abc import ExchangeSubmit

from assay.errors import ExchangeError
from assay.exchange.answers import AttemptNow
from assay.exchange.folders import bytes_of, packed, write_over
from assay.exchange.manifest import digest_of
from assay.exchange.moments import readable
from assay.exchange.nbgrader_exchange import HttpExchange

_KILOBYTE = 1000  # as nbgrader counts


class HttpSubmit(HttpExchange, ExchangeSubmit):
    """The receipt lies outside of the folder that is submitted, so that it is not part of the next attempt."""

    def init_src(self) -> None:
        if self.coursedir.student_id not in ("", "*", os.environ.get("JUPYTERHUB_USER")):
            raise ExchangeError("The exercise server takes submissions of whoever is logged in. Leave out --student.")
        self.listed = self.client.assignment(self.course, self.coursedir.assignment_id)
        self.src_path = self.place_of(self.listed.assignment.course, self.listed.name)
        if not self.src_path.is_dir():
            raise ExchangeError(
                f"Assignment not found at: {self.src_path}. Fetch it first, or go to the folder where you fetched it."
            )

    def copy_files(self) -> None:
        course, name = self.listed.assignment.course, self.listed.name
        paths = self._paths()
        self._compare_notebooks(paths)
        self.log.info("Source: %s", self.src_path)
        with packed(self.src_path, paths) as parcel:
            taken, receipt = self.client.submit(course, name, parcel.archive)
        place = self.receipt_of(course, name, taken.attempt.number)
        try:
            write_over(place.parent, [(place.name, [receipt.encode()])])
        except ExchangeError as error:
            raise ExchangeError(
                f"Attempt {taken.attempt.number} was taken: do not submit it again. Only its receipt is not here, "
                f"because {error} The receipt also stands on the attempt's page on the exercise server."
            ) from error
        if taken.attempt.digest != digest_of(parcel.manifest):
            raise ExchangeError(
                f"The server has other files than you sent; its receipt is {place}. Submit again, and tell your "
                "instructor."
            )
        self._tell(taken, place)

    def _paths(self) -> list[str]:
        paths = self.chosen(self.src_path)
        size = bytes_of(self.src_path, paths)
        if size > self.coursedir.max_dir_size * _KILOBYTE:
            raise ExchangeError(
                f"The folder is too large: {size:,} bytes, of at most {self.coursedir.max_dir_size * _KILOBYTE:,}. "
                f"Move what is not part of your answers out of {self.src_path}, and submit again."
            )
        return paths

    def _compare_notebooks(self, paths: Sequence[str]) -> None:
        wanted = [file.path for file in self.listed.files if file.path.endswith(".ipynb")]
        missing = [path for path in wanted if path not in paths]
        extra = [path for path in paths if path.endswith(".ipynb") and path not in wanted]
        if missing and self.strict:
            raise ExchangeError(
                f"Assignment {self.listed.name} not submitted: {', '.join(missing)} is missing. Fetch it once more "
                "with --replace, and submit again."
            )
        if missing or extra:
            self.log.warning("Possible missing notebooks (%s) or extra ones (%s)", missing, extra)

    def _tell(self, taken: AttemptNow, place: Path) -> None:
        attempt = taken.attempt
        late = ", late" if attempt.late else ""
        self.log.info(
            "Submitted as: %s %s, attempt %d, %s%s",
            attempt.course,
            attempt.assignment,
            attempt.number,
            readable(attempt.submitted),
            late,
        )
        shown = os.path.relpath(place)
        self.log.info("Receipt: %s. Keep it: it proves what you submitted and when (assay receipt verify).", shown)
