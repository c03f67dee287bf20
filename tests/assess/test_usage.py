"""Law: users are held against the country's connectivity and their own weekdays; what does not compare is not said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.assess.usage import conflicts, load_limits, usage
from clampdown.assess.ways import Counted, Usage, Way
from clampdown.errors import RuleError
from clampdown.model import CONNECTIVITY
from clampdown.pipeline import api
from clampdown.pipeline.usage import usage_of

LIMITS = load_limits()
LAST = date(2025, 6, 8)
FIRST = LAST - timedelta(days=LIMITS.days - 1)
WAYS = (("tor", "relay", ("tor/relay-users",)), ("tor", "snowflake", ("tor/transport/snowflake", "snowflake/")))
Course = Callable[[int], float | None]  # days before the last one -> level


def flat(value: float | None) -> Course:
    return lambda _: value


def late(before: float | None, after: float | None, days: int = 7) -> Course:
    """One level up to so many days before the end, another since."""
    return lambda back: after if back < days else before


def told(
    signals: Mapping[str, Course], quality: Course | None = None, last: date = LAST, at: date | None = None,
    begin: timedelta = timedelta(),
) -> tuple[Usage, ...]:  # fmt: skip
    """What is said of series of days; `begin`: how far before midnight their windows begin."""
    series: list[dict[str, Any]] = []
    levels: list[dict[str, Any]] = []
    quality = quality or flat(0.8)
    for signal, course in signals.items():
        users = signal.startswith(("tor/", "snowflake/"))
        operator = "tor" if users else "ioda"
        series.append({"series": signal, "country": "KE", "entity": "KE", "entity_kind": "country", "plane": "usage",
                       "signal": signal, "operator": operator, "unit": "count", "scale": "all", "step": 86_400,
                       "source": "tor-metrics" if users else "ioda"})  # fmt: skip
        for back in range(LIMITS.days):
            day = datetime(last.year, last.month, last.day) - timedelta(days=back) - begin
            levels.append({"series": signal, "time": day, "value": course(back),
                           "quality": quality(back) if users else None, "day": f"{day:%Y-%m-%d}"})  # fmt: skip
    names = [n for n in CONNECTIVITY["series"].names if series and n in series[0]]
    kept = pa.schema([CONNECTIVITY["series"].field(name) for name in names])
    table = pa.Table.from_pylist(levels, schema=CONNECTIVITY["signals"])
    return usage(pa.Table.from_pylist(series, schema=kept), table, (at or last).isoformat(), WAYS, LIMITS)


@pytest.mark.parametrize(
    ("users", "level", "trend", "reason"),
    [
        (flat(1000), flat(500), "steady", None),
        (late(1000, 1600), flat(500), "rises", None),
        (late(1000, 400), flat(500), "falls", None),
        (late(1000, 400), late(500, 300), "steady", None),  # the country fell with them
        (late(1000, 950), late(500, 300), "rises", None),  # fewer are connected, and as many users
        (late(1000, 20), late(500, 10), "unknown", "nearly_dark"),
        (late(1000, 900), late(500, 200), "unknown", "nearly_dark"),
        (late(1000, 1600, days=1), flat(500), "steady", None),  # one day is no trend
        (late(1000, 400), flat(None), "unknown", "no_connectivity"),
        (late(1000, 4000), late(None, 500), "unknown", "no_connectivity"),  # and no usual level of it
        (late(90, 900), flat(500), "unknown", "few_users"),
        (late(None, 900), flat(500), "unknown", "short_reference"),
        (late(0, 900), flat(500), "unknown", "short_reference"),  # nothing is divided by nothing
    ],
)
def test_a_trend(users: Course, level: Course, trend: str, reason: str | None) -> None:
    [found] = told({"tor/relay-users": users, "probing/slash24": level})
    assert (found.trend, found.reason, found.day) == (trend, reason, LAST.isoformat())
    assert (found.tool, found.way, found.signal, found.operator) == ("tor", "relay", "tor/relay-users", "tor")
    if reason in ("nearly_dark", "no_connectivity"):
        assert found.adjusted is None
    if found.adjusted is not None:
        assert found.ratio is not None
        assert found.connectivity is not None
        assert found.adjusted == pytest.approx(found.ratio / found.connectivity)


def test_weekdays_are_held_against_weekdays() -> None:
    """Every Sunday a third: no fall. All days like a Sunday: a fall on the others."""
    weekly: Course = lambda back: 300 if (LAST - timedelta(days=back)).weekday() == LAST.weekday() else 1000  # noqa: E731
    [found] = told({"tor/relay-users": weekly, "probing/slash24": flat(500)})
    assert (found.trend, found.users, found.usual) == ("steady", 300, 300)


def test_planes_that_disagree_make_no_trend() -> None:
    """Routes stay while traffic falls: a rise must show against the best of the planes, a fall against the worst."""
    up = {"tor/relay-users": late(1000, 1100), "probing/slash24": flat(500), "cloudflare/http": late(100, 60)}
    [found] = told(up)
    assert (found.connectivity, found.trend) == (pytest.approx(0.6), "steady")
    [routes] = told({"tor/relay-users": late(1000, 400), "bgp/slash24": flat(9), "probing/slash24": late(500, 300)})
    assert routes.connectivity == pytest.approx(0.6), "routes say nothing where something nearer to people does"
    [alone] = told({"tor/relay-users": late(1000, 400), "bgp/slash24": flat(9)})
    assert (alone.connectivity, alone.trend) == (1, "falls")


def test_a_jumping_share_withholds_the_day() -> None:
    jump = {1, 20, 21}
    [found] = told(
        {"tor/relay-users": lambda back: 9000 if back in jump else 1000, "probing/slash24": flat(500)},
        quality=lambda back: 0.5 if back in jump else 0.8,
    )
    assert set(found.withheld) == {(LAST - timedelta(days=back)).isoformat() for back in jump}
    assert (found.trend, found.usual) == ("steady", 1000)
    [newest] = told({"tor/relay-users": late(1000, 9000, 1), "probing/slash24": flat(500)}, quality=late(0.8, 0.5, 1))
    assert (newest.day, newest.users) == ((LAST - timedelta(days=1)).isoformat(), 1000)
    assert newest.withheld == (LAST.isoformat(),)


def test_days_before_a_change_of_counting_do_not_compare() -> None:
    snow = {"snowflake/clients": late(1000, 4000, 20), "probing/slash24": flat(500)}
    [before] = told(snow, last=date(2025, 6, 20))
    assert before.reason is None
    [after] = told(snow, last=date(2025, 7, 10))
    assert (after.reason, after.trend, after.usual) == ("counting_changed", "unknown", None)
    [later] = told({**snow, "snowflake/clients": flat(1000)}, last=date(2025, 7, 30))
    assert (later.reason, later.trend) == (None, "steady"), "three weeks after it there is a reference again"
    [other] = told({"tor/transport/snowflake": flat(1000), "probing/slash24": flat(500)}, last=date(2025, 7, 10))
    assert other.reason is None, "Tor's own estimate has no such break"


def test_a_window_belongs_to_the_day_of_its_middle() -> None:
    [found] = told({"snowflake/clients": flat(1000)}, begin=timedelta(hours=1, minutes=15), last=date(2025, 6, 20))
    assert found.day == "2025-06-20"


@pytest.mark.parametrize(("old", "reason"), [(3, "no_connectivity"), (LIMITS.stale_days, "stale")])
def test_old_counts_are_stale(old: int, reason: str) -> None:
    [found] = told({"tor/relay-users": flat(1000)}, last=LAST - timedelta(days=old), at=LAST)
    assert found.reason == reason


def test_missing_is_not_zero() -> None:
    assert told({"tor/relay-users": flat(None), "probing/slash24": flat(500)}) == ()
    [gap] = told({"tor/relay-users": lambda back: None if back < 3 else 1000, "probing/slash24": flat(500)})
    assert (gap.users, gap.trend) == (1000, "steady")


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e4), st.floats(0, 1e4))
def test_it_is_never_divided_by_next_to_nothing(before: float, after: float, lit: float, dim: float) -> None:
    for found in told({"tor/relay-users": late(before, after), "probing/slash24": late(lit, dim)}):
        if found.adjusted is not None:
            assert found.connectivity is not None
            assert found.ratio is not None
            assert found.connectivity >= LIMITS.dark
            assert found.adjusted <= found.ratio / LIMITS.dark * (1 + 1e-9)
        if found.trend in ("rises", "falls"):
            assert found.reason is None
            assert found.adjusted is not None


def cell(state: str, share: float | None, n: int, network: int | None = None, counts: tuple[Counted, ...] = ()) -> Way:
    return Way(
        tool="tor", way="relay", network=network, state=state, reason=None, grade="consistent", n=n, ok=0, share=share,
        low=None, high=None, vantage=None, networks=None, networks_state=None, last_ok=None, last_failed=None,
        age_ok=None, age_failed=None, stages=(), mechanisms=(), variants=(), since=(), counted=counts, targets=(),
        tests=(), rules=(), witnesses={},
    )  # fmt: skip


def users(trend: str, adjusted: float | None, signal: str = "tor/relay-users") -> Usage:
    return Usage(
        tool="tor", way="relay", signal=signal, operator="tor", unit="count", day="2025-06-08", users=1.0, usual=1.0,
        ratio=1.0, connectivity=1.0, adjusted=adjusted, trend=trend, withheld=(), reason=None, source="tor-metrics",
    )  # fmt: skip


COUNTED = Counted(
    source="monitor-log", operator="ooni", test="tor", time="2025-06-08T00:00:00Z", n=100, failed=97,
    failed_share=0.97, since=None, counts=1, share_low=0.97, share_high=0.97,
)  # fmt: skip


@pytest.mark.parametrize(
    ("way", "said", "kind"),
    [
        (cell("blocked", 0.0, 40), users("rises", 2.0), "users_rise_tests_fail"),
        (cell("works", 1.0, 40), users("falls", 0.2), "users_fall_tests_work"),
        (cell("works", 1.0, 40), users("falls", 0.0), "users_fall_tests_work"),
        (cell("blocked", None, 0, counts=(COUNTED,)), users("rises", 2.0), "users_rise_tests_fail"),
        (cell("blocked", 0.0, 40), users("falls", 0.2), None),
        (cell("works", 1.0, 40), users("rises", 2.0), None),
        (cell("works", 1.0, 40), users("unknown", None), None),
        (cell("impaired", 0.5, 40), users("falls", 0.2), None),
        (cell("untested", None, 0), users("rises", 9.0), None),
        (cell("insufficient", 0.0, 3), users("rises", 9.0), None),
        (cell("blocked", 0.0, 3), users("rises", 9.0), None),
        (cell("blocked", 0.0, 40, network=64500), users("rises", 2.0), None),  # users are the country's
        (cell("blocked", 0.0, 40), users("rises", 2.0, "snowflake/rendezvous/sqs"), None),
    ],
)
def test_a_conflict_shows_both_numbers(way: Way, said: Usage, kind: str | None) -> None:
    found = conflicts([way], [said], LIMITS)
    assert [each.kind for each in found] == ([kind] if kind else [])
    for each in found:
        assert each.adjusted == said.adjusted
        assert (each.share, each.n) in ((way.share, way.n), (pytest.approx(0.03), 100))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value = 7\n", "value = -7\n"),
        ('reason = "A week holds', 'reason = "" # '),
        ("[[breaks]]", "[[other]]"),
        ('day = "2025-06-24"', 'day = "soon"'),
        ("[connectivity]\n", '[connectivity]\nmoon = ["x"]\n'),
        ("[dark]", "[darker]"),
    ],
)
def test_a_file_of_limits_that_is_not_well_formed(old: str, new: str) -> None:
    text = files("clampdown.assess").joinpath("usage.toml").read_text("utf-8")
    assert old in text
    with pytest.raises(RuleError):
        load_limits(text.replace(old, new).encode())


def test_from_a_store(tmp_path: Path) -> None:
    days = [LAST - timedelta(days=back) for back in range(LIMITS.days)]
    tor = "".join(f"{day},ke,{400 if back < 7 else 1000},,,80\n" for back, day in enumerate(days))
    (tmp_path / "tor.csv").write_text("date,country,users,lower,upper,frac\n" + tor)
    rows = "".join(f"{day}T{hour:02}:00:00Z,KE,probing/slash24,500\n" for day in days for hour in range(24))
    (tmp_path / "probing.csv").write_text("time,entity,signal,value\n" + rows)
    api.ingest([tmp_path / "tor.csv", tmp_path / "probing.csv"], tmp_path / "store", workers=1)
    store = api.open_store(tmp_path / "store")
    [found] = usage_of(store, "KE", LAST.isoformat(), WAYS)
    assert (found.trend, found.users, found.usual, found.adjusted) == ("falls", 400, 1000, pytest.approx(0.4))
    assert usage_of(store, "UG", LAST.isoformat(), WAYS) == ()
