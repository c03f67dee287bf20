"""Law: documents on ways through that no store made: all states, long names, many networks, counts alone, conflicts."""

from __future__ import annotations

from typing import Any

from clampdown.assess import ways as doc
from clampdown.assess.counting import Bounds
from clampdown.assess.document import Inputs, Source
from clampdown.evidence import Witness, Witnesses
from clampdown.model import Terms

TERMS = Terms("ooni", "CC BY-NC-SA 4.0", "non-commercial", "OONI", "https://example.org/terms")
INPUTS = Inputs(
    version="0.1.0", rules="r" * 64, reference="f" * 64,
    sources=(Source(terms=TERMS, measurements=4321, files=3),),
)  # fmt: skip
LABELS = {
    "en": {
        "tor": "Tor", "tor/direct": "public relays", "tor/obfs4": "obfs4, default bridges",
        "tor/snowflake": "Snowflake",
        "tor/webtunnel": "WebTunnel", "tor/meek": "meek", "psiphon": "Psiphon", "psiphon/app": "Psiphon",
        "vpn": "VPN", "vpn/openvpn": "OpenVPN", "vpn/wireguard": "WireGuard", "vpn/riseup": "RiseupVPN",
        "signal": "Signal", "signal/app": "Signal", "telegram": "Telegram", "telegram/app": "the app",
        "telegram/web": "the web front", "doh": "Encrypted DNS",
        "doh/any": "services of many providers over HTTPS, TLS and QUIC, wherever they were asked",
    },
    "fa": {
        "tor": "تور", "tor/direct": "رله‌های عمومی", "tor/obfs4": "obfs4، پل‌های پیش‌فرض", "tor/snowflake": "اسنوفلیک",
        "tor/webtunnel": "وب‌تانل", "tor/meek": "میک", "psiphon": "سایفون", "psiphon/app": "سایفون",
        "vpn": "وی‌پی‌ان", "vpn/openvpn": "OpenVPN", "vpn/wireguard": "WireGuard", "vpn/riseup": "رایزآپ وی‌پی‌ان",
        "signal": "سیگنال", "signal/app": "سیگنال", "telegram": "تلگرام", "telegram/app": "برنامه",
        "telegram/web": "نسخهٔ وب", "doh": "دی‌ان‌اس رمزگذاری‌شده",
        "doh/any": "سرویس‌های گردانندگان گوناگون روی HTTPS و TLS و QUIC، هر جا که پرسیده شده‌اند",
    },
}  # fmt: skip
SHARES = {
    "works": (0.91, 0.80, 0.97), "impaired": (0.46, 0.31, 0.62), "blocked": (0.04, 0.01, 0.11),
    "conflicting": (0.52, 0.36, 0.68), "refused": (0.0, 0.0, 0.09), "down": (0.0, 0.0, 0.2),
    "insufficient": (1.0, 0.3, 1.0), "untested": (None, None, None),
}  # fmt: skip
WAYS = (
    ("tor", "direct", "impaired"), ("tor", "obfs4", "blocked"), ("tor", "snowflake", "blocked"),
    ("tor", "webtunnel", "untested"), ("tor", "meek", "insufficient"), ("psiphon", "app", "works"),
    ("vpn", "openvpn", "down"), ("vpn", "wireguard", "untested"), ("vpn", "riseup", "refused"),
    ("signal", "app", "conflicting"), ("telegram", "app", "works"), ("telegram", "web", "blocked"),
    ("doh", "any", "impaired"),
)  # fmt: skip


def witnesses(count: int) -> Witnesses:
    first = tuple(
        Witness(measurement=f"m{i:030x}", day="2026-02-20", time="2026-02-20 11:00" if i else None, vantage=i,
                link=f"https://example.org/m/{i}" if i != 1 else None)
        for i in range(min(3, count))
    )  # fmt: skip
    return Witnesses(count=count, digest="e" * 64, first=first)


