"""nbgrader exchanges files over HTTP: `configure(c)` in nbgrader_config.py."""

from __future__ import annotations

from traitlets.config import Config

_HERE = "assay.exchange.nbgrader"


def configure(config: Config) -> None:
    """Put the classes of this room in place of nbgrader's folders, for students and instructors alike.

    Names instead of classes, so that formgrader can show the configuration.
    """
    config.ExchangeFactory.exchange = f"{_HERE}_exchange.HttpExchange"
    config.ExchangeFactory.fetch_assignment = f"{_HERE}_fetch_assignment.HttpFetchAssignment"
    config.ExchangeFactory.fetch_feedback = f"{_HERE}_fetch_feedback.HttpFetchFeedback"
    config.ExchangeFactory.release_assignment = f"{_HERE}_release_assignment.HttpReleaseAssignment"
    config.ExchangeFactory.release_feedback = f"{_HERE}_release_feedback.HttpReleaseFeedback"
    config.ExchangeFactory.list = f"{_HERE}_list.HttpList"
    config.ExchangeFactory.submit = f"{_HERE}_submit.HttpSubmit"
    config.ExchangeFactory.collect = f"{_HERE}_collect.HttpCollect"
    config.Exchange.path_includes_course = True
    config.Authenticator.plugin_class = "nbgrader.auth.JupyterHubAuthPlugin"  # enrols students in the Hub's groups
    # Self-checks leave pytest's cache beside the notebook, and students submit the folder as it is.
    if "ignore" not in config.CourseDirectory:
        config.CourseDirectory.ignore = [
            ".ipynb_checkpoints",
            "*.pyc",
            "__pycache__",
            ".pytest_cache",
            ".hypothesis",
            "feedback",
        ]
