"""Law: a row for each target of the tor test, under its protocol; no address but those that Tor itself publishes.

OONI specifications ts-023 (tor) and ts-011 (bridge reachability). A target is a directory authority or a bridge; the
authorities are public by their nature, bridges only where the tool ships them as defaults. A target handed out in
private says so in `target_source`. What a target's own instrument concluded is its `tunnel_bootstrap` row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.nettest import (
    SUMMARY,
    TRANSPORT,
    Reader,
    addresses_in,
    endpoint,
    forget,
    hide,
    is_published,
    maps,
    number,
    opinion,
    plain,
    readers,
    setup_of,
    summary,
    truth,
    with_failures,
    written,
)
from clampdown.intake.sources.ooni.structs import Request, items
from clampdown.intake.sources.ooni.templates import everything, fixed, requests

PROTOCOLS: Final = ("dir_port", "or_port", "or_port_dirauth", "obfs4")
_AUTHORITIES: Final = frozenset({"dir_port", "or_port_dirauth"})


def read_tor(m: Measurement, rows: Rows) -> None:
    """Every target's steps and what became of it; where no target is listed, the totals per protocol."""
    m.target = m.given = None  # it takes no input
    opinion(m, *(f"{protocol}_{what}" for protocol in PROTOCOLS for what in ("accessible", "total")))
    targets = _targets(m)
    ends = [(t, *endpoint(m, t.get("target_address"))) for t in targets]
    kept = {ip for t, ip, port in ends if _is_authority(t) or (ip is not None and is_published(m, ip, port))}
    # Everything that stands in a bridge's target may be its address, whatever the target says of itself.
    hide(m, (e for t in targets if not _is_authority(t) for e in addresses_in(m, t) if e[0] not in kept))
    for t in targets:
        _target(m, rows, t)
    if not targets:
        for protocol in PROTOCOLS:
            _total(m, rows, protocol)


def _targets(m: Measurement) -> list[dict[str, Any]]:
    """The targets, whether written as a map (by the specification) or, by some broken probes, as a list."""
    found = m.keys.get("targets")
    if not isinstance(found, dict):
        return maps(m, found, "targets")
    kept: list[dict[str, Any]] = []
    for key, t in found.items():
        if not isinstance(t, dict):
            m.degraded.add("targets")
            continue
        # The key is the endpoint of an authority, or a hash of a bridge's.
        kept.append(t if t.get("target_address") or ":" not in key else {**t, "target_address": key})
    return kept


def _is_authority(t: Mapping[str, Any]) -> bool:
    return plain(t.get("target_protocol")) in _AUTHORITIES and not t.get("target_source")


def _target(m: Measurement, rows: Rows, t: dict[str, Any]) -> None:
    protocol = t.get("target_protocol")
    if protocol not in PROTOCOLS:
        m.degraded.add("targets.target_protocol")
        protocol = plain(protocol) if isinstance(protocol, str) and TRANSPORT.fullmatch(protocol) else None
    target = f"tor/{protocol}" if protocol else None
    forget(m)
    seq = rows.seq
    everything(rows, m, t, fixed(target), chain=False)
    ip, port = endpoint(m, t.get("target_address"))
    ip = None if ip in m.secrets.canonical else ip
    parts = t.get("summary")
    parts = parts if isinstance(parts, dict) else {}
    if rows.seq == seq:
        _part(m, rows, "tcp_connect", target, parts.get("connect"), ip=ip, port=port)
        if protocol != "obfs4":  # whose handshake is not one of TLS
            _part(m, rows, "tls_handshake", target, parts.get("handshake"), ip=ip, port=port)
    outcome, failure = m.memo.failure(t.get("failure", UNSET))
    connect = m.memo.failure(_failure(parts.get("connect")))[0]
    stage = "done" if outcome == "ok" else "connect" if connect == "failed" else "bootstrap"
    rows.add(
        "tunnel_bootstrap",
        target=target,
        outcome=outcome,
        failure=failure,
        ip=ip,
        port=port,
        network_proto="tcp",
        stage=stage if outcome != "unknown" else None,
        detail=plain(t.get("target_name")) if ip is not None else None,
    )


def _failure(part: object) -> object:
    return part.get("failure", UNSET) if isinstance(part, dict) else UNSET


def _part(m: Measurement, rows: Rows, operation: str, target: str | None, part: object, **fields: Any) -> None:
    """One part of a target's summary, where the target has no steps."""
    outcome, _ = m.memo.failure(_failure(part))
    if outcome != "unknown":
        summary(m, rows, operation, target, True if outcome == "ok" else None, _failure(part), **fields)


def _total(m: Measurement, rows: Rows, protocol: str) -> None:
    total, reached = number(m.keys.get(f"{protocol}_total")), number(m.keys.get(f"{protocol}_accessible"))
    if total is not None and total > 0 and reached is not None:
        summary(
            m, rows, "tunnel_bootstrap", f"tor/{protocol}", reached > 0, network_proto="tcp",
            stage="done" if reached > 0 else "bootstrap", detail=f"{SUMMARY}: {reached:g} of {total:g}",
        )  # fmt: skip


