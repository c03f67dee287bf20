"""Law: what others do, written from their published descriptions, on the same counts; each has one knob.

`cusum`: the step-by-step CUSUM of OONI's pipeline (hourly medians of a blocking score; mu0 0, mu1 0.7, v 0.7,
threshold edd * v / 2 with edd 20; the sum is halved for every 48 h without data; the first state is silent).
`kernel` and `pelt`: the two exact searches of `ruptures` over daily shares, days without data left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.model import DETECTED

MU0: Final = 0.0
MU1: Final = 0.7
V: Final = 0.7
EDD: Final = 20.0
HALF_LIFE: Final = 48.0  # hours without data
FORGET: Final = 240.0  # a state older than this is not taken up again
UNKNOWN, FREE, BLOCKED = range(3)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change that a detector reports: the last bin before, the first bin after (either may be unknown)."""

    block: bool
    before: int | None
    after: int


def cusum(bins: np.ndarray, shares: np.ndarray, *, edd: float = EDD, width: float = 1.0) -> list[Alarm]:
    """`bins` with data, ascending, `width` hours each; a share of 0.5 or more of a bin's tries reads as blocked."""
    threshold, state, up, down = edd * V / 2, UNKNOWN, 0.0, 0.0
    found: list[Alarm] = []
    last: int | None = None
    for bin_, share in zip(bins.tolist(), shares.tolist(), strict=True):
        gap = 0.0 if last is None else (bin_ - last) * width
        if gap > FORGET:
            state, up, down = UNKNOWN, 0.0, 0.0
        elif gap > 24:
            up, down = up * 0.5 ** (gap / HALF_LIFE), down * 0.5 ** (gap / HALF_LIFE)
        if state != BLOCKED:
            up = max(0.0, up + (share - MU0) - V / 2)
        if state != FREE:
            down = max(0.0, down + (MU1 - share) - V / 2)
        crossed = BLOCKED if up >= threshold else FREE if down >= threshold else None
        if crossed is not None:
            if state != UNKNOWN:
                found.append(Alarm(crossed == BLOCKED, last, bin_))
            state, up, down = crossed, 0.0, 0.0
        last = bin_
    return found


def _steps(bins: np.ndarray, shares: np.ndarray, ends: list[int]) -> list[Alarm]:
    """The borders of a segmentation as alarms: up is a block."""
    edges = [0, *ends]
    levels = [float(shares[a:b].mean()) for a, b in zip(edges, ends, strict=False)]
    return [
        Alarm(levels[n + 1] > levels[n], int(bins[end - 1]), int(bins[end]))
        for n, end in enumerate(ends[:-1])
        if levels[n + 1] != levels[n]
    ]


def kernel(bins: np.ndarray, shares: np.ndarray, *, penalty: float) -> list[Alarm]:
    import ruptures

    if len(shares) < 6 or not np.ptp(shares):
        return []
    search = ruptures.KernelCPD(kernel="linear", min_size=2).fit(shares.reshape(-1, 1))
    return _steps(bins, shares, search.predict(pen=penalty))


def pelt(bins: np.ndarray, shares: np.ndarray, *, penalty: float) -> list[Alarm]:
    import ruptures

    if len(shares) < 6 or not np.ptp(shares):
        return []
    search = ruptures.Pelt(model="l2", min_size=2, jump=1).fit(shares.reshape(-1, 1))
    return _steps(bins, shares, search.predict(pen=penalty))


# The peer's way through tables: one alert for every (network, target), none of them put together.
_SERIES: Final = ("country", "network", "target")


def detect_tables(
    days: Iterable[pa.Table], coverage: Iterable[pa.Table] = (), *, edd: float = EDD
) -> dict[str, pa.Table]:
    """Each alert is an event of one member. The peer has no grades: all are said to be `consistent`."""
    hourly = pa.concat_tables([_hours(day) for day in days])
    hourly = hourly.sort_by([(name, "ascending") for name in (*_SERIES, "at")])
    series = _keys(hourly)
    at, share = hourly["at"].to_numpy(), hourly["share"].to_numpy()
    edges = np.flatnonzero(np.concatenate([[True], series[1:] != series[:-1], [True]]))
    events: list[dict[str, Any]] = []
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        alarms = cusum(at[start:end], share[start:end], edd=edd)
        if alarms:
            row = {name: hourly[name][start].as_py() for name in _SERIES}
            events += [_event(row, alarm) for alarm in alarms]
    return _tables(events)


def _keys(hourly: pa.Table) -> np.ndarray:
    parts = [hourly[name].dictionary_encode().combine_chunks().indices.to_numpy() for name in _SERIES]
    return (parts[0].astype(np.int64) * 2**20 + parts[1]) * 2**24 + parts[2]


def _hours(day: pa.Table) -> pa.Table:
    """By series and hour of one day: whether the median try was blocked."""
    decided = day.filter(pc.is_in(day["state"], pa.array(["ok", "blocked", "throttled"])))
    hit = pc.not_equal(decided["state"], "ok").cast(pa.float64())
    at = pc.divide(decided["time"].cast(pa.int64()), 3_600_000_000)
    table = decided.select(list(_SERIES)).append_column("at", at).append_column("hit", hit)
    mean = table.group_by([*_SERIES, "at"]).aggregate([("hit", "mean")])
    share = pc.if_else(pc.greater(mean["hit_mean"], 0.5), 1.0, pc.if_else(pc.less(mean["hit_mean"], 0.5), 0.0, 0.5))
    return mean.drop_columns(["hit_mean"]).append_column("share", share)


def _event(row: dict[str, Any], alarm: Alarm) -> dict[str, Any]:
    def time(hour: int | None) -> Any:
        return None if hour is None else pa.scalar(hour * 3_600_000_000, pa.timestamp("us")).as_py()

    return {
        **row,
        "event": f"{row['country']}-{row['network']}-{row['target']}-{alarm.after}",
        "direction": "block" if alarm.block else "unblock",
        "grade": "consistent",
        "after": time(alarm.before),
        "before": time(alarm.after),
    }


def _tables(events: list[dict[str, Any]]) -> dict[str, pa.Table]:
    """The rows in the schemas of the model; what a peer does not say is empty, zero or null."""
    blank = {"int64": 0, "int32": 0, "double": 0.0, "string": "", "bool": False}

    def filled(name: str, rows: list[dict[str, Any]]) -> pa.Table:
        schema = DETECTED[name]
        usual = {f.name: None if f.nullable else blank[str(f.type)] for f in schema}
        return pa.Table.from_pylist([{**usual, **{k: v for k, v in row.items() if k in usual}} for row in rows], schema)

    heads = [
        {
            **event,
            "networks": str(event["network"]),
            "targets": event["target"],
            "members": 1,
            "targets_n": 1,
            "networks_n": 1,
            "onset_after": event["after"],
            "onset_before": event["before"],
        }
        for event in events
    ]
    return {
        "findings": filled("findings", []),
        "events": filled("events", heads),
        "event_members": filled("event_members", events),
        "notes": filled("notes", []),
    }
