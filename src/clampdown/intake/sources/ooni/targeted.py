"""Law: tests of one site beside web connectivity: their steps are the site's, with what each test adds.

OONI specifications ts-027 (urlgetter), ts-039 (ECH check), ts-036 (browser web), ts-024 (SNI blocking).
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET

from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.nettest import (
    TRANSPORT,
    Reader,
    forget,
    input_target,
    mapping,
    number,
    opinion,
    plain,
    readers,
    summary,
    written,
)
from clampdown.intake.sources.ooni.structs import Connect, Event, Handshake, items
from clampdown.intake.sources.ooni.templates import everything, fixed, handshakes, web_place
from clampdown.intake.sources.ooni.transfers import endpoints_of
from clampdown.intake.sources.ooni.tunnels import through, tunnel_row

_TUNNELS: Final = {"psiphon": "psiphon/tunnel", "tor": "tor/direct", "torsf": "tor/snowflake", "fake": None}
# A helper's certificate is not the tested name's: these endings of a handshake mean that the name went through.
_ANSWERED: Final = frozenset({"ssl_invalid_hostname", "ssl_unknown_authority", "ssl_invalid_certificate"})


def read_urlgetter(m: Measurement, rows: Rows) -> None:
    """Whatever was asked of one URL, possibly through a tunnel."""
    keys = m.keys
    input_target(m)
    opinion(m, "failed_operation", "failure")
    tunnel = plain(keys.get("tunnel"))
    if tunnel is not None and TRANSPORT.fullmatch(tunnel):
        target = _TUNNELS.get(tunnel, f"{tunnel}/tunnel")
        if target is not None:
            tunnel_row(m, rows, target)
        through(m, rows, target or f"{tunnel}/tunnel")
        return
    everything(rows, m, keys, web_place(m))
    if not written(rows):
        summary(m, rows, "http_exchange", m.target, None, keys.get("failure", UNSET), hostname=m.name(m.host))


def read_echcheck(m: Measurement, rows: Rows) -> None:
    """The same name with and without Encrypted Client Hello; up to 0.1 under `control` and `target`."""
    keys = m.keys
    target = input_target(m)
    everything(rows, m, keys, fixed(target), chain=False)
    for name in ("control", "target"):
        part = keys.get(name)
        if not isinstance(part, dict):
            continue
        if "tls_handshakes" in part or "network_events" in part:
            forget(m)
            everything(rows, m, part, fixed(target), chain=False)
        else:
            found = items([part], Handshake, name, m.degraded)
            handshakes(rows, m, found, fixed(target), detail=name)


def read_browser_web(m: Measurement, rows: Rows) -> None:
    """A browser's page load: it came or it did not."""
    keys = m.keys
    target = input_target(m)
    opinion(m, "result")
    result = keys.get("result")
    if result not in ("ok", "error"):
        if result is not None:
            m.degraded.add("result")
        return
    took = number(keys.get("load_time_ms"))
    browser = plain(keys.get("browser_name")) or plain(keys.get("browser"))
    rows.add(
        "http_exchange", target=target, outcome="ok" if result == "ok" else "failed",
        failure=None if result == "ok" else "unknown_failure", hostname=m.name(m.host), ip=m.ip(m.host), port=m.port,
        t0=0.0, t=took / 1000 if took is not None and took >= 0 else None, method="GET",
        scheme=m.scheme if m.scheme in ("http", "https") else None, final=True,
        detail=f"browser {browser}" if browser else "browser",
    )  # fmt: skip


def read_sni_blocking(m: Measurement, rows: Rows) -> None:
    """A name shown in a handshake with a helper that is not its server, beside a harmless name on the same endpoint.

    That the name passed proves nothing of its own site, so a pass stands beside the path; a cut is a cut.
    """
    keys = m.keys
    input_target(m)
    opinion(m, "result")
    for part in ("control", "target"):
        found = mapping(m, keys.get(part), part)
        forget(m)
        sni = found.get("sni")
        target = m.target if part == "target" else m.memo.target(m.name(sni) if isinstance(sni, str) else None)
        tagged, m.tagged = m.tagged, True  # the helper is on nobody's path
        everything(rows, m, {**found, "tls_handshakes": None}, fixed(None), chain=False)
        m.tagged = tagged
        _shown(m, rows, found, sni, target, part)


def _shown(m: Measurement, rows: Rows, found: dict[str, Any], sni: object, target: str | None, part: str) -> None:
    shaken = items(found.get("tls_handshakes"), Handshake, f"{part}.tls_handshakes", m.degraded)
    connected = items(found.get("tcp_connect"), Connect, f"{part}.tcp_connect", set())
    only = {(c.ip, c.port) for c in connected if c.ip and c.port and c.status and c.status.success is True}
    m.ends = endpoints_of(items(found.get("network_events"), Event, f"{part}.network_events", m.degraded))
    tagged = m.tagged
    for h in shaken:
        h.server_name = h.server_name or (sni if isinstance(sni, str) else None)
        outcome, failure = m.memo.failure(h.failure)
        if failure in _ANSWERED:
            h.failure, h.no_tls_verify, outcome = None, True, "ok"
        if not h.address and len(only) == 1:
            # Old records name the endpoint only in the connect.
            ((ip, port),) = only
            h.address = f"[{ip}]:{port}" if ":" in str(ip) else f"{ip}:{port}"
        m.tagged = outcome == "ok"
        handshakes(rows, m, [h], fixed(target), detail=f"sni {part}" + (f": {failure}" if failure in _ANSWERED else ""))
    m.tagged = tagged


TESTS: Final[dict[str, Reader]] = readers(
    {
        "urlgetter": read_urlgetter,
        "echcheck": read_echcheck,
        "browser_web": read_browser_web,
        "sni_blocking": read_sni_blocking,
    }
)
