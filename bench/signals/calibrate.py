"""Law: a simulated quiet series is measured by the same figures as a real one, and stands beside it.

python bench/signals/calibrate.py [EXPORT.csv] [--until 2026-01-01]   an IODA export, and simulated quiet countries
"""

from __future__ import annotations

import argparse
import csv
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

BENCH = Path(__file__).resolve().parents[1]
sys.path[:0] = [path for path in (str(BENCH), str(BENCH.parent / "src")) if path not in sys.path]

from signals.script import SHAPES  # noqa: E402
from signals.world import world  # noqa: E402

FIGURES: Final = ("trough to peak", "day to day", "MAD", "sd", "lag 1", "beyond 5", "missing")
COLUMNS: Final = {
    "Google": "google/search",
    "Telescope": "telescope/sources",
    "BGP": "bgp/slash24",
    "Active Probing": "probing/slash24",
    "Mozilla": "mozilla/cities",
}


def middle(values: np.ndarray, half: int) -> np.ndarray:
    """A running median over `half` bins either side; the ends see less."""
    padded = np.pad(values, half, constant_values=np.nan)
    with np.errstate(all="ignore"):
        return np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)


def measured(values: np.ndarray, per_day: int) -> dict[str, float]:
    """The figures of one quiet series of whole days."""
    logs = np.log(np.where(values > 0, values, np.nan))
    days = logs[: len(logs) // per_day * per_day].reshape(-1, per_day)
    days = days[~np.isnan(days).all(axis=1)]
    level = np.nanmedian(days, axis=1)
    profile = np.nanmedian(days - level[:, None], axis=0) if per_day > 1 else np.zeros(1)
    left = logs - np.resize(profile, len(logs))
    left = left - middle(left, per_day if per_day > 1 else 14)
    spread = 1.4826 * float(np.nanmedian(np.abs(left - np.nanmedian(left))))
    pair = ~np.isnan(left[:-1]) & ~np.isnan(left[1:])
    known = left[~np.isnan(left)]
    return {
        "trough to peak": float(np.ptp(profile)),
        "day to day": float(np.std(level)) if per_day > 1 else float("nan"),
        "MAD": spread,
        "sd": float(np.std(known)),
        "lag 1": float(np.corrcoef(left[:-1][pair], left[1:][pair])[0, 1]),
        "beyond 5": float(np.mean(np.abs(known) > 5 * max(spread, 1e-12))),
        "missing": float(np.isnan(values).mean()),
    }


def halves(values: np.ndarray, step: int) -> np.ndarray:
    """Means over half an hour, as the export gives them; longer steps as they are."""
    many = max(1, 1800 // step)
    with np.errstate(all="ignore"):
        return values.reshape(-1, many).mean(axis=1) if many > 1 else values


def export(path: Path, until: datetime) -> dict[str, np.ndarray]:
    """The columns of an IODA export up to a time."""
    with path.open(encoding="utf-8", newline="") as text:
        head, *rows = csv.reader(text)
    rows = [row for row in rows if datetime.fromisoformat(row[0]) < until]
    found = {}
    for place, name in enumerate(head):
        signal = next((signal for start, signal in COLUMNS.items() if name.startswith(start)), None)
        if signal is not None:
            values = np.array([float(row[place]) if row[place] else np.nan for row in rows])
            found[signal] = values[::2] if signal.startswith("mozilla") else values  # it is hourly
    return found


def show(name: str, rows: list[dict[str, float]]) -> None:
    cells = []
    for figure in FIGURES:
        values = np.array([row[figure] for row in rows])
        low, mid, high = np.quantile(values, (0.1, 0.5, 0.9)) if len(values) > 1 else (values[0],) * 3
        cells.append(f"{mid:.4f}" if len(values) == 1 else f"{low:.4f} {mid:.4f} {high:.4f}")
    print(f"{name:32}" + "".join(f"{cell:26}" for cell in cells))


def main() -> None:
    words = argparse.ArgumentParser(description="real quiet series beside simulated ones")
    words.add_argument("export", type=Path, nargs="?", help="an IODA export in CSV")
    words.add_argument("--until", type=datetime.fromisoformat, default=datetime(2026, 1, 1), help="quiet until then")
    words.add_argument("--family", choices=("tuning", "report"), default="tuning")
    words.add_argument("--countries", type=int, default=30)
    asked = words.parse_args()
    real = export(asked.export, asked.until) if asked.export else {}
    names = (*COLUMNS.values(), "cloudflare/http", "tor/relay-users")
    made = world(1, asked.family, 1 / 12, asked.countries, *SHAPES, signals=names, regions=0, networks=0)
    print(f"{'(simulated: 10 %, median, 90 %)':32}" + "".join(f"{figure:26}" for figure in FIGURES))
    for name in names:
        if name in real:
            show(f"{name} real", [measured(real[name], 24 if name.startswith("mozilla") else 48)])
        rows = [one for one in made.series if one.signal == name]
        per_day = min(48, 86_400 // rows[0].step)
        show(f"{name} simulated", [measured(halves(one.values, one.step), per_day) for one in rows])


if __name__ == "__main__":
    main()
