"""Law: the same size gives the same files of signals, byte for byte, in the formats in which signals are published.

Every file is synthetic and says so. Levels are the script's (demo/data/signals.toml) with noise that follows from the
name of the series; where the script says that something is missing, there is no value, and never a zero.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import pi, sin
from pathlib import Path
from typing import Any, Final

from clampdown.demo.cuts import Cut, Line, Signals, load_signals
from clampdown.demo.script import Script, load_script

SAID: Final = "Synthetic: made by clampdown demo for a fictional country; nobody measured this."
_LOCAL: Final = timedelta(hours=6, minutes=30)
_PEAK: Final = 9 / 24  # the day's swing is upwards from this local hour on, for twelve hours
_IODA: Final = {"bgp/slash24": "bgp", "probing/slash24": "ping-slash24", "telescope/sources": "merit-nt"}
_GOOGLE: Final = {"google/search": 19}
_FRAC: Final = 78
_CONTEXT: Final = ("date", "end", "country", "kind", "region", "cause", "acknowledged", "title")
Level = float | None
Levels = Sequence[Level]


def make_signals(folder: Path, fine: int) -> tuple[Path, ...]:
    """Write the files of signals into a folder. `fine`: the step of the finest series, in seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    made = signal_files(load_signals(), load_script(), fine)
    for name, text in made.items():
        (folder / name).write_bytes(text.encode())
    return tuple(folder / name for name in sorted(made))


def signal_files(signals: Signals, script: Script, fine: int) -> dict[str, str]:
    """Name of each file -> its text."""
    first = datetime(script.first_day.year, script.first_day.month, script.first_day.day)
    until = first + timedelta(days=script.days)
    told: list[tuple[Line, int, Levels]] = []
    for line in signals.lines:
        step = fine if line.fine else line.step
        told.append((line, step, levels(line, step, first, until, signals.cuts)))
    files: dict[str, str] = {}
    ioda = sorted((t for t in told if t[0].signal in _IODA), key=lambda t: t[0].entity)
    for entity, lines in groupby(ioda, key=lambda t: t[0].entity):
        files[f"ioda-signals-{_plain(entity)}.json"] = _answer(entity, lines, first)
    for line, step, found in told:
        if line.signal in _GOOGLE:
            files[f"traffic_{line.entity}_product-{_GOOGLE[line.signal]}.json"] = _traffic(found, step, first)
    tor = [t for t in told if t[0].signal == "tor/bridge-users"]
    if tor:
        files["userstats-bridge-country.csv"] = _users(tor, first, signals.cuts)
    known = (*_IODA, *_GOOGLE, "tor/bridge-users")
    files["exchange.csv"] = _table([t for t in told if t[0].signal not in known], first)
    files["records.csv"] = _records(signals)
    return files


def levels(line: Line, step: int, first: datetime, until: datetime, cuts: Iterable[Cut]) -> Levels:
    """What is there at each time; None where there is no value."""
    rng = random.Random(f"{line.entity} {line.signal} {step}")
    every = timedelta(seconds=step)
    own = [cut for cut in cuts if line.entity in cut.entities]
    made: list[Level] = []
    now = first
    while now < until:
        local = now + _LOCAL
        day = (local.hour + local.minute / 60) / 24
        shape = 1 + line.daily * sin(2 * pi * (day - _PEAK)) if step < 86_400 else 1.0
        shape *= line.weekend if local.weekday() >= 5 else 1.0
        value = line.level * shape * max(0.0, 1 + line.noise * rng.gauss())
        gone = False
        for cut in own:
            part = max(_within(now, now + every, *times) for times in cut.times(line.signal))
            gone = gone or (part > 0 and line.signal in cut.missing)
            value *= 1 - part * (1 - cut.left.get(line.signal, 1.0))
        made.append(None if gone else round(value, 2) if line.level < 100 else float(round(value)))
        now += every
    return made


