"""Law: levels are written before the clock starts; the package goes over a store, in processes of its own.

python bench/signals/timing.py STORE WORKERS [read]   one JSON object: seconds, levels, peak memory

The store holds what settling would have left: parts of each day, sorted by series and time, written by the package's
own writer. What is timed is `pipeline.outages.compute`, from the manifest to the tables. `read` is the floor: the same
columns of the same files, each file once, divided by days, checksums and all, and nothing done with them.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

BENCH = Path(__file__).resolve().parents[1]
sys.path[:0] = [path for path in (str(BENCH), str(BENCH.parent / "src")) if path not in sys.path]

from sim.arms import Figure  # noqa: E402

from clampdown.intake.levels import Signal, series_id  # noqa: E402
from clampdown.model import CONNECTIVITY  # noqa: E402
from clampdown.store.manifest import Day, Manifest, Part, commit  # noqa: E402
from clampdown.store.storage import LocalStorage  # noqa: E402
from clampdown.store.store import Store  # noqa: E402
from clampdown.store.tables import read, write_settled  # noqa: E402
from signals.kinds import BY_NAME  # noqa: E402

DAY: Final = 86_400
GB: Final = 1e9
COLUMNS: Final = ("series", "time", "value", "quality")
_SIGNALS: Final = ("bgp/slash24", "probing/slash24", "telescope/sources", "google/search", "cloudflare/http")
CUTS: Final = 1 / 400  # of entities a day that have a cut of four hours: about one a year


@dataclass(frozen=True, slots=True)
class Load:
    """How many levels are asked for, and in what time."""

    name: str
    kind: str
    entities: int
    signals: tuple[str, ...]
    step: int
    days: int
    aim: float  # seconds

    @property
    def levels(self) -> int:
        return self.entities * len(self.signals) * self.days * (DAY // self.step)


TEN_YEARS: Final = Load("250 countries x 5 signals, 10 minutes, ten years", "country", 250, _SIGNALS, 600, 3650, 300)
NETWORKS: Final = Load("2,000 networks, 5 minutes, one month", "network", 2000, _SIGNALS[:1], 300, 30, 60)


def scaled(load: Load, scale: float) -> Load:
    """Fewer days, down to three weeks; then fewer entities."""
    days = max(21, round(load.days * scale))
    few = max(2, min(load.entities, round(load.entities * load.days * scale / days)))
    return Load(load.name, load.kind, few, load.signals, load.step, days, load.aim)


def _rows(load: Load) -> list[dict[str, Any]]:
    rows = []
    for number in range(load.entities):
        network = 4_200_000_000 + number if load.kind == "network" else None
        country = chr(65 + number // 26 % 26) + chr(65 + number % 26)
        entity = country if network is None else f"AS{network}"
        for name in load.signals:
            kind = BY_NAME[name]
            signal = Signal(
                entity, load.kind, kind.plane, name, kind.operator, kind.operator, load.step, country, network
            )
            own = {key: value for key, value in signal._asdict().items() if key in CONNECTIVITY["series"].names}
            own |= {"series": series_id(signal, None), "scale": "all", "input": "0" * 64, "locator": "made.csv"}
            rows.append(own | {"rows": DAY // load.step, "day": "2015-01-01"})
    return sorted(rows, key=lambda row: row["series"])


def write(load: Load, folder: Path, workers: int) -> None:
    """A store with this load, as settling leaves it."""
    rows = _rows(load)
    job = partial(_write_days, load, folder, rows)
    parts = [range(n, load.days, max(workers, 1)) for n in range(max(workers, 1))]
    if workers < 2:
        made = [job(parts[0])]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            made = list(pool.map(job, parts))
    days = {day: entry for found in made for day, entry in found.items()}
    storage = LocalStorage(folder)
    storage.write_new("clampdown.json", b'{"format": 1}')
    commit(storage, Manifest(days=days))


def _write_days(load: Load, folder: Path, rows: list[dict[str, Any]], days: range) -> dict[str, Day]:
    storage, made = LocalStorage(folder), {}
    bins, ids = DAY // load.step, [row["series"] for row in rows]
    rng = np.random.default_rng(7)
    kinds = [BY_NAME[row["signal"]] for row in rows]
    once = pa.Table.from_pylist(rows, schema=CONNECTIVITY["series"])
    once = once.sort_by([(name, "ascending") for name in ("country", "entity", "signal", "series")])
    base = np.exp(rng.uniform(np.log(500), np.log(50_000), len(ids)))
    deep = np.array([kind.diurnal[1] for kind in kinds])
    noise = np.array([max(kind.noise[1], 5e-4) for kind in kinds])
    phase = 2 * np.pi * (np.arange(bins) / bins)[None, :] - rng.uniform(0, 2 * np.pi, len(ids))[:, None]
    usual = base[:, None] * np.exp(-deep[:, None] * ((1 + np.cos(phase)) / 2) ** 2)
    series = pa.array(ids).take(pa.array(np.repeat(np.arange(len(ids)), bins)))
    nothing = pa.nulls(len(series), pa.float64())
    clock = np.tile(np.arange(bins) * load.step, len(ids)) * np.timedelta64(1_000_000, "us")
    width = bins * 4 // 24
    for number in days:
        rng = np.random.default_rng([11, number])
        level = usual * (1 + noise[:, None] * rng.standard_normal(usual.shape, dtype=np.float32))
        cut = np.flatnonzero(np.random.default_rng([12, number]).random(len(ids)) < CUTS)
        for row in cut:
            first = int(rng.integers(0, bins - width))
            level[row, first : first + width] *= 0.2
        day = date(2015, 1, 1) + timedelta(days=number)
        name = day.isoformat()
        times = pa.array(np.datetime64(name, "us") + clock, pa.timestamp("us"))
        values = pa.array(np.rint(level).ravel())
        table = pa.Table.from_arrays(
            [series, times, values, nothing, pa.repeat(pa.scalar(name), len(series))], schema=CONNECTIVITY["signals"]
        )
        told = once.set_column(once.schema.get_field_index("day"), "day", pa.repeat(pa.scalar(name), len(once)))
        tables = {
            "signals": write_settled(storage, "signals", name, table),
            "series": write_settled(storage, "series", name, told.cast(CONNECTIVITY["series"])),
        }
        begin, end = f"{name}T00:00:00Z", f"{name}T23:55:00Z"
        made[name] = Day(tables, "0" * 64, levels="0" * 64, levels_first=begin, levels_last=end, levels_newest=end)
    return made


def parts_of(folder: Path) -> list[tuple[Part, ...]]:
    """The parts of signals of every day."""
    days = Store(LocalStorage(folder)).manifest().days
    return [days[day].tables["signals"] for day in sorted(days)]


def _read(folder: Path, workers: int, part: int) -> int:
    found = parts_of(folder)[part::workers]
    return sum(read(LocalStorage(folder), "signals", each, columns=list(COLUMNS)).num_rows for each in found)


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.is_file():  # a child begins with its parent's maximum in ru_maxrss; VmHWM is its own
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _each(job: Any, workers: int) -> list[Any]:
    if workers < 2:
        return [job(0)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(job, range(workers)))


def detected(folder: Path, workers: int) -> dict[str, float]:
    """The whole way from a store to its outages."""
    from clampdown.pipeline.outages import compute

    start = time.perf_counter()
    made = compute(Store(LocalStorage(folder)), workers=workers)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit  # of the largest one
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    return {"seconds": seconds, "cpu": cpu, "own": _peak(), "child": child, "outages": made["outages"].num_rows}


def timed(folder: Path, workers: int, *more: str) -> dict[str, float]:
    """In a fresh process."""
    path = os.pathsep.join([str(BENCH.parent / "src"), str(BENCH), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(Path(__file__)), str(folder), str(workers), *more]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False)
    if done.returncode:
        sys.exit(f"bench: outages failed\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def figures(folder: Path, scale: float, workers: int) -> list[Figure]:
    made = []
    for number, load in enumerate((TEN_YEARS, NETWORKS)):
        small = scaled(load, scale)
        place = folder / str(number)
        start = time.perf_counter()
        write(small, place, workers)
        written = time.perf_counter() - start
        size = sum(part.size for parts in parts_of(place) for part in parts)
        floor, run = timed(place, workers, "read"), timed(place, workers)
        label = f"{load.name}: {small.entities} of {load.entities} entities, {small.days} of {load.days} days"
        of, aim = f"{small.levels:,} levels", f"<= {load.aim:g}" if scale == 1 else ""
        made += [
            Figure(label, "seconds", run["seconds"], aim=aim, of=f"{of}, {run['outages']} outages"),
            Figure(label, "processor seconds, all processes", run["cpu"], of="what other programs take is not in it"),
            Figure(label, "million levels a second", small.levels / run["seconds"] / 1e6, of=of),
            Figure(label, "floor: seconds to read the files", floor["seconds"], of=f"{size / GB:.2f} GB"),
            Figure(label, "peak GB of the process that was started", run["own"] / GB),
            Figure(label, "peak GB of the largest of its workers", run["child"] / GB, of=f"{workers} processes"),
            Figure(label, "seconds to make the files (not counted)", written),
        ]
    return made


def main() -> None:
    folder, workers, *more = sys.argv[1:]
    if more:
        start = time.perf_counter()
        rows = sum(_each(partial(_read, Path(folder), int(workers)), int(workers)))
        print(json.dumps({"seconds": time.perf_counter() - start, "levels": rows}))
    else:
        print(json.dumps(detected(Path(folder), int(workers))))


if __name__ == "__main__":
    main()
