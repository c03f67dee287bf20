"""Law: rows as a detector would make them, for the tests of everything that stands behind it; some mean no good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from clampdown.model import CONNECTED, DETECTED, EVENT_MEMBERS, EVENTS, FINDINGS, NOTES

SCRIPT = "web/</script><script>alert(1)</script>"
TURNED = "web/\u202egro.elpmaxe"
FORMULA = "=HYPERLINK(1)"
HOSTILE = (SCRIPT, TURNED, FORMULA)
NEWS = (datetime(2023, 11, 8, 21, 10), datetime(2023, 11, 9, 6, 0))
END = (datetime(2023, 11, 24, 8, 0), datetime(2023, 11, 25, 9, 30))
ID = "20231109060000.123456_KE_webconnectivity_0123456789abcdef"


def finding(target: str = "telegram/web", network: int | None = 12455, **other: Any) -> dict[str, Any]:
    """A block that lasts, seen from 3 to 9 vantage points."""
    row: dict[str, Any] = {
        "country": "KE", "network": network, "target": target, "state": "blocked", "grade": "corroborated",
        "mechanism": "tls.timeout", "onset_after": NEWS[0], "onset_before": NEWS[1],
        "last_seen": datetime(2023, 11, 23, 12, 0), "k": 41, "n": 44, "share": 0.93, "low": 0.81, "high": 0.98,
        "n_effective": 21.4, "vantage_low": 3, "vantage_high": 9, "days": 12, "days_all": 16, "stands": True,
        "settled": 0, "witnesses": 41, "witnesses_digest": "d" * 64, "witnesses_first": f"{ID} x{'0' * 32}",
        "event": "e1",
    }  # fmt: skip
    return row | other


def ok(target: str = "telegram/web", network: int | None = 15808, **other: Any) -> dict[str, Any]:
    found = {
        "state": "ok",
        "mechanism": None,
        "onset_after": None,
        "onset_before": None,
        "k": 1,
        "n": 40,
        "event": None,
    }
    return finding(target, network, **(found | {"share": 0.02, "low": 0.001, "high": 0.1} | other))


def silent(target: str, network: int, **other: Any) -> dict[str, Any]:
    none = dict.fromkeys(("mechanism", "onset_after", "onset_before", "last_seen", "share", "low", "high", "event"))
    counts = {"k": 0, "n": 0, "days": 0, "vantage_low": 0, "vantage_high": 0, "witnesses": 0, "witnesses_first": None}
    held = {"state": "insufficient", "grade": "insufficient", "n_effective": None, "stands": False}
    return finding(target, network, **(none | counts | held | other))


def event(name: str = "e1", **other: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "event": name, "direction": "block", "country": "KE", "grade": "corroborated",
        "targets": "telegram/app telegram/web", "platforms": "telegram", "groups": "messaging", "networks": "12455",
        "mechanisms": "tls.timeout", "onset_after": NEWS[0], "onset_before": NEWS[1], "lasts": True, "members": 2,
        "targets_n": 2, "networks_n": 1, "networks_data": 4, "statistic": 33.5, "why": "same_platform",
    }  # fmt: skip
    return row | other


def member(name: str = "e1", network: int = 12455, target: str = "telegram/web", **other: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "event": name, "country": "KE", "network": network, "target": target, "direction": "block", "after": NEWS[0],
        "before": NEWS[1], "level_before": 0.02, "level_after": 0.93, "statistic": 20.0, "grade": "corroborated",
        "mechanism": "tls.timeout", "k": 41, "n": 44,
    }  # fmt: skip
    return row | other


def note(kind: str = "instrument", **other: Any) -> dict[str, Any]:
    row = {"kind": kind, "first": "2023-11-10", "members": 12, "detail": "version:ooniprobe-android/3.9.0"}
    return row | {"countries": "KE UG TZ"} | other


def tables(
    findings: list[dict[str, Any]] | None = None,
    events: list[dict[str, Any]] | None = None,
    members: list[dict[str, Any]] | None = None,
    notes: list[dict[str, Any]] | None = None,
) -> dict[str, pa.Table]:
    """All tables of detect, from rows as lists of columns; those of outages are empty."""
    made = {"findings": findings, "events": events, "event_members": members, "notes": notes}
    own = {"findings": FINDINGS, "events": EVENTS, "event_members": EVENT_MEMBERS, "notes": NOTES}
    assert own | CONNECTED == DETECTED
    return {name: pa.Table.from_pylist(made.get(name) or [], schema=DETECTED[name]) for name in DETECTED}


def kenya(*, ended: bool = False, grade: str = "corroborated") -> dict[str, pa.Table]:
    """A block on one network, seen well; a thin network; one that works; one that nobody tested; and bad names."""
    over = {"end_after": END[0], "end_before": END[1], "event_end": "e2"} if ended else {}
    thin = {"vantage_low": 2, "vantage_high": 2, "grade": "consistent", "contradicts": "one_device,new_code:<b>"}
    country = {"networks_hit": 1, "networks_data": 4, "users_share": None}
    findings = [
        finding(grade=grade, **over),
        finding("telegram/web", 33771, onset_after=datetime(2023, 11, 14, 3, 7), **thin | {"event": "e3"}),
        finding("telegram/app", None, **country),
        finding("telegram/web", None, **country | {"networks_hit": 2, "users_share": 0.62}),
        ok(), ok("telegram/web", 36866, contradicts="one_device"), silent("signal/app", 36866),
        *(finding(name, 12455, mechanism=f"{name[-8:]}", event=None) for name in HOSTILE),
    ]  # fmt: skip
    events = [
        event(grade=grade, lasts=not ended, counterpart="e2" if ended else None),
        event("e3", networks="33771", targets="telegram/web", grade="consistent", members=1, targets_n=1),
        event("e4", targets=" ".join(sorted(HOSTILE)), platforms="", groups="", contradicts="fails_elsewhere:2"),
    ]  # fmt: skip
    if ended:
        events.append(event("e2", direction="unblock", lasts=None, onset_after=END[0], onset_before=END[1]))
    members = [member(), member(target="telegram/app"), member("e3", 33771)]
    notes = [
        note(),
        note("volume", country="KE", detail="measurements:7 days:2 usual:90", countries=None, last="2023-11-12"),
    ]
    return tables(findings, events, members, notes)
