"""Law: levels are written before the clock starts; the package goes over what was written, in processes of its own.

python bench/signals/timing.py FOLDER WORKERS [read]   one JSON object: seconds, levels, peak memory

Files are as the store settles them: one a day, sorted by series and time, zstd, row groups of 65,536 rows. The watch
over series is divided by series: each process reads those row groups that hold some of its own. `read` is the floor:
the same columns of the same files, each file once, divided by days, and nothing done with them.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BENCH = Path(__file__).resolve().parents[1]
sys.path[:0] = [path for path in (str(BENCH), str(BENCH.parent / "src")) if path not in sys.path]

from sim.arms import Figure  # noqa: E402

from clampdown.intake.levels import Signal, series_id  # noqa: E402
from clampdown.model import CONNECTIVITY  # noqa: E402
from signals.kinds import BY_NAME  # noqa: E402

DAY: Final = 86_400
GB: Final = 1e9
COLUMNS: Final = ("series", "time", "value", "quality")
GROUP: Final = 1 << 16
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
    """One file a day, and what the series are."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows(load)
    pq.write_table(pa.Table.from_pylist(rows, schema=CONNECTIVITY["series"]), folder / "series.parquet")
    (folder / "signals").mkdir(exist_ok=True)
    job = partial(_write_days, load, folder, [row["series"] for row in rows], [row["signal"] for row in rows])
    parts = [range(n, load.days, max(workers, 1)) for n in range(max(workers, 1))]
    if workers < 2:
        job(parts[0])
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(job, parts))


def _write_days(load: Load, folder: Path, ids: list[str], signals: list[str], days: range) -> None:
    bins = DAY // load.step
    rng = np.random.default_rng(7)
    kinds = [BY_NAME[name] for name in signals]
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
        path = folder / "signals" / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", compression_level=3, row_group_size=GROUP)


def days_of(
    folder: Path, low: str = "", high: str = "~", wanted: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, pa.Table]]:
    """Days in order with the row groups that hold series from `low` up to `high`."""
    for path in sorted((folder / "signals").glob("*.parquet")):
        if wanted is not None and path.stem not in wanted:
            continue
        with pq.ParquetFile(path, read_dictionary=["series"]) as file:
            groups = []
            for number in range(file.num_row_groups):
                held = file.metadata.row_group(number).column(0).statistics
                if held is None or (held.min < high and held.max >= low):
                    groups.append(number)
            yield path.stem, file.read_row_groups(groups, columns=list(COLUMNS), use_threads=False)


def _watched(folder: Path, workers: int, part: int) -> Any:
    from clampdown.detect.manners import load_manners
    from clampdown.detect.watching import abouts, watch

    known = abouts(pq.read_table(folder / "series.parquet"))
    names = sorted(known)
    edges = [len(names) * n // workers for n in range(workers + 1)]
    mine = names[edges[part] : edges[part + 1]]
    high = names[edges[part + 1]] if part + 1 < workers else "~"
    return watch(days_of(folder, mine[0], high), {name: known[name] for name in mine}, load_manners()), _peak()


def _read(folder: Path, workers: int, part: int) -> int:
    rows = 0
    for number, path in enumerate(sorted((folder / "signals").glob("*.parquet"))):
        if number % workers == part:
            with pq.ParquetFile(path, read_dictionary=["series"]) as file:
                rows += file.read(columns=list(COLUMNS), use_threads=False).num_rows
    return rows


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
    """The whole way from levels to outages."""
    from clampdown.detect.outages import GivenOutages, Watched, fuse
    from clampdown.detect.watching import abouts

    start = time.perf_counter()
    found = _each(partial(_watched, folder, workers), workers)
    watching = time.perf_counter() - start
    whole = Watched()
    for one, _ in found:
        whole.falls += one.falls
        whole.withheld += one.withheld
        whole.first |= one.first
        whole.last |= one.last
    known = abouts(pq.read_table(folder / "series.parquet"))
    made = fuse(whole, known, GivenOutages(), lambda wanted: days_of(folder, wanted=wanted))
    seconds = time.perf_counter() - start
    peak = _peak() + (sum(one for _, one in found) if workers > 1 else 0)
    counted = {"falls": len(whole.falls), "outages": made["outages"].num_rows}
    return {"seconds": seconds, "watching": watching, "peak": peak, **counted}


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
        size = sum(path.stat().st_size for path in (place / "signals").iterdir())
        floor, run = timed(place, workers, "read"), timed(place, workers)
        label = f"{load.name}: {small.entities} of {load.entities} entities, {small.days} of {load.days} days"
        of, aim = f"{small.levels:,} levels", f"<= {load.aim:g}" if scale == 1 else ""
        made += [
            Figure(label, "seconds", run["seconds"], aim=aim, of=of),
            Figure(label, "    of them watching series", run["watching"], of=f"{run['falls']} falls"),
            Figure(label, "    and what follows", run["seconds"] - run["watching"], of=f"{run['outages']} outages"),
            Figure(label, "million levels a second", small.levels / run["seconds"] / 1e6, of=of),
            Figure(label, "floor: seconds to read the files", floor["seconds"], of=f"{size / GB:.2f} GB"),
            Figure(label, "peak GB, all processes", run["peak"] / GB, of=f"{workers} processes"),
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
