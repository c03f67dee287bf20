"""Law: figures are medians of fresh processes over an archive made from a seed; the floor is measured beside them.

python bench/run.py            at least 300 MB of web records, web records of version 0.5, a mix of small tests
python bench/run.py --small    some MB, so that the benchmark itself cannot rot (CI)
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import archive

HERE = Path(__file__).resolve().parent
STAGES = {
    "floor": "(a) floor: gunzip + parse only, nothing kept, 1 process",
    "parts": "    the libraries' own part of (b), nothing kept",
    "observe": "(b) raw to observations, 1 process",
    "river": "(c) the whole river, all cores",
}
MB = 1_000_000


def measure(stage: str, paths: list[Path], runs: int) -> dict[str, float]:
    """The median run of a stage, each in a process that did nothing before; the peak is the highest of all runs."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")]),
    }
    found: list[dict[str, float]] = []
    for _ in range(runs):
        command = [sys.executable, str(HERE / "stages.py"), stage, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            sys.exit(f"bench: {stage} failed\n{done.stderr}")
        found.append(json.loads(done.stdout.splitlines()[-1]))
    middle = sorted(found, key=lambda run: run["seconds"])[len(found) // 2]
    return {
        **middle,
        "seconds": statistics.median(run["seconds"] for run in found),
        "peak": max(r["peak"] for r in found),
    }


def table(profile: str, paths: list[Path], runs: int) -> dict[str, dict[str, float]]:
    size = sum(len(gzip.decompress(path.read_bytes())) for path in paths)
    packed = sum(path.stat().st_size for path in paths)
    results = {stage: measure(stage, paths, runs) for stage in STAGES}
    count = int(results["floor"]["measurements"])
    print(f"\n{profile}: {size / MB:.0f} MB ({packed / MB:.0f} MB packed, {len(paths)} files)", end="")
    print(f", {count:,} measurements of {size / count / 1000:.1f} KB; medians of {runs} runs, MB unpacked")
    print(f"{'stage':58}{'MB/s':>8}{'meas./s':>10}{'peak MB':>9}{'CPU s':>8}{'of floor':>10}")
    for stage, label in STAGES.items():
        one = results[stage]
        one["mb_per_second"] = size / MB / one["seconds"]
        share = results["floor"]["seconds"] / one["seconds"]
        rates = f"{one['mb_per_second']:8.0f}{count / one['seconds']:10,.0f}"
        print(f"{label:58}{rates}{one['peak'] / MB:9.0f}{one['cpu']:8.1f}{share:10.2f}")
        if one.get("rejects"):
            print(f"  {one['rejects']:,.0f} rejects: the archive or the reader is wrong")
        if one["measurements"] != count:
            print(f"  {one['measurements']:,.0f} measurements instead of {count:,}")
    return results


def main() -> None:
    words = argparse.ArgumentParser(description="MB/s, measurements/s and peak memory beside the floor")
    words.add_argument("--small", action="store_true", help="a few MB: checks the benchmark, measures little")
    words.add_argument("--runs", type=int, default=3, help="runs per stage (default 3)")
    words.add_argument("--size", type=int, default=320, help="MB of web records (default 320)")
    words.add_argument("--json", type=Path, help="write the figures to this file as well")
    asked = words.parse_args()
    sizes = {"web": asked.size, "web05": max(asked.size // 4, 1), "mix": max(asked.size // 8, 1)}
    if asked.small:
        sizes = dict.fromkeys(sizes, 1)
    runs = 1 if asked.small else max(asked.runs, 1)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {sys.platform}")
    results: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for profile, size in sizes.items():
            paths = archive.write(Path(folder) / profile, profile, size * MB)
            results[profile] = table(profile, paths, runs)
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
