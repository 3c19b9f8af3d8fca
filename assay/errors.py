"""Every error that Assay raises on purpose.

    AssayError
      * CourseError        the course folder or one of its files is not as it should be
        x AuthoringError   an exercise (graders/, source/) cannot be used as written
      * SubmissionError    a submission cannot be read; ends as an explained result for that student
      * SandboxError       the sandbox cannot be started or does not hold; ours, never the student's
      * GradebookError     nbgrader or its gradebook refused
      * DataError          a data set is not at hand, or is not the one that was asked for
      * ExchangeError      the exchange cannot keep or give back what it was handed; ours, never the student's
        x ReceiptError     a receipt is not one that the server signed
        x Refusal          a request that the exchange does not grant (see `code`)
      * JobError           the jobs cannot be read or written
        x JobChanged       a job is not as somebody takes it to be: another worker's, in another state, not there

    StudentError           a call into student code did not return a value (see `kind`)
    StudentLost            the worker is gone (time, memory, crash): no further call in this check
    Unforeseen             not an error: a check asks for other calls than those that were sent ahead

A message says what happened, to what, and what to do.
"""


class AssayError(Exception):
    """Base of all errors shown to a user as one message instead of a traceback."""


class CourseError(AssayError):
    """The course folder or one of its files is not as it should be."""


class AuthoringError(CourseError):
    """An exercise cannot be used as its author wrote it."""


class SubmissionError(AssayError):
    """A submission cannot be read; the result explains it to that student alone."""


class SandboxError(AssayError):
    """The sandbox cannot be started or does not hold."""


class GradebookError(AssayError):
    """nbgrader or its gradebook refused an operation."""


class DataError(AssayError):
    """A data set is not at hand, or a file of it is not the one that was asked for."""


class JobError(AssayError):
    """The database of jobs cannot be used, or says nothing that makes sense."""


class JobChanged(JobError):
    """A job is not as somebody takes it to be: it is another worker's, in another state, or not there."""


class ExchangeError(AssayError):
    """The exchange cannot keep or give back what it was handed."""


class ReceiptError(ExchangeError):
    """A receipt is not, byte for byte, one that the server signed."""


class Refusal(ExchangeError):
    """The exchange does not grant a request. `code` is one word for programs; the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StudentError(Exception):
    """A call into student code gave no value.

    `kind` is one of `missing` (no such function), `raised` (an exception; its type name and text are the
    student's claim), `type` (a value that cannot cross the border), `size` (too large to cross).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class StudentLost(BaseException):
    """The worker ended or was killed during a call, so this check is over.

    `kind` is one of `timeout`, `memory`, `died`, `protocol`. Not an `Exception`: Hypothesis would otherwise
    shrink, at the price of one killed worker for every attempt.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Unforeseen(BaseException):
    """A check asks a student for something else than was sent ahead, or no answer came: it is run again without.

    Not an `Exception`, so that no check takes it for a failure.
    """
