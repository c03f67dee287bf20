"""Law: how well countries are ranked is measured on worlds with known truth, beside what others do, over all countries.

python bench/ranking.py                    the unseen families, 5 worlds of each, and the design's (tens of minutes)
python bench/ranking.py --worlds 3 --family "few severe"
python bench/ranking.py --speed            190 countries x 3 million cells: fitted and ranked, seconds and peak memory
python bench/ranking.py --small            so small that it proves only that it runs (CI)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [path for path in (str(HERE), str(HERE.parent / "src")) if path not in sys.path]
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")])
# Each process has one core: threads of the linear algebra would fight over it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from ranks.score import WAYS, score  # noqa: E402
from ranks.world import PLAIN, UNSEEN, Family, make  # noqa: E402

from clampdown.assess.breadth import Cells, breadth  # noqa: E402
from clampdown.assess.placing import place  # noqa: E402

Scores = dict[str, dict[str, float]]
WIDEST = 0.5


def one(job: tuple[Family, int, int]) -> Scores:
    """One world, ranked in every way."""
    family, seed, draws = job
    world = make(family, seed)
    return {name: score(world, way(world, seed, draws), WIDEST) for name, way in WAYS.items()}


def table(title: str, made: list[Scores]) -> dict[str, dict[str, list[float]]]:
    """Means over worlds with their standard errors, printed and handed back."""
    print(f"\n{title}, {len(made)} worlds: mean ± standard error")
    head = ("top-ten precision", "rank error", "covered", "width", "interval score", "withheld")
    print(f"  {'':<10}" + "".join(f"{name:>20}" for name in head))
    found: dict[str, dict[str, list[float]]] = {}
    for way in WAYS:
        cells = ""
        for figure in made[0][way]:
            values = [scores[way][figure] for scores in made]
            error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")
            found.setdefault(way, {})[figure] = [float(np.mean(values)), error]
            cells += f"{np.mean(values):>12.3f} ± {error:.3f}"
        print(f"  {way:<10}{cells}")
    each = [scores["model"]["error"] / scores["raw share"]["error"] for scores in made]
    found["model"]["error of raw"] = [float(np.mean(each)), float(np.std(each) / len(each) ** 0.5)]
    print(f"  rank error, of the raw share's: {np.mean(each):.3f} ± {np.std(each) / len(each) ** 0.5:.3f}")
    return found


def speed(cells: int, countries: int = 190) -> dict[str, float]:
    """The time to fit and rank so many cells of 190 countries."""
    per = max(cells // (countries * 400), 1)
    family = replace(
        PLAIN,
        name="speed",
        countries=countries,
        targets=1_000 if cells > 100_000 else 50,
        networks=(per, 2 * per),
        biased=0.0,
    )
    family = replace(family, least=max(cells // 100, 2_000), tail=3.0, most=10_000_000)
    world = make(family, 1)
    began = time.perf_counter()
    held = Cells(world.country, world.network, world.target, world.tried, world.hit)
    posterior = breadth(held, world.countries, world.common, category=world.category)
    places = place(posterior.draws, widest=WIDEST)
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    of = f"{len(world.tried):,} cells of {len(places)} countries"
    print(f"{of}: {took:.1f} s, {peak:,.0f} MB, chains {posterior.agree:.3f}")
    return {"cells": len(world.tried), "seconds": took, "megabytes": peak, "agree": posterior.agree}


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=5, help="worlds of each family")
    parser.add_argument("--first", type=int, default=1_000, help="the first seed; the settings were chosen on others")
    parser.add_argument("--family", action="append", help="only this family")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    figures: dict[str, object] = {}
    if asked.speed or asked.small:
        figures["speed"] = speed(2_000, 20) if asked.small else speed(2_900_000)
    if not asked.speed:
        families = [family for family in (PLAIN, *UNSEEN) if not asked.family or family.name in asked.family]
        if asked.small:
            families = [replace(family, countries=14, targets=20, categories=3) for family in families[:2]]
            asked.worlds, asked.draws = 2, 40
        everything: list[Scores] = []
        with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
            for family in families:
                jobs = [(family, asked.first + at, asked.draws) for at in range(asked.worlds)]
                made = list(pool.map(one, jobs))
                figures[family.name] = table(family.name, made)
                sys.stdout.flush()
                everything += made if family.name != PLAIN.name else []
        if everything:
            figures["unseen"] = table("all unseen families", everything)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