def read_bridge_reachability(m: Measurement, rows: Rows) -> None:
    """A tor client started with one bridge; the bridge is not kept unless it is a published default."""
    keys = m.keys
    line = f"{m.url or ''} {keys.get('bridge_address') or ''}".split()
    found = [endpoint(m, word) for word in line]
    hide(m, found)
    ip, port = next((e for e in found if e[0] is not None), (None, None))
    m.target = transport_target(keys.get("transport_name")) or "tor/or_port"
    client(m, rows, m.target, ip=m.ip(ip), port=port)


def transport_target(name: object) -> str | None:
    """The role of a pluggable transport."""
    word = (plain(name) or "").lower()
    if not TRANSPORT.fullmatch(word):
        return None
    return {"vanilla": "tor/or_port", "snowflake": "tor/snowflake"}.get(word, f"tor/{word}")


def client(m: Measurement, rows: Rows, target: str, **fields: Any) -> None:
    """What became of a tor client that was started: how far it bootstrapped, how long it took, what it said."""
    keys = m.keys
    m.given = None  # at most a bridge
    percent = number(keys.get("tor_progress"))
    progress = None if percent is None else min(max(percent / 100, 0.0), 1.0)
    success = truth(keys.get("success"))
    outcome, failure = _ended(m, success, progress)
    m.instrument = setup_of(keys.get("failure")) or setup_of(keys.get("error"))
    if m.instrument is not None:
        return
    seconds = number(keys.get("bootstrap_time"))
    tag = plain(keys.get("tor_progress_tag"))
    said = m.text(keys.get("tor_progress_summary"), 80)
    via = plain(keys.get("rendezvous_method"))
    parts = [f"{tag}: {said}" if tag and said else tag or said, f"rendezvous {via}" if via else None]
    rows.add(
        "tunnel_bootstrap",
        target=target,
        outcome=outcome,
        failure=failure,
        network_proto="tcp",
        stage=_stage(outcome, progress, tag),
        progress=1.0 if outcome == "ok" else progress,
        seconds=seconds if seconds and outcome == "ok" else None,
        detail=", ".join(part for part in parts if part) or SUMMARY,
        **fields,
    )


def _ended(m: Measurement, success: bool | None, progress: float | None) -> tuple[str, str | None]:
    """Success must be said: by the flag, by 100 per cent, or by a time beside a failure of null."""
    keys = m.keys
    outcome, failure = m.memo.failure(keys.get("failure", UNSET))
    if outcome == "failed":
        return outcome, failure
    if success is False:
        # Until 2022 only `error` said why.
        return "failed", "generic_timeout_error" if keys.get("error") == "timeout-reached" else _named(m)
    took = number(keys.get("bootstrap_time"))
    if success or progress == 1.0 or (outcome == "ok" and took is not None and took > 0):
        return "ok", None
    return "unknown", None


def _named(m: Measurement) -> str | None:
    error = m.keys.get("error")
    return m.memo.failure(error)[1] if isinstance(error, str) else None


def _stage(outcome: str, progress: float | None, tag: str | None) -> str | None:
    if outcome == "ok":
        return "done"
    if tag is not None and tag.startswith(("starting", "conn")):
        return "connect"
    return None if outcome == "unknown" and progress is None else "bootstrap"


def read_vanilla_tor(m: Measurement, rows: Rows) -> None:
    """A tor client without a bridge (ts-016)."""
    found = transport_target(m.keys.get("transport_name"))
    m.target = "tor/direct" if found in (None, "tor/or_port") else found
    client(m, rows, m.target)


def read_torsf(m: Measurement, rows: Rows) -> None:
    """A tor client over Snowflake (ts-030)."""
    m.target = "tor/snowflake"
    client(m, rows, m.target)


def read_meek(m: Measurement, rows: Rows) -> None:
    """A request to a fronting name with the inner name in its Host header (ts-014)."""
    m.target = "tor/meek"
    found = items(m.keys.get("requests"), Request, "requests", m.degraded)
    requests(rows, m, with_failures(found), fixed(m.target), chain=False)
    ok = truth(m.keys.get("success"))
    if ok is not None:
        summary(m, rows, "tunnel_bootstrap", "tor/meek", ok, network_proto="tcp", stage="done" if ok else "bootstrap")
    elif not written(rows):
        m.instrument = setup_of(m.keys.get("failure"))


TESTS: Final[dict[str, Reader]] = readers(
    {
        "tor": read_tor,
        "vanilla_tor": read_vanilla_tor,
        "torsf": read_torsf,
        "bridge_reachability": read_bridge_reachability,
        "meek_fronted_requests_test": read_meek,
    },
    careful=True,
)
