"""jupyterhub_config.py is read by a real JupyterHub application."""

from pathlib import Path

import pytest

jupyterhub_app = pytest.importorskip("jupyterhub.app", reason="not run: needs the hub extra")

CONFIG = Path(__file__).parents[2] / "jupyterhub_config.py"


def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, staff: str):
    monkeypatch.setenv("ASSAY_STAFF", staff)
    copy = tmp_path / CONFIG.name
    copy.write_text(CONFIG.read_text())
    app = jupyterhub_app.JupyterHub()
    app.load_config_file(str(copy))
    return app.config


def test_only_staff_may_log_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = load(monkeypatch, tmp_path, "instructor, tutor")
    assert config.Authenticator.allowed_users == {"instructor", "tutor"}
    assert config.Authenticator.allow_all is False
    assert config.JupyterHub.load_groups == {"formgrade-course": {"users": ["instructor", "tutor"]}}


def test_nobody_may_log_in_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load(monkeypatch, tmp_path, "").Authenticator.allowed_users == set()


def test_it_listens_on_this_machine_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load(monkeypatch, tmp_path, "").JupyterHub.bind_url.startswith("http://127.0.0.1:")
