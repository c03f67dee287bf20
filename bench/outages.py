"""Law: every figure of outages comes from series whose truth is known or scripted, with its interval, beside its aim.

python bench/outages.py                 all parts (about half an hour; real series where the material folder is there)
python bench/outages.py --only signals  rules on the same drops at equal false events
python bench/outages.py --only truth    recall, dates and false events over seeded worlds; --family tuning|report
python bench/outages.py --only speed    ten years of 250 countries, 2,000 networks for a month; --scale 0.01 is small
python bench/outages.py --small         so small that it proves only that it runs (CI)
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [path for path in (str(HERE), str(HERE.parent / "src")) if path not in sys.path]
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")])

from signals import arms, benches, equal, timing  # noqa: E402
from signals.arms import Size  # noqa: E402
from sim.arms import Figure  # noqa: E402

AMONG: Final[dict[str, Callable[[str], bool]]] = {
    "IODA's rules and the classical detector": equal.asked,
    "the other rules": lambda rule: not equal.asked(rule),
}
MATERIAL: Final = Path(os.environ.get("CLAMPDOWN_SHARED", HERE.parent.parent / "shared")) / "cases/signals"


def chosen(asked: argparse.Namespace) -> Iterator[equal.Bench]:
    """The benches of part `signals`, one by one."""
    small = asked.small
    if MATERIAL.is_dir() and not small:
        yield from benches.real(MATERIAL, asked.tries)
    elif not small:
        print("no material folder: real series are left out", file=sys.stderr)
    names = ("google/search",) if small else benches.DEEP
    series, tries = (2, 4) if small else (20, 2 * asked.tries)
    yield from benches.simulated(asked.family, 1, series=series, tries=tries, signals=names)
    if not small:
        yield benches.simulated_tor(asked.family, 1, series=series, tries=tries)


def signals(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Rules side by side."""
    made = []
    for bench in chosen(asked):
        for allowed in (0,) if len(bench.values) < 4 else (0, len(bench.values) // 4):
            rows = equal.compare(bench, benches.contenders(bench, own=allowed == 0), allowed=allowed)
            print(f"\n{bench.label}: {allowed} events allowed where it is set")
            words = {}
            for name, among in AMONG.items():
                words[name], where = equal.verdict(rows, among)
                print(f"    ours beside {name}: {words[name]}{': ' if where else ''}{'; '.join(where)}")
            show_rows(rows)
            made += [row.shown() | {"allowed": allowed, "verdicts": words} for row in rows]
    return made


def show_rows(rows: list[equal.Row]) -> None:
    head = "".join(f"{f'found {drop:.0%}':24}" for drop in equal.DROPS)
    print(f"    {'rule':52}{'strictness':>10}  {'false a month':26}{head}delay, bins")
    for row in rows:
        shown = row.shown()
        false = "{:.2f} [{:.2f}, {:.2f}]".format(*shown["false_a_month"])
        cells = "".join(f"{f'{a}/{n} [{low:.2f}, {high:.2f}]':24}" for a, n, low, high in shown["found"].values())
        delays = " ".join("-" if math.isnan(d) else f"{d:g}" for d in row.delays.values())
        print(f"    {row.rule:52}{row.strictness:10.3f}  {false:26}{cells}{delays}")
    sys.stdout.flush()


def show(figures: list[Figure]) -> None:
    last = ""
    for one in figures:
        if one.arm != last:
            print(f"\n{one.arm}\n{'':4}{'':62}{'figure':>10}  {'95 % interval':20}{'aim':10} of")
            last = one.arm
        interval = "" if one.low is None or one.high is None else f"[{one.low:.3f}, {one.high:.3f}]"
        print(f"{'':4}{one.name:62}{one.value:10.3f}  {interval:20}{one.aim:10} {one.of}")
    sys.stdout.flush()


def _shown(figures: list[Figure]) -> list[dict[str, object]]:
    show(figures)
    return [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(f).items()} for f in figures]


def parts(asked: argparse.Namespace, folder: Path) -> dict[str, Callable[[], list[dict[str, Any]]]]:
    size = Size(asked.family, asked.worlds, asked.countries, asked.years, asked.workers)
    if asked.small:
        size = Size(asked.family, 1, 1, 0.2, 1)
    scale = 0.0003 if asked.small else asked.scale
    return {
        "signals": lambda: signals(asked),
        "falls": lambda: _shown(arms.falls(size)),
        "truth": lambda: _shown(arms.truth(size, tuple(asked.arm))),
        "speed": lambda: _shown(timing.figures(folder, scale, asked.workers)),
    }


def main() -> None:
    words = argparse.ArgumentParser(description="outages: rules side by side, recall and false events, speed")
    words.add_argument("--small", action="store_true", help="checks the benchmark, measures nothing")
    words.add_argument("--family", choices=("report", "tuning"), default="report", help="which seeds (report)")
    words.add_argument("--only", action="append", default=[], help="this part alone; may be given again")
    words.add_argument("--arm", action="append", default=[], help="of part truth: this arm alone; may be given again")
    words.add_argument("--worlds", type=int, default=10, help="worlds of each arm (10)")
    words.add_argument("--countries", type=int, default=20, help="countries of a world (20)")
    words.add_argument("--years", type=float, default=1.0, help="years of a world (1)")
    words.add_argument("--tries", type=int, default=40, help="drops of each size in a real series (40)")
    words.add_argument("--scale", type=float, default=1.0, help="of part speed: how much of the asked size (1)")
    words.add_argument("--workers", type=int, default=2, help="processes (2)")
    words.add_argument("--json", type=Path, help="write the figures to this file as well")
    asked = words.parse_args()
    print(
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {sys.platform}, seeds of the {asked.family} family"
    )
    results: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        found = parts(asked, Path(folder))
        unknown = set(asked.only) - found.keys()
        if unknown:
            words.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(found)}")
        for name, work in found.items():
            if not asked.only or name in asked.only:
                start = time.perf_counter()
                results[name] = work()
                print(f"    ({name}: {time.perf_counter() - start:.0f} s)")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
