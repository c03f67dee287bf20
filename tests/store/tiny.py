"""Law: a tiny world for the store's tests: rows in the model's columns, made from a few words."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from clampdown.model import MATCHES, MEASUREMENTS, OBSERVATIONS, Batch, Reject

START = datetime(2024, 3, 1)


def measurement(
    n: int, *, content: str = "", written: str = "", file: str = "a.jsonl", line: int = 1, **other: Any
) -> dict[str, Any]:
    """One measurement row; `content` makes another content under the same id, `written` the same in other bytes."""
    time = START + timedelta(hours=7 * n)
    row: dict[str, Any] = {
        "measurement": f"m{n:04}",
        "digest": hashlib.sha256(f"{n}{content}{written}".encode()).hexdigest(),
        "references": "r1",
        "source": "ooni",
        "locator": f"{file}:{line}",
        "test": "web_connectivity",
        "country": ("XA", "XB", None)[n % 3],
        "network": (64500, 64501, None)[n % 3],
        "time": time,
        "day": time.date().isoformat(),
        "hour": time.hour,
        "target": f"web/t{n % 4}.example",
        "repeat": f"rep{n}",
        "degraded": "",
        "input": f"https://t{n % 4}.example/{content}",
    }
    return row | other


def facts(row: dict[str, Any], n: int = 3) -> list[dict[str, Any]]:
    """Observations of a measurement: its target and one hop elsewhere."""
    return [
        {
            "measurement": row["measurement"],
            "digest": row["digest"],
            "seq": seq,
            "origin": "probe",
            "operation": "dns_lookup",
            "layer": "dns",
            "target": row["target"] if seq else "web/hop.example",
            "outcome": "ok",
            "detail": row["input"],
        }
        for seq in range(n)
    ]


def matches(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A match whose fingerprint says by which references it was found."""
    found = {"measurement": row["measurement"], "digest": row["digest"], "seq": 1, "place": "body"}
    return [found | {"fingerprint": f"fp_{row['references']}"}]


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table, columns that are not named being null."""
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema)


def batch(rows: list[dict[str, Any]], rejects: tuple[Reject, ...] = ()) -> Batch:
    """What a source would give for these measurements."""
    return Batch(
        table(rows, MEASUREMENTS),
        table([o for row in rows for o in facts(row)], OBSERVATIONS),
        table([m for row in rows for m in matches(row)], MATCHES),
        rejects,
    )


def read(stream: Any, name: str, kit: Any, _limits: Any) -> Any:
    """A source for tests: each line is `n content`; what is not a number is a reject."""
    rows: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    for line, text in enumerate(stream.read().decode().splitlines(), 1):
        number, _, content = text.partition(" ")
        if number.isdigit():
            row = measurement(int(number), content=content, file=name, line=line, references=kit.references)
            rows.append(row)
        else:
            rejects.append(Reject(name, None, line, hashlib.sha256(text.encode()).hexdigest(), len(text), "not_json"))
    yield batch(rows, tuple(rejects))