def _within(begin: datetime, end: datetime, first: datetime, last: datetime) -> float:
    """How much of a bin lies within a time, 0..1."""
    both = min(end, last) - max(begin, first)
    return max(0.0, both / (end - begin))


def _plain(entity: str) -> str:
    return entity.replace("/", "-").replace("@", "-")


def _epoch(time: datetime) -> int:
    return int(time.replace(tzinfo=UTC).timestamp())


# ---- the formats -----------------------------------------------------------------------------------------------------


def _answer(entity: str, lines: Iterable[tuple[Line, int, Levels]], first: datetime) -> str:
    """An answer of IODA's interface about signals."""
    data = [
        {
            **_whom(entity), "datasource": _IODA[line.signal], "from": _epoch(first),
            "until": _epoch(first) + step * len(found), "step": step, "nativeStep": step,
            "values": [None if value is None else int(value) for value in found],
        }
        for line, step, found in lines
    ]  # fmt: skip
    asked = {"entityType": data[0]["entityType"], "entityCode": data[0]["entityCode"]}
    answer = {"type": "signals", "copyright": SAID, "requestParameters": asked, "error": None, "data": [data]}
    return json.dumps(answer, separators=(",", ":")) + "\n"


def _whom(entity: str) -> dict[str, Any]:
    country, _, region = entity.partition("/")
    network, _, within = entity.partition("@")
    if region:
        fqid = f"geo.provider.ZZ.{country}.9001"
        return {"entityType": "region", "entityCode": "9001", "entityName": region, "entityFqid": fqid}
    if within:
        return {"entityType": "geoasn", "entityCode": f"{network.removeprefix('AS')}-{within}", "entityName": network}
    return {"entityType": "country", "entityCode": country, "entityName": country, "entityFqid": f"geo.{country}"}


def _traffic(found: Levels, step: int, first: datetime) -> str:
    """An answer of Google's traffic report: the file's name says of what."""
    top = max(value for value in found if value is not None)
    start = _epoch(first)
    points = [
        [1000 * (start + step * at), [[0, round(value / top, 6)]]]
        for at, value in enumerate(found)
        if value is not None
    ]
    return ")]}'\n" + json.dumps([[SAID[:60], points]], separators=(",", ":")) + "\n"


def _users(told: Iterable[tuple[Line, int, Levels]], first: datetime, cuts: Sequence[Cut]) -> str:
    """The table of Tor Metrics of users of bridges by country."""
    file = io.StringIO(newline="")
    file.write(f"#\n# {SAID}\n# The columns are those of userstats-bridge-country.csv of Tor Metrics.\n#\n")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("date", "country", "users", "frac"))
    for line, step, found in told:
        for at, value in enumerate(found):
            day = first + timedelta(seconds=step * at)
            frac = next((c.frac for c in cuts if c.frac is not None and _touches(c, line, day)), _FRAC + at % 3)
            if value is not None:
                writer.writerow((day.date().isoformat(), line.entity.lower(), int(value), frac))
    return file.getvalue()


def _touches(cut: Cut, line: Line, day: datetime) -> bool:
    times = cut.times(line.signal)
    return line.entity in cut.entities and any(begin <= day < end for begin, end in times)


def _table(told: Iterable[tuple[Line, int, Levels]], first: datetime) -> str:
    """A plain table: whatever has no format of its own."""
    file = io.StringIO(newline="")
    file.write(f"# {SAID}\n")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("time", "entity", "signal", "value", "plane", "operator", "unit", "step"))
    for line, step, found in told:
        for at, value in enumerate(found):
            time = (first + timedelta(seconds=step * at)).isoformat() + "Z"
            text = "" if value is None else f"{value:g}"
            writer.writerow((time, line.entity, line.signal, text, "usage", "campus-exchange", "count", step))
    return file.getvalue()


def _records(signals: Signals) -> str:
    """A plain table of what others published."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_CONTEXT)
    writer.writerows([record.get(name, "") for name in _CONTEXT] for record in signals.records)
    return file.getvalue()
