"""Law: style, types and the import contract hold, and are checked by the same tools and settings as `make lint`."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "src/clampdown"
# Members of these folders never import a sibling (publish: but for the words, which all of them speak).
INDEPENDENT = {"intake/sources": set[str](), "detect/detectors": set[str](), "fetch/services": set[str]()}


def run(*words: str) -> None:
    """Run a tool of this environment; its output is the failure's message."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"


@pytest.mark.parametrize(
    "words",
    [
        ("ruff", "check", "--quiet", "."),
        ("ruff", "format", "--check", "."),
        ("lint-imports", "--no-logo"),
        ("pyright",),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_tool(words: tuple[str, ...]) -> None:
    run(*words)


@pytest.mark.parametrize("folder", sorted(INDEPENDENT))
def test_siblings_do_not_import_each_other(folder: str) -> None:
    home = CODE / folder
    members = {p.stem for p in home.glob("*") if p.stem != "__init__" and (p.suffix == ".py" or p.is_dir())}
    prefix = "clampdown." + folder.replace("/", ".")
    for path in home.rglob("*.py"):
        own = path.relative_to(home).parts[0].removesuffix(".py")
        for imported in imports(path):
            sibling = imported.removeprefix(prefix + ".").split(".")[0] if imported.startswith(prefix + ".") else ""
            allowed = {own, "", *INDEPENDENT[folder]}
            assert own == "__init__" or sibling in allowed or sibling not in members, f"{path}: {imported}"


def imports(path: Path) -> list[str]:
    """Names that a file imports, relative ones made absolute."""
    package = path.relative_to(CODE.parent).with_suffix("").parts
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level]) if node.level else ""
            stem = ".".join(part for part in (base, node.module or "") if part)
            names += [f"{stem}.{alias.name}" for alias in node.names]
    return names


BELOW_THE_STORE = (
    "publish",
    "assess",
    "evidence",
    "detect",
    "judge",
    "intake",
    "reference",
    "engine",
    "model",
    "errors",
)
FORBIDDEN = {
    "os",
    "time",
    "random",
    "secrets",
    "socket",
    "pathlib",
    "subprocess",
    "tempfile",
    "urllib.request",
    "shutil",
}


def test_below_the_store_there_is_no_world() -> None:
    """No file, network, clock, randomness or environment below `store/`: time and seed are arguments."""
    found: list[str] = []
    for path in CODE.rglob("*.py"):
        if path.relative_to(CODE).parts[0].removesuffix(".py") not in BELOW_THE_STORE:
            continue
        found += [
            f"{path.relative_to(ROOT)}: {imported}"
            for imported in imports(path)
            if any(imported == bad or imported.startswith(bad + ".") for bad in FORBIDDEN)
        ]
    assert not found, "\n".join(found)
