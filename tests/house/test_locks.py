"""Law: what is installed is locked by digest, named without a place, and under a licence that we may pass on."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
TABLE = tomllib.loads((ROOT / "requirements/licences.toml").read_text())
ALLOWED = {"MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "ISC", "0BSD", "Zlib", "Unlicense"}
# What packages write in older metadata, as a pattern for the licence that our table gives them.
SPOKEN = {
    "MIT": r"\bMIT\b",
    "MIT-0": r"\bMIT-0\b",
    "BSD-2-Clause": r"\bBSD\b",
    "BSD-3-Clause": r"\bBSD\b",
    "Apache-2.0": r"\bApache\b",
    "PSF-2.0": r"\bPSF|Python Software Foundation",
    "MPL-2.0": r"\bMPL|Mozilla Public License 2",
}


def locked(path: Path) -> dict[str, str]:
    """Name → its block of the lock (markers and digests)."""
    blocks = re.split(r"^(?=[a-zA-Z0-9])", path.read_text(), flags=re.MULTILINE)[1:]
    return {block.split("==")[0].lower(): block for block in blocks}


NAMES = sorted({name for lock in LOCKS for name in locked(lock)})


def test_there_are_three_locks() -> None:
    assert [lock.name for lock in LOCKS] == ["core.txt", "dev.txt", "tools.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
def test_lock_has_digests_and_no_places(lock: Path) -> None:
    for name, block in locked(lock).items():
        assert re.match(r"[a-z0-9._-]+==[\w.!+]+", block), name
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), f"{name} has no digest"
    assert not re.search(r"://|^\s*-|@ ", lock.read_text().replace("    --hash", ""), re.MULTILINE)


def test_dev_holds_core() -> None:
    version = re.compile(r"==([^\s;\\]+)")
    core, dev = (locked(ROOT / f"requirements/{kind}.txt") for kind in ("core", "dev"))
    assert set(core) <= set(dev)
    assert [n for n in core if version.search(core[n])[1] != version.search(dev[n])[1]] == []  # type: ignore[index]


def test_direct_dependencies_are_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for lock, wanted in (("core", project["dependencies"]), ("dev", project["optional-dependencies"]["dev"])):
        names = {re.split(r"[\[<>=;! ]", line)[0].lower() for line in wanted}
        assert names <= set(locked(ROOT / f"requirements/{lock}.txt"))


def test_every_locked_package_has_a_licence() -> None:
    assert sorted(TABLE["licence"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_licence(name: str) -> None:
    ways = TABLE["licence"][name].split(" OR ")
    if name in TABLE["unmodified"]:
        assert ways == ["MPL-2.0"]
    else:
        assert set(ways) <= ALLOWED, f"{name}: {ways} is not on the allow-list"
    try:
        meta = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return  # for another platform
    spoken = " ".join(
        [meta.get("License-Expression") or "", (meta.get("License") or "")[:2000]]
        + [c for c in meta.get_all("Classifier") or [] if c.startswith("License")]
    )
    if spoken.strip():
        assert any(re.search(SPOKEN[way], spoken) for way in ways), f"{name} says {spoken[:200]!r}, the table {ways}"
        assert not re.search(r"\bL?A?GPL|Affero", spoken), spoken[:200]


def test_the_core_has_no_test_tool() -> None:
    core = set(locked(ROOT / "requirements/core.txt"))
    assert core & set(TABLE["unmodified"]) == {"certifi"}
    assert not core & {"pandas", "pytest", "selenium", "hypothesis"}