STAGES = (
    doc.Stage(stage="bootstrap", n=31, progress_low=0.1, progress_high=0.5, bytes_low=None, bytes_high=None,
              failures=("generic_timeout_error", "connection_reset")),
    doc.Stage(stage="transfer", n=4, progress_low=None, progress_high=None, bytes_low=16_000, bytes_high=24_000,
              failures=("eof_error",)),
    doc.Stage(stage="config", n=2, progress_low=None, progress_high=None, bytes_low=None, bytes_high=None, failures=()),
)  # fmt: skip
SINCE = (
    doc.Since(state="blocked", target="tor/snowflake", after="2026-02-13T22:00:00", before="2026-02-14T03:00:00",
              grade="corroborated", event="a1b2c3d4"),
    doc.Since(state="throttled", target="tor/direct", after=None, before="2026-02-01", grade="consistent", event=None),
)  # fmt: skip
VARIANTS = tuple(
    doc.Variant(name=name, n=12, ok=ok, last_ok="2026-02-20" if ok else None, last_failed="2026-02-21")
    for name, ok in (("rendezvous:ampcache", 0), ("rendezvous:domain-fronting-with-a-long-name", 3))
)


def counted(**given: Any) -> doc.Counted:
    plain: dict[str, Any] = {
        "source": "ooni-monitor", "operator": "OONI", "test": "torsf", "time": "2026-02-22T12:00:00", "n": 137,
        "failed": 132, "failed_share": 0.9635, "since": "2026-02-14", "counts": 41, "share_low": 0.61,
        "share_high": 0.98,
    }  # fmt: skip
    return doc.Counted(**plain | given)


def way(tool: str = "tor", name: str = "snowflake", state: str = "works", **given: Any) -> doc.Way:
    """A cell of a state, with numbers that belong to it."""
    share, low, high = SHARES.get(state, (0.5, 0.3, 0.7))
    tried = state != "untested"
    n = 0 if not tried else 2 if state == "insufficient" else 48
    came = share or 0.0
    failing = tried and came < 1
    plain: dict[str, Any] = {
        "tool": tool, "way": name, "network": None, "state": state,
        "reason": "few_measurements" if state == "insufficient" else None,
        "grade": "corroborated" if n > 2 else "insufficient", "n": n, "ok": round(came * n),
        "share": share, "low": low, "high": high, "vantage": Bounds(low=min(n, 5), high=min(n, 9)),
        "networks": 6 if tried else 0, "networks_state": 4 if tried else 0,
        "last_ok": "2026-02-20" if came else None, "last_failed": "2026-02-22T09:00:00" if failing else None,
        "age_ok": 2 if came else None, "age_failed": 0 if failing else None,
        "stages": STAGES if failing else (), "mechanisms": ("tunnel.bootstrap", "tcp.timeout") if failing else (),
        "variants": VARIANTS if name == "snowflake" and tried else (),
        "since": SINCE if state == "blocked" else (), "counted": (), "targets": (f"{tool}/{name}",) if tried else (),
        "tests": ("torsf",) if tried else (), "rules": ("tunnel.bootstrap_stuck",) if failing else (),
        "witnesses": {"ok": witnesses(round(came * n)), "failed": witnesses(n - round(came * n))} if tried else {},
        "first": "2026-02-14" if state == "blocked" else None,
    }  # fmt: skip
    return doc.Way(**plain | given)


def usage(**given: Any) -> doc.Usage:
    plain: dict[str, Any] = {
        "tool": "tor", "way": "snowflake", "signal": "tor/bridge/snowflake", "operator": "Tor Project",
        "unit": "users", "day": "2026-02-21", "users": 31_402.0, "usual": 12_100.0, "ratio": 2.6, "connectivity": 0.93,
        "adjusted": 2.79, "trend": "rises", "withheld": ("2026-02-15", "2026-02-16"), "reason": None,
        "source": "tor-metrics",
    }  # fmt: skip
    return doc.Usage(**plain | given)


