"""Law: the detected tables that the pages are tried on are made here, in the exact schemas of the model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from clampdown.assess.counting import caps, load_thresholds, rows_of
from clampdown.assess.events import Event, Timeline
from clampdown.assess.timeline import Asked, Detected, timeline
from clampdown.model import COVERAGE, EVENT_MEMBERS, EVENTS, NOTES, VERDICTS

START = datetime(2026, 9, 1)
LIMITS = load_thresholds()
DAYS = tuple(f"2026-09-{d:02}" for d in range(1, 31))
CARRIER = tuple(range(64500, 64508))


def make_event(name: str, direction: str = "block", **given: Any) -> dict[str, Any]:
    """One row of the store's events; everything not given is plain and plausible."""
    row: dict[str, Any] = dict.fromkeys(EVENTS.names)
    row |= {
        "event": name, "direction": direction, "country": "XA", "grade": "corroborated", "targets": "carrier/app",
        "platforms": "carrier", "groups": "messaging", "networks": "64500 64501 64502", "mechanisms": "tls.reset.sni",
        "members": 3, "targets_n": 1, "networks_n": 3, "networks_data": 7, "statistic": 40.0,
        "why": "same_platform",
    }  # fmt: skip
    return row | given


def make_member(event: str, network: int = 64500, target: str = "carrier/app", **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(EVENT_MEMBERS.names)
    row |= {
        "event": event, "country": "XA", "network": network, "target": target, "direction": "block",
        "level_before": 0.02, "level_after": 0.96, "statistic": 12.0, "grade": "consistent",
        "mechanism": "tls.reset.sni", "k": 20, "n": 21,
    }  # fmt: skip
    return row | given


def make_note(kind: str = "instrument", **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(NOTES.names)
    return row | {"kind": kind, "first": "2026-09-10", "members": 4, "detail": "version:probe/3.1"} | given


def make_detected(
    events: list[dict[str, Any]],
    members: Sequence[dict[str, Any]] = (),
    notes: Sequence[dict[str, Any]] = (),
) -> Detected:
    return Detected(
        pa.Table.from_pylist(events, schema=EVENTS), pa.Table.from_pylist(list(members), schema=EVENT_MEMBERS),
        pa.Table.from_pylist(list(notes), schema=NOTES),
    )  # fmt: skip


def script_events() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """What a detector would say of the world above: one block that lasts, one slow-down, one that ended, notes."""
    events = [
        make_event(
            "e-carrier", targets="carrier/app", networks=" ".join(map(str, CARRIER)), members=8, networks_n=8,
            networks_data=8, onset_after=at(30), onset_before=at(32), spread=at(35), lasts=True, grade="confirmed",
            mechanisms="dns.injection.bogon",
        ),
        make_event(
            "e-murmur", targets="murmur/web", platforms="murmur", networks="64500 64501 64505", onset_after=at(19),
            onset_before=at(22), lasts=True, mechanisms="tls.throttle.sni",
            contradicts="one_network,follows_version:probe/3.1", pattern="partial,hours:22-06", grade="consistent",
        ),
        make_event(
            "e-news", targets="web/news.example web/rights.example", platforms="", groups="news human_rights",
            networks="64503 64504", onset_after=at(10), onset_before=at(13), lasts=False, counterpart="e-news-end",
            members=4, mechanisms="http.blockpage", why="same_days,shared_networks",
        ),
        make_event(
            "e-news-end", "unblock", targets="web/news.example web/rights.example", platforms="",
            networks="64503 64504", onset_after=at(45), onset_before=at(49), counterpart="e-news",
            members=4, mechanisms="http.blockpage", why="same_days,shared_networks,works_elsewhere:3",
        ),
        make_event(
            "e-agora-end", "unblock", targets="agora/web", platforms="agora", networks="64507", onset_after=at(7),
            onset_before=at(9), grade="insufficient", members=1, networks_data=1, contradicts="one_network",
        ),
    ]  # fmt: skip
    members = [
        make_member("e-carrier", n, after=at(30 + i % 2), before=at(32 + i % 4)) for i, n in enumerate(CARRIER)
    ] + [
        make_member(name, n, t, direction=direction, after=at(first), before=at(last), mechanism="http.blockpage")
        for n in (64503, 64504) for t in ("web/news.example", "web/rights.example")
        for name, direction, first, last in (("e-news", "block", 10, 13), ("e-news-end", "unblock", 45, 49))
    ]  # fmt: skip
    notes = [
        make_note(test="web_connectivity", countries="XA XB XC"),
        make_note("site_down", target="web/shop.example", first="2026-09-01", last="2026-10-30", detail=""),
        make_note(
            "volume",
            country="XA",
            network=64506,
            first="2026-10-02",
            last="2026-10-09",
            detail="measurements:9 days:8 usual:14",
        ),
    ]
    return events, members, notes


def plain(number: int, **given: Any) -> dict[str, Any]:
    """A verdict row, as the fixture makes it, for properties that cannot take one."""
    row: dict[str, Any] = dict.fromkeys(VERDICTS.names)
    row |= {
        "measurement": f"x{number:032x}", "target": "telegram/web", "hour": 9, "country": "XA", "network": 64500,
        "vantage": "c1", "vantage_kind": "credential", "state": "ok", "settled": False, "repeat": False,
    }  # fmt: skip
    return row | given


def at(day: int, hour: int = 9) -> datetime:
    """An hour of the n-th of September."""
    return START + timedelta(days=day - 1, hours=hour)


def event(name: str, direction: str = "block", **given: Any) -> dict[str, Any]:
    """One change of one target on one network."""
    small = {"grade": "consistent", "targets": "telegram/web", "platforms": "telegram", "networks": "64500"}
    counts = {"members": 1, "networks_n": 1, "networks_data": 1, "why": ""}
    return make_event(name, direction, **(small | counts | given))


def told(*events: dict[str, Any], members: Any = (), notes: Any = ()) -> Detected:
    return make_detected(list(events), members, notes)


def note(**given: Any) -> dict[str, Any]:
    own = {
        "kind": "volume",
        "first": "2026-09-02",
        "last": "2026-09-03",
        "members": 1,
        "detail": "measurements:1 days:2 usual:30",
    }
    return make_note(**(own | given))


def cover(*days: int, network: int = 64500) -> list[dict[str, Any]]:
    return [
        {"day": DAYS[d - 1], "hour": 9, "country": "XA", "network": network, "test": "web_connectivity", "n": 1}
        for d in days
    ]


def draw(
    detected: Detected, verdicts: list[dict[str, Any]], coverage: list[dict[str, Any]] | None = None, **asked: Any
) -> Timeline:
    rows = rows_of(pa.Table.from_pylist(verdicts, schema=VERDICTS))
    chosen = Asked(**({"country": "XA", "targets": None, "network": None, "days": DAYS} | asked))
    return timeline(
        detected, rows, pa.Table.from_pylist(coverage or [], schema=COVERAGE), chosen, caps(rows, LIMITS)
    )  # fmt: skip


def only(made: Timeline) -> Event:
    assert len(made.events) == 1
    return made.events[0]


def days_of(runs: Any) -> set[str]:
    return {day for run in runs for day in DAYS if run.first <= day <= run.last}
