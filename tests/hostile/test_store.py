"""Law: a store that is damaged, forged or of another age says so by name; a full disk costs nothing but the run."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.errors import EnvironmentFault, StoreError
from clampdown.judge.rules import load_rules
from clampdown.model import TABLES
from clampdown.pipeline import ingest, open_storage
from clampdown.reference import load_reference
from clampdown.store.storage import LocalStorage
from clampdown.store.tables import read_part

sys.path.insert(0, str(Path(__file__).parent))
import given

ID = "20240301090000.000000_XA_webconnectivity_0000fbf40001a000"
COMMANDS = (["judge"], ["report", "XA", "-o", "r.html"], ["export", "observations"], ["show", ID])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    (folder / "a.jsonl").write_bytes(given.lines(*given.LINES))
    (folder / "b.jsonl").write_bytes(given.lines(given.ONE.replace(b"0001a000", b"0009a000")))
    assert run(group, ["ingest", str(folder / "a.jsonl"), "--store", str(folder / "s"), "-q"]) == 0
    return folder


def _newest(store: Path) -> Path:
    return max((store / "manifest").iterdir(), key=lambda path: int(path.stem))


def _parts(store: Path, change: Callable[[Path], Any]) -> None:
    for table in ("measurements", "observations"):
        for path in (store / "tables" / table).rglob("*.parquet"):
            change(path)


def _flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[20 : len(data) // 3 : 7] = bytes(byte ^ 0xFF for byte in data[20 : len(data) // 3 : 7])
    path.write_bytes(data)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "newer format": (lambda s: (s / "clampdown.json").write_text('{"format": 2}'), "format 2"),
    "older format": (lambda s: (s / "clampdown.json").write_text('{"format": 0}'), "old format 0"),
    "no format": (lambda s: (s / "clampdown.json").write_bytes(b"\0\0"), "clampdown.json of the store cannot be read"),
    "manifest cut": (lambda s: _newest(s).write_bytes(_newest(s).read_bytes()[:99]), "cannot be read"),
    "manifest empty": (lambda s: _newest(s).write_bytes(b""), "cannot be read"),
    "manifest that points out": (
        lambda s: _newest(s).write_bytes(_newest(s).read_bytes().replace(b'"tables/', b'"../../tables/')),
        "not a name within a store",
    ),
    "parts missing": (lambda s: _parts(s, Path.unlink), "missing"),
    "parts empty": (lambda s: _parts(s, lambda path: path.write_bytes(b"")), "damaged"),
    "parts cut": (lambda s: _parts(s, lambda path: path.write_bytes(path.read_bytes()[:-200])), "damaged"),
    "parts flipped": (lambda s: _parts(s, _flipped), "damaged"),
    "parts swapped": (
        lambda s: _parts(s, lambda path: shutil.copy(next((s / "tables").rglob("*.p*")), path)),
        "",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_said_by_every_command(
    kind: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    damage, says = DAMAGE[kind]
    shutil.copytree(good / "s", "s")
    shutil.copy(good / "b.jsonl", "b.jsonl")
    damage(Path("s"))
    told = 0
    for words in (["ingest", "b.jsonl"], *COMMANDS):
        code = run(group, [*words, "--store", "s"])
        err = capsysbinary.readouterr().err.decode()
        assert "Traceback" not in err
        assert code in (0, 2), err
        if code == 2:
            told += 1
            assert says in err
            assert err.count("\n") == 1
    assert told >= 3
    assert {p.name for p in tmp_path.iterdir()} <= {"s", "b.jsonl", "r.html", "r.json", "r.witnesses.csv"}


def test_a_flipped_byte_is_noticed_or_changes_nothing(good: Path, tmp_path: Path) -> None:
    """Every 53rd byte of the pages; the footer is not covered by checksums."""
    storage = LocalStorage(good / "s")
    (part,) = open_storage(storage, "s").manifest().days["2024-03-01"].tables["observations"]
    want = read_part(storage, part, TABLES["observations"])
    data = storage.read(part.path)
    footer = int.from_bytes(data[-8:-4], "little") + 8
    bent = tmp_path / part.path
    bent.parent.mkdir(parents=True)
    named: list[str | None] = []
    for at in range(0, len(data) - footer, 53):
        bent.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            assert read_part(LocalStorage(tmp_path), part, TABLES["observations"]).equals(want)
        except StoreError as fault:
            named.append(fault.where)
    assert len(named) > 30
    assert set(named) == {part.path}


@pytest.mark.parametrize("every", [23, pytest.param(1, marks=pytest.mark.long)])
def test_a_full_disk_at_any_step_of_a_whole_ingest(every: int, tmp_path: Path) -> None:
    """Reading, settling and judging on a real folder; the same files as without the interruption."""
    rules, reference = load_rules(), load_reference()
    (tmp_path / "a.jsonl").write_bytes(given.lines(given.ONE, b"{broken"))

    def work(folder: Path, step: Callable[[str], None] = lambda _: None) -> dict[str, bytes]:
        store = open_storage(LocalStorage(folder, step), "s", create=True)
        got = ingest(tmp_path / "a.jsonl", store, workers=1, rules=rules, reference=reference)
        assert (got.records, got.measurements, got.rejected) == (2, 1, 1)
        assert not list(folder.rglob(".tmp-*"))
        return {str(p.relative_to(folder)): p.read_bytes() for p in (folder / "tables").rglob("*.parquet")}

    base = tmp_path / "base"
    open_storage(LocalStorage(base), "s", create=True).pin(reference.digest, {})  # the snapshot is tried elsewhere
    shutil.copytree(base, tmp_path / "whole")
    want = work(tmp_path / "whole")
    refused, said = 0, set[str]()
    while True:
        folder, left = tmp_path / f"tried{refused}", [refused * every]

        def step(_name: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        shutil.copytree(base, folder)
        try:
            work(folder, step)
            break
        except EnvironmentFault as fault:
            said.add(fault.what)
        assert work(folder) == want
        shutil.rmtree(folder)
        refused += 1
    assert refused * every > 45
    assert said == {"no space left on the disk"}
    assert json.loads(_newest(folder).read_bytes())["number"] >= 2