USAGE = (
    usage(),
    usage(way="direct", signal="tor/relay", users=9_020.0, usual=30_000.0, ratio=0.3, connectivity=0.12, adjusted=None,
          trend="falls", reason="nearly_dark", withheld=()),
    usage(tool="psiphon", way="app", signal="psiphon/users", operator="Psiphon Inc.", users=None, usual=None,
          ratio=None, connectivity=None, adjusted=None, trend="unknown",
          withheld=tuple(f"2026-02-{d:02}" for d in range(1, 12))),
)  # fmt: skip
CONFLICTS = (
    doc.Conflict(tool="tor", way="snowflake", kind="users_rise_tests_fail", share=0.04, n=48, adjusted=2.79),
    doc.Conflict(tool="psiphon", way="app", kind="users_fall_tests_work", share=0.91, n=48, adjusted=0.41),
)


def access(cells: tuple[doc.Way, ...], *, country: str = "IR", network: int | None = None, **given: Any) -> doc.Access:
    networks = sorted({each.network for each in cells if each.network is not None})
    plain: dict[str, Any] = {
        "format": doc.FORMAT, "kind": doc.KIND, "question": doc.Question(country=country, network=network, at=None),
        "as_of": "2026-02-22T12:00:00", "first": "2026-01-26", "last": "2026-02-22", "ways": cells,
        "networks": tuple(
            doc.Tested(network=n, measurements=1000 - 7 * i, vantage=Bounds(low=2, high=3 + i), day_only=i % 5 == 4)
            for i, n in enumerate(networks)
        ),
        "usage": (), "conflicts": (), "labels": LABELS,
        "limits": {"measurements": 3.0, "vantage_points": 2.0, "works_from": 0.6}, "inputs": INPUTS, "terms": TERMS,
        "witnesses_digest": "b" * 64,
    }  # fmt: skip
    return doc.Access(**plain | given)


def full(networks: int = 12) -> doc.Access:
    """Every state in the country and on its networks, users beside tests, counts beside measurements."""
    cells: list[doc.Way] = []
    for at in (None, *range(networks)):
        for i, (tool, name, state) in enumerate(WAYS):
            moved = state if at is None else doc.STATES[(i + at) % len(doc.STATES)] if (i + at) % 3 else "untested"
            counts = (counted(), counted(n=None, failed=None, counts=1)) if at is None and name == "snowflake" else ()
            network = None if at is None else 64500 + at
            cells.append(way(tool, name, moved, network=network, counted=counts))
    return access(tuple(cells), usage=USAGE, conflicts=CONFLICTS)


def counts_only() -> doc.Access:
    """A country of which counts alone are published: no vantage points, so nothing above `consistent`."""
    none: dict[str, Any] = {
        "low": None, "high": None, "vantage": None, "grade": "consistent", "last_ok": None, "age_ok": None,
        "witnesses": {}, "stages": (), "mechanisms": (), "since": (), "rules": (), "last_failed": None,
        "age_failed": None, "networks": None, "networks_state": None,
    }  # fmt: skip
    tor, torsf = counted(test="tor", n=1071, failed=214, failed_share=0.2), counted()
    few = counted(n=None, failed=None, counts=1)
    said: dict[str, Any] = {**none, "reason": "counts_only"}
    return access((
        way("tor", "direct", "impaired", counted=(tor,), n=1071, ok=857, share=0.8, **said),
        way("tor", "snowflake", "blocked", counted=(torsf,), n=137, ok=5, share=0.0365, **said),
        way("tor", "meek", "insufficient", counted=(few,), **none | {"share": None, "n": 0, "ok": 0}),
        way("tor", "webtunnel", "blocked", counted=(torsf,), **none | {"share": None, "n": 0, "ok": 0}),
        way("tor", "obfs4", "untested"),
    ))  # fmt: skip


def empty() -> doc.Access:
    """A country where nobody tested anything."""
    return access(tuple(way(tool, name, "untested") for tool, name, _ in WAYS), country="XA")
