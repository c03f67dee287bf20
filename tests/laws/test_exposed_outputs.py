"""Law: no one is exposed (law 9), from files to every output: store, documents, exports, words on stderr, rejects."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clampdown.cli import group
from clampdown.cli.frame import run

sys.path.insert(0, str(Path(__file__).parent))
import plants

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from made import record as visit

LISTS = {
    "findings": ("findings",), "events": ("events",), "members": ("events", "--members"), "notes": ("notes",),
}  # fmt: skip
LOCAL = ("vantage", "report", "repeat")
BROKEN = (
    '{{"test_name": "web_connectivity", "probe_ip": "{0}", "input": "{0}"',
    '{{"input": "{0}", "words": ["{0}"]}}',
    '{{"test_name": "x", "test_keys": {1}"{0}"{2}}}',
    '{0} {0}',
)  # fmt: skip


def made() -> Iterator[bytes]:
    """Every nettest's record full of each datum in turn, and broken ones."""
    number = 0
    for test, base in plants.bases():
        for kind in plants.KINDS.values():
            if kind.tests is not None and test.split()[0] not in kind.tests:
                continue
            number += 1
            record = plants.full(base, kind, kind.texts[number % len(kind.texts)])
            uid = f"20240301101112.{number:06}_XA_test_{number:016x}"
            yield json.dumps(record | {"measurement_uid": uid}).encode()
    for kind in plants.KINDS.values():
        for form in BROKEN:
            text = kind.texts[0].replace("\\", "/").replace('"', "")
            yield form.format(text, "[" * 300, "]" * 300).encode()
        yield b"\xff\xfe " + kind.texts[0].encode()


FIRM, THIN = 64500, 64501  # networks with four devices, and with two


def happening() -> Iterator[bytes]:
    """Two weeks on two networks that reach a site, and two that do not; the planted id and report are theirs."""
    for day in range(1, 29):
        for network, sessions in ((FIRM, 4), (THIN, 2)):
            for session in range(sessions):
                host = "given.example" if day < 15 else "denied.example"
                row = visit(host, day, 9 + session, session, network) | {
                    "probe_id": plants.PROBE_ID[:-1] + str(session)
                }
                yield json.dumps(row).replace("given.example", "denied.example").encode()


class Outputs:
    """Runs commands in a folder of their own and keeps every byte that they say or write."""

    def __init__(self, streams: pytest.CaptureFixture[bytes]) -> None:
        self._streams = streams
        self.said: dict[str, str] = {}

    def __call__(self, *words: str) -> str:
        code = run(group, list(words))
        out, err = self._streams.readouterr()
        assert code in (0, 1), err.decode()
        self.said[f"stdout of {' '.join(words)}"] = _text(out)
        self.said[f"stderr of {' '.join(words)}"] = _text(err)
        return out.decode("utf-8", "replace")


def _text(data: bytes) -> str:
    """What a file says: all values of a Parquet file beside its bytes."""
    text = data.decode("utf-8", "replace")
    if data[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(data))
        text += "\n".join(
            str(v)
            for name in table.column_names
            if pa.types.is_string(table.schema.field(name).type)
            for v in set(table[name].to_pylist())
        )
    return text


def everything(folder: Path, outputs: Outputs) -> dict[str, str]:
    """Every file that the commands left, and what they said."""
    files = {str(p.relative_to(folder)): _text(p.read_bytes()) for p in folder.rglob("*") if p.is_file()}
    return {name: text for name, text in files.items() if not name.startswith("in/")} | outputs.said


