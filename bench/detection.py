"""Law: every figure of detection comes from seeded worlds whose truth is scripted, with its interval, beside its aim.

python bench/detection.py            all arms; the quiet country is a year of 20 M verdict rows (minutes)
python bench/detection.py --small    the same arms over worlds so small that they prove only that it runs (CI)
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [path for path in (str(HERE), str(HERE.parent / "src")) if path not in sys.path]
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")])

from sim import arms, compare, speed, worlds  # noqa: E402
from sim.arms import Figure, Plan  # noqa: E402
from sim.score import score, seeds  # noqa: E402
from sim.world import World, arm  # noqa: E402

GB = 1e9
SMALL: Final[dict[str, Any]] = {
    "isolated": 1,
    "others": 1,
    "workers": 1,
    "blocks": 1,
    "national": (3, 2),
    "forgers": ("d",),
    "countries": 2,
    "rate": 1.0,
}


def compared(plan: Plan, *, quiet: int, blocked: int, rates: tuple[float, ...]) -> list[Figure]:
    """Detectors per series, at equal false alarms."""
    figures = []
    for cluster in plan.clusters:
        for row in compare.compare(arm(cluster), quiet=quiet, blocked=blocked, rates=rates):
            label = f"{row['scenario']} ({cluster}), {row['allowed_per_100_years']:g} false per 100 series-years"
            name = str(row["detector"])
            false = "{:.2f} [{:.2f}, {:.2f}] on fresh seeds".format(*row["false_per_100_years"])
            figures.append(Figure(label, f"recall, {name}", *row["recall"], of=f"{blocked}; false {false}"))
            figures.append(Figure(label, f"onset error, {name}", *row["onset_error"], of=f"knob {row['knob']:.3g}"))
    return figures


def timed(plan: Plan, world: World, folder: Path) -> list[Figure]:
    """The quiet country: false alarms and speed, over all of it, a half and a quarter of its days."""
    label = f"quiet country, {world.networks} networks x {world.targets} targets"
    speed.write(world, folder / "rows")
    figures = []
    for part in (4, 2, 1):
        run = speed.timed(folder / "rows", folder / f"out{part}", world.days_count // part, plan.detector)
        size = f"{run['rows']:,} rows"
        figures.append(Figure(label, "seconds", run["seconds"], aim="<= 120" if part == 1 else "", of=size))
        figures.append(Figure(label, "processor seconds", run["cpu"], of=size))
        figures.append(Figure(label, "microseconds a row", 1e6 * run["seconds"] / max(run["rows"], 1), of=size))
        figures.append(Figure(label, "peak GB", run["peak"] / GB, aim="<= 4" if part == 1 else "", of=size))
    figures.append(Figure(label, "seconds to read findings and events", run["reading"], aim="<= 1"))
    return figures + arms.false_alarms(label, score(world, speed.results(folder / "out1")))


def quiet_again(plan: Plan, scale: float, days: int) -> list[Figure]:
    """The quiet country under the other ways to cluster, for a part of the year."""
    figures = []
    for place, cluster in enumerate(("vantage", "day")):
        world = worlds.quiet(seeds(plan.family, 10)[5 + place], arm(cluster), scale=scale, days=days)
        found = arms.detected(plan.detector, world)
        figures += arms.false_alarms(f"quiet country ({cluster}), {days} days", score(world, found))
    return figures


def changed(plan: Plan, scale: float, days: int) -> list[Figure]:
    world = worlds.changing(seeds(plan.family, 10)[8], scale=scale, days=days)
    found = arms.detected(plan.detector, world)
    return arms.false_share(f"0.1 % of series change, {days} days", score(world, found))


def show(figures: list[Figure]) -> None:
    last = ""
    for one in figures:
        if one.arm != last:
            print(f"\n{one.arm}\n{'':4}{'':52}{'figure':>10}  {'95 % interval':18}{'aim':10} of")
            last = one.arm
        interval = "" if one.low is None or one.high is None else f"[{one.low:.3f}, {one.high:.3f}]"
        print(f"{'':4}{one.name:52}{one.value:10.3f}  {interval:18}{one.aim:10} {one.of}")
    sys.stdout.flush()


def parts(plan: Plan, *, small: bool, folder: Path) -> dict[str, Callable[[], list[Figure]]]:
    scale, days = (0.05, 28) if small else (1.0, 364)
    some = days if small else 91
    quiet = worlds.quiet(seeds(plan.family, 1)[0], scale=scale, days=days)
    size: dict[str, Any] = {"quiet": 3000, "blocked": 500, "rates": (1.0, 0.2)}
    if small:
        size = {"quiet": 3, "blocked": 3, "rates": (1.0,)}
    found: dict[str, Callable[[], list[Figure]]] = {"series": lambda: compared(plan, **size)}
    for one in arms.SMALL_ARMS:
        found[one.__name__] = lambda one=one: one(plan)  # type: ignore[misc]
    found["speed"] = lambda: timed(plan, quiet, folder)
    found["quiet"] = lambda: quiet_again(plan, scale, some)
    found["changing"] = lambda: changed(plan, scale, 56 if small else 182)
    return found


def _plain(one: Figure) -> dict[str, object]:
    """For JSON, which has no word for a figure that could not be had."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(one).items()}


def main() -> None:
    words = argparse.ArgumentParser(description="recall, dates, false events and speed of detection, with intervals")
    words.add_argument("--small", action="store_true", help="tiny worlds: checks the benchmark, measures nothing")
    words.add_argument("--family", choices=("report", "tuning"), default="report", help="which seeds (report)")
    words.add_argument("--only", action="append", default=[], help="this part alone; may be given again")
    words.add_argument("--detector", default="clampdown.detect", help="a module with detect_tables")
    words.add_argument("--clusters", nargs="+", default=["vantage", "both", "day"], help="where failures cluster")
    words.add_argument("--json", type=Path, help="write the figures to this file as well")
    asked = words.parse_args()
    shrunk = SMALL if asked.small else {}
    clusters = ("both",) if asked.small else tuple(asked.clusters)
    plan = Plan(asked.detector, asked.family, clusters=clusters, **shrunk)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {sys.platform}, seeds of the {plan.family} family")
    results: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory() as folder:
        chosen = parts(plan, small=asked.small, folder=Path(folder))
        unknown = set(asked.only) - chosen.keys()
        if unknown:
            words.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(chosen)}")
        for name, work in chosen.items():
            if asked.only and name not in asked.only:
                continue
            start = time.perf_counter()
            results[name] = work()
            show(results[name])
            print(f"    ({name}: {time.perf_counter() - start:.0f} s)")
    if asked.json:
        figures = {name: [_plain(one) for one in found] for name, found in results.items()}
        asked.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
