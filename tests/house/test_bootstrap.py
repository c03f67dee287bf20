"""Law: the bootstrap needs the standard library alone, does nothing twice, and says in one line what is missing."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bootstrap(tmp_path: Path) -> ModuleType:
    """The bootstrap as a module, working in a copy of what it reads."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements").mkdir()
    for name in ("bootstrap.py", "pyproject.toml", *(f"requirements/{k}.txt" for k in ("tools", "core", "dev"))):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    module.HERE = tmp_path
    module.VENV = tmp_path / ".venv"
    return module


def test_standard_library_alone() -> None:
    tree = ast.parse((ROOT / "bootstrap.py").read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_unknown_kind() -> None:
    done = subprocess.run([sys.executable, ROOT / "bootstrap.py", "nix"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "say core or dev" in done.stderr


def test_dev_serves_for_core_and_a_changed_lock_is_seen(bootstrap: ModuleType) -> None:
    python = bootstrap.venv_python()
    python.parent.mkdir(parents=True)
    python.touch()
    assert not bootstrap.is_current("core")
    bootstrap.stamp_file("dev").write_text(bootstrap.stamp_text("dev"))
    assert bootstrap.is_current("dev")
    assert bootstrap.is_current("core")
    (bootstrap.HERE / "requirements/dev.txt").write_text("pytest==1\n")
    assert not bootstrap.is_current("dev")
    assert not bootstrap.is_current("core")


def test_an_old_environment_is_replaced_and_a_strange_folder_is_not_kept(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "run", lambda words, **_: made.append([str(w) for w in words]) or 0)
    bootstrap.VENV.mkdir()
    (bootstrap.VENV / "pyvenv.cfg").write_text("broken")
    assert bootstrap.make_venv()
    assert made[-1][1:3] == ["-m", "venv"]
    assert not bootstrap.VENV.exists(), "the broken one is gone; the real venv module would have made it anew"


def test_without_any_pip_it_says_what_to_install(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "run", lambda words, **_: 1)
    monkeypatch.setattr(bootstrap, "can_apt", lambda: False)
    assert bootstrap.main(["core"]) == 2
    assert "python3-venv" in capsys.readouterr().err


def test_missing_programs_are_one_line_and_no_failure(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "is_current", lambda kind: True)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    monkeypatch.setattr(bootstrap, "can_apt", lambda: False)
    assert bootstrap.main(["dev", "--system"]) == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "chromium" in said