@pytest.fixture
def river(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/a.jsonl").write_bytes(b"\n".join(made()) + b"\n")
    do = Outputs(capsysbinary)
    summary = json.loads(do("ingest", "in", "--store", "s", "--json", "-v", "--log-format", "json", "--strict"))
    assert summary["measurements"] > 500
    assert sum(summary["rejects"].values()) >= 4 * len(plants.KINDS)
    do("ingest", "in", "--store", "s", "-v", "--again")
    lines = do("judge", "in/a.jsonl", "--format", "jsonl", "-v", "--log-format", "json").splitlines()
    do("judge", "in/a.jsonl", "--format", "table", "-vv")
    do("judge", "--store", "s", "--format", "jsonl")
    do("judge", "--store", "s", "--format", "table")
    Path("in/b.jsonl").write_bytes(b"\n".join(happening()) + b"\n")
    do("ingest", "in/b.jsonl", "--store", "s")
    do("detect", "--store", "s", "-v", "--json")
    for name, words in LISTS.items():
        for form in ("csv", "jsonl", "parquet", "table"):
            do(*words, "--store", "s", "--format", form, "-v", "-o", f"{name}.{form}")
        do(*words, "--store", "s", "--format", "table", "-v")
    for form in ("text", "jsonl", "atom", "jsonfeed"):
        do("watch", "--store", "s", "--since", "0", "--format", form, "-v", "-o", f"watch.{form}")
    do("report", "XA", "--store", "s", "-o", "report.html", "-v", "--log-format", "json")
    do("verify", "report.json", "--store", "s", "--json", "-v")
    do("verify", "report.json", "--store", "s", "-v")
    for table in ("observations", "verdicts", "cells"):
        for form in ("csv", "jsonl", "parquet"):
            do("export", table, "--store", "s", "--format", form, "-o", f"{table}.{form}")
    ids = sorted({json.loads(line)["measurement"] for line in lines})
    for one in ids[:: len(ids) // 40]:
        do("show", one, "--store", "s")
        do("show", one, "--store", "s", "--json")
    return everything(tmp_path, do)


def test_no_output_holds_what_was_planted_or_says_who_measured(river: dict[str, str]) -> None:
    assert river["events.jsonl"].count("\n") > 0, "there is an event to look at"
    assert json.loads(river["report.json"])["timeline"]["events"]
    _few_vantage_points_show_days(river)
    kinds = {"findings.csv", "events.parquet", "members.jsonl", "notes.table", "watch.atom", "watch.jsonfeed"}
    assert kinds <= river.keys()
    kinds = {"report.html", "report.json", "witnesses.csv", "observations.parquet", "cells.csv", "s/clampdown.json"}
    assert kinds <= river.keys()
    assert any(name.startswith("s/tables/rejects/") for name in river)
    for kind, datum in plants.KINDS.items():
        pieces = [piece.lower() for piece in datum.pieces]
        if datum.tests is not None:
            continue  # only some tests know of it: the rows of those are searched in test_exposed_rows
        for name, text in river.items():
            low = text.lower()
            assert not [piece for piece in pieces if piece in low], (kind, name)

    _only_the_store_knows_who(river)


def _few_vantage_points_show_days(river: dict[str, str]) -> None:
    clock = re.compile(r"\d{4}-\d\d-\d\dT\d\d|\d\d:\d\d")
    thin: list[str] = []
    for name in ("findings", "members", "events"):
        for line in river[f"{name}.jsonl"].splitlines():
            row = json.loads(line)
            if row.get("network") == f"AS{THIN}" or f"AS{THIN}" in (row.get("networks") or ()):
                thin.append(json.dumps({k: v for k, v in row.items() if k != "witnesses"}))
                assert row["days_only"], row
    assert len(thin) >= 3, "a finding, a change, and the event"
    assert not [line for line in thin if clock.search(line)]
    assert any(not json.loads(line)["days_only"] for line in river["findings.jsonl"].splitlines()), "and others do"
    assert not clock.search(re.sub(r"<(updated|published)>[^<]*<|[^ ]* \(run \d+\)", "", river["watch.atom"]))


def _keys(river: dict[str, str], folder: Path) -> set[str]:
    """Every value by which the store tells vantage points and sessions apart."""
    found: set[str] = set()
    for name in river:
        if name.startswith("s/tables/measurements/"):
            table = pq.read_table(folder / name)
            found.update(v for column in ("vantage", "report") for v in table[column].to_pylist() if v)
    return found


def _only_the_store_knows_who(river: dict[str, str]) -> None:
    keys = _keys(river, Path())
    assert len(keys) > 6, "the store itself knows vantage points"
    secrets = [plants.PROBE_ID, plants.PROBE_ID[:-1], plants.REPORT, *keys]
    whole = re.compile(r"s/(tables/(findings|events|event_members|notes)|log)/")
    assert sum(bool(whole.match(name)) for name in river) >= 4
    for name, text in river.items():
        if not name.startswith("s/") or whole.match(name):
            assert not [secret for secret in secrets if secret in text], name
        assert plants.PROBE_ID not in text, name


def test_what_is_searched_for_could_be_found() -> None:
    """Each piece stands in its own text: else the search would prove nothing."""
    for kind, datum in plants.KINDS.items():
        for text in datum.texts:
            assert any(piece.lower() in text.lower() for piece in datum.pieces), (kind, text)
    assert len(list(made())) > 700
    record = plants.full(dict(plants.bases())["web_connectivity"], plants.KINDS["cookie"], "Cookie: a=s3cr3tword")
    text = json.dumps(record)
    found = text.count("s3cr3tword")
    assert found > 20
    assert base64.b64encode(b"Cookie: a=s3cr3tword").decode() in text
