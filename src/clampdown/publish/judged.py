"""Law: one line per measurement and target, in the shape of the contract, the same for the same input.

The contract is `clampdown judge --format jsonl`. Vantage points are ordinals within one network and output.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
import pyarrow as pa

from clampdown.assess.witnesses import ordinals
from clampdown.model import LAYERS
from clampdown.publish import numbers as num
from clampdown.publish import words

_LOCATOR: Final = re.compile(r"(?P<file>[^!]*?)(?:!(?P<member>.*?))?(?::(?P<line>\d+))?", re.DOTALL)


class Place(NamedTuple):
    """Where a record lies."""

    file: str
    member: str | None
    line: int | None


class Layer(msgspec.Struct, frozen=True):
    verdict: str | None
    rules: tuple[str, ...]


class Line(msgspec.Struct, frozen=True):
    """One measurement x target."""

    file: str
    line: int | None
    member: str | None
    measurement: str
    test: str | None
    test_version: str | None
    country: str | None
    network: str | None
    time: str | None
    vantage: int | None
    target: str | None
    state: str
    mechanisms: tuple[str, ...]
    noted: tuple[str, ...]
    layers: dict[str, Layer]
    why: str
    degraded: tuple[str, ...]


def place_of(locator: str) -> Place:
    """Take a locator (`file!member:line`) apart."""
    found = _LOCATOR.fullmatch(locator)
    if found is None:  # cannot happen: every part is optional
        return Place(locator, None, None)
    line = found["line"]
    return Place(found["file"], found["member"], int(line) if line else None)


def stamp(time: datetime | None) -> str | None:
    """RFC 3339 with Z."""
    return None if time is None else time.isoformat() + "Z"


def lines(
    measurements: pa.Table,
    verdicts: pa.Table,
    fired: pa.Table,
    reasons: words.Reasons | None = None,
    places: Sequence[Place] | None = None,
    known: dict[tuple[int | None, str], int] | None = None,
) -> list[Line]:
    """Lay verdicts beside the rows of the measurements they are of. `places` runs parallel to the measurements where
    the caller knows more of their files than the locator tells. `known` carries the ordinals from one part of an
    output to the next, and grows."""
    by_measurement: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in verdicts.to_pylist():
        by_measurement[row["measurement"]].append(row)
    rules: dict[tuple[str, str | None], list[dict[str, Any]]] = defaultdict(list)
    for row in fired.to_pylist():
        rules[row["measurement"], row["target"]].append(row)
    columns = ("measurement", "locator", "test", "test_version", "country", "network", "time", "vantage", "degraded")
    rows = measurements.select(list(columns)).to_pylist()
    numbered = _numbered(rows, {} if known is None else known)
    made: list[Line] = []
    for index, row in enumerate(rows):
        place = places[index] if places is not None else place_of(row["locator"])
        ordinal = numbered.get((row["network"], row["vantage"]))
        found = by_measurement.get(row["measurement"]) or [{"target": None, "state": "unknown"}]
        made += [_line(row, place, ordinal, v, rules[row["measurement"], v["target"]], reasons) for v in found]
    made.sort(key=lambda x: (x.file, x.member or "", x.line or 0, x.measurement, x.target or ""))
    return made


def _numbered(
    rows: Sequence[dict[str, Any]], known: dict[tuple[int | None, str], int]
) -> dict[tuple[int | None, str], int]:
    """Go on counting the vantage points of each network behind those that are known."""
    taken: dict[int | None, int] = defaultdict(int)
    for network, _ in known:
        taken[network] += 1
    new = [(r["network"], r["vantage"], r["time"]) for r in rows if (r["network"], r["vantage"]) not in known]
    known.update({key: number + taken[key[0]] for key, number in ordinals(new).items()})
    return known


def _line(
    row: dict[str, Any],
    place: Place,
    ordinal: int | None,
    verdict: dict[str, Any],
    fired: list[dict[str, Any]],
    reasons: words.Reasons | None,
) -> Line:
    best = verdict.get("mechanism")
    deciding = [f["mechanism"] for f in fired if f["decides"] and f["mechanism"]]
    mechanisms = tuple(dict.fromkeys(([best] if best else []) + sorted(deciding)))
    # A rule that fired behind the winner of its own step says less about that step than the winner does.
    noted = tuple(sorted({f["mechanism"] for f in fired if f["won"] and f["mechanism"]}.difference(mechanisms)))
    layers = {
        layer: Layer(verdict.get(layer), tuple(sorted({f["rule"] for f in fired if f["layer"] == layer})))
        for layer in LAYERS
    }
    return Line(
        file=place.file,
        line=place.line,
        member=place.member,
        measurement=row["measurement"],
        test=row["test"],
        test_version=row["test_version"],
        country=row["country"],
        network=None if row["network"] is None else num.network(row["network"]),
        time=stamp(row["time"]),
        vantage=ordinal,
        target=verdict["target"],
        state=verdict["state"],
        mechanisms=mechanisms,
        noted=noted,
        layers=layers,
        why=words.why(verdict["state"], best, verdict.get("rule"), reasons, words.extent(fired, verdict.get("rule"))),
        degraded=tuple(part for part in (row["degraded"] or "").split(",") if part),
    )


def jsonl(made: Iterable[Line]) -> Iterator[bytes]:
    """One JSON object a line."""
    encoder = msgspec.json.Encoder()
    for line in made:
        yield encoder.encode(line) + b"\n"


def table(made: Iterable[Line], width: int = 40) -> str:
    """A plain table for a terminal: no colour, nothing invisible, columns as wide as what they hold."""
    head = ("record", "network", "day", "target", "state", "mechanisms")
    rows: list[tuple[str, ...]] = [head]
    for line in made:
        where = (line.member or line.file) + (f":{line.line}" if line.line else "")
        rows.append(
            (
                _fit(where, width),
                line.network or "-",
                (line.time or "-")[:10],
                _fit(line.target or "-", width),
                words.STATE.get(line.state, line.state),
                ", ".join(line.mechanisms) or "-",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    text = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    text.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(text) + "\n"


def _fit(text: str, width: int) -> str:
    shown = num.plain(text)
    return shown if len(shown) <= width else "…" + shown[-(width - 1) :]
