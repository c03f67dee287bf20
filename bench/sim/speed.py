"""Law: verdict rows are written before the clock starts; detection runs in a process of its own over what was written.

python bench/sim/speed.py FOLDER OUT DAYS MODULE   MODULE detects over the first DAYS files; prints one JSON object
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

BENCH = Path(__file__).resolve().parents[1]
if str(BENCH) not in sys.path:
    sys.path.append(str(BENCH))

from sim.rows import coverage  # noqa: E402

if TYPE_CHECKING:
    from sim.world import World


def write(world: World, folder: Path) -> int:
    """One file a day, as the store writes them; how many rows."""
    rows = 0
    for place, day in enumerate(world.days()):
        for name, table in (("verdicts", day), ("coverage", coverage(day))):
            (folder / name).mkdir(parents=True, exist_ok=True)
            pq.write_table(table, folder / name / f"{place:05d}.parquet", compression="zstd", compression_level=3)
        rows += day.num_rows
    return rows


def read(folder: Path, days: int, columns: list[str] | None = None) -> Iterator[pa.Table]:
    for path in sorted(folder.glob("*.parquet"))[:days]:
        yield pq.read_table(path, columns=columns)


def timed(folder: Path, out: Path, days: int, detector: str = "clampdown.detect") -> dict[str, Any]:
    """Detection in a fresh process: seconds, peak memory, and where its tables are."""
    path = os.pathsep.join([str(BENCH.parent / "src"), str(BENCH), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(Path(__file__)), str(folder), str(out), str(days), detector]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False)
    if done.returncode:
        sys.exit(f"bench: detection failed\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def results(out: Path) -> dict[str, pa.Table]:
    return {path.stem: pq.read_table(path) for path in sorted(out.glob("*.parquet"))}


_WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    status = Path("/proc/self/status")
    if status.is_file():  # a child begins with its parent's maximum in ru_maxrss; VmHWM is its own
        own = next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def main() -> None:
    folder, out, days, detector = sys.argv[1:]
    module = import_module(detector)
    columns = getattr(module, "COLUMNS", None)
    rows = 0

    def counted() -> Iterator[pa.Table]:
        nonlocal rows
        for day in read(Path(folder) / "verdicts", int(days), columns and list(columns)):
            rows += day.num_rows
            yield day

    start = time.perf_counter()
    found = module.detect_tables(counted(), read(Path(folder) / "coverage", int(days)))
    seconds = time.perf_counter() - start
    Path(out).mkdir(parents=True, exist_ok=True)
    for name, table in found.items():
        pq.write_table(table, Path(out) / f"{name}.parquet")
    start = time.perf_counter()
    for name in found:
        pq.read_table(Path(out) / f"{name}.parquet")
    cpu = sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, _WHOSE))
    print(
        json.dumps(
            {"cpu": cpu, "rows": rows, "seconds": seconds, "peak": _peak(), "reading": time.perf_counter() - start}
        )
    )


if __name__ == "__main__":
    main()
