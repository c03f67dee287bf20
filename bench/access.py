"""Law: what may be said of ways through is measured on seeded worlds with truth, beside what dashboards do.

python bench/access.py            all kinds of worlds (minutes)
python bench/access.py --small    a few networks of each, which prove only that it runs (CI)
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [path for path in (str(HERE), str(HERE.parent / "src")) if path not in sys.path]

from access.forgers import CHANGES, forgers  # noqa: E402
from access.score import NAMES, Mean, measured  # noqa: E402
from access.world import Plan  # noqa: E402

PLANS: Final = (
    Plan("mixed"),
    Plan("sparse: a quarter of the devices", devices=1.75),
    Plan("changing: half of the cells change", changed=0.5),
    Plan("silent: half of the networks stop", silent=0.5),
    Plan("relays down now, half of the ways", down_now=0.5),
    Plan("broken probes: 15 % of devices, 5 % of lines", broken=0.15, captive=0.05),
    Plan("forged: one device in 30 % of the cells", forged=0.3),
)
WORLDS: Final = 50


def show(plan: Plan, found: dict[str, dict[str, Mean]], seconds: float, worlds: int) -> None:
    print(f"\n{plan.name}: {worlds} worlds of {plan.networks} networks x {plan.ways} ways, {seconds:.0f} s")
    print(f"{'':4}{'':36}" + "".join(f"{name:>24}" for name in found))
    for figure, label in NAMES.items():
        cells = [_cell(figures.get(figure)) for figures in found.values()]
        print(f"{'':4}{label:36}" + "".join(f"{text:>24}" for text in cells))
    sys.stdout.flush()


def _cell(one: Mean | None) -> str:
    return "none said" if one is None else f"{one.value:.3f} +- {one.error:.3f}"


def _plain(one: Mean) -> dict[str, float | int | None]:
    """For JSON, which has no word for a figure that could not be had."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(one).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few networks of each kind of world")
    parser.add_argument("--worlds", type=int, default=WORLDS, help="of each kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures, for whoever draws them")
    asked = parser.parse_args()
    worlds = 2 if asked.small else asked.worlds
    figures: dict[str, dict[str, dict[str, object]]] = {}
    for plan in PLANS:
        used = replace(plan, networks=4, ways=3) if asked.small else plan
        start = time.perf_counter()
        found = measured(used, worlds)
        show(used, found, time.perf_counter() - start, worlds)
        figures[plan.name] = {n: {f: _plain(one) for f, one in each.items()} for n, each in found.items()}
    plan = replace(PLANS[-1], networks=4, ways=3) if asked.small else PLANS[-1]
    for manner, methods in forgers(plan, worlds).items():
        print(f"\na forger as {manner}: {worlds} worlds\n{'':40}" + "".join(f"{name:>24}" for name in methods))
        for change, label in CHANGES.items():
            print(f"{'':4}{label:36}" + "".join(f"{_cell(each.get(change)):>24}" for each in methods.values()))
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
