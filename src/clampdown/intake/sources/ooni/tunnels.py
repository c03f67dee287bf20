"""Law: a tunnel's own ending is one row; what passed through it is kept beside the path; gateways stay unnamed.

OONI specifications ts-015 (psiphon), ts-026 (riseupvpn), ts-040 and ts-016 (openvpn), ts-013 (lantern), df-009
(tunnel). Gateways are handed out to users: only their ports are kept.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qs

from msgspec import UNSET

from clampdown.intake.features import port_of
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.nettest import (
    SUMMARY,
    Reader,
    addresses_in,
    endpoint,
    hide,
    maps,
    number,
    opinion,
    plain,
    readers,
    role_target,
    setup_of,
    summary,
    truth,
    written,
)
from clampdown.intake.sources.ooni.structs import Connect, items
from clampdown.intake.sources.ooni.templates import connects, everything, fixed

# Names under which OONI hands out endpoints of OpenVPN services; any other name could be a gateway of one's own.
PROVIDERS: Final = frozenset({"riseup", "riseupvpn", "oonivpn", "unknown"})
# States of an OpenVPN client in their order, and how far each is on the way.
_STATES: Final = {
    "INITIAL": 0.0, "PRE_START": 0.0, "START": 0.25, "SENT_KEY": 0.5, "GOT_KEY": 0.7, "ACTIVE": 0.85,
    "GENERATED_KEYS": 1.0,
}  # fmt: skip


def through(m: Measurement, rows: Rows, target: str) -> None:
    """Steps made through a tunnel: they cross the network inside it, so none lies on the ordinary path.

    Connects to the tunnel's own door on the loopback are steps within the probe's machine, and are left out.
    """
    m.tagged = True
    found = m.keys.get("tcp_connect")
    if isinstance(found, list):
        found = [c for c in found if not (isinstance(c, dict) and _is_loopback(m, c.get("ip")))]
    everything(rows, m, {**m.keys, "tcp_connect": found}, fixed(target))


def _is_loopback(m: Measurement, text: object) -> bool:
    ip = m.memo.ip(text) if isinstance(text, str) else None
    return ip is not None and ipaddress.ip_address(ip).is_loopback


def read_psiphon(m: Measurement, rows: Rows) -> None:
    """A tunnel, then a page fetched through it."""
    m.target, m.given = "psiphon/tunnel", None
    hide(m, addresses_in(m, m.keys))
    tunnel_row(m, rows, m.target)
    through(m, rows, m.target)


def tunnel_row(m: Measurement, rows: Rows, target: str) -> None:
    """df-009: a failure with a bootstrap time is one of the page behind the tunnel, without one it is the tunnel's."""
    keys = m.keys
    took = number(keys.get("bootstrap_time"))
    m.instrument = setup_of(keys.get("failure"))
    if m.instrument is not None:
        return
    outcome, failure = m.memo.failure(keys.get("failure", UNSET))
    started = took is not None and took > 0
    if outcome != "failed":
        outcome = "ok" if started else "unknown"
    stage = "done" if outcome == "ok" else "transfer" if started else "bootstrap"
    rows.add(
        "tunnel_bootstrap",
        target=target,
        outcome=outcome,
        failure=failure,
        stage=stage if outcome != "unknown" else None,
        progress=1.0 if started else None,
        seconds=took if started else None,
    )


def read_openvpn(m: Measurement, rows: Rows) -> None:
    """One handshake with one endpoint; TCP endpoints have a connect before it."""
    keys, m.target = m.keys, "openvpn/tunnel"
    shaken = maps(m, keys.get("openvpn_handshake"), "openvpn_handshake")
    given, transport = _remote(m)
    hide(m, [given, *_endpoints(m, shaken), *_endpoints(m, maps(m, keys.get("tcp_connect"), "tcp_connect"))])
    opinion(m, "success")
    m.instrument = setup_of(keys.get("failure"))
    found = items(keys.get("tcp_connect"), Connect, "tcp_connect", m.degraded)
    connects(rows, m, found, fixed(m.target))
    reached = _progress(m)
    for h in shaken:
        outcome, failure = m.memo.failure(h.get("failure", UNSET))
        _openvpn_row(m, rows, outcome, failure, reached, h)
    if not shaken and m.instrument is None:
        outcome, failure = m.memo.failure(keys.get("failure", UNSET))
        success = truth(keys.get("success"))
        if outcome != "failed":
            outcome = "ok" if success else "failed" if success is False else "unknown"
        h = {"port": given[1], "transport": transport, "handshake_time": keys.get("bootstrap_time")}
        _openvpn_row(m, rows, outcome, failure, reached, h, stage="connect" if found and outcome == "failed" else None)


def _remote(m: Measurement) -> tuple[tuple[str | None, int | None], str | None]:
    """The endpoint in the input's query, and its transport; the input is kept only with a provider that is public."""
    provider = (m.host or "").partition(".")[0]
    if m.given and provider not in PROVIDERS:
        m.given = "openvpn://[scrubbed]/"
        hide(m, [(m.memo.ip(m.host), m.port)])
    parts = m.memo.url(m.url)
    if parts is None or "?" not in (m.url or ""):
        return (None, None), None
    query = parse_qs((m.url or "").partition("?")[2])
    return endpoint(m, query.get("address", [""])[0]), plain(query.get("transport", [""])[0])


def _endpoints(m: Measurement, found: Iterable[dict[str, Any]]) -> list[tuple[str | None, int | None]]:
    texts = ((c.get("ip"), c.get("port")) for c in found)
    return [(m.memo.ip(ip) if isinstance(ip, str) else None, port_of(port)) for ip, port in texts]


def _progress(m: Measurement) -> float | None:
    """How far the client's state machine came."""
    seen = m.keys.get("network_events")
    states = [e.get("stage") for e in seen if isinstance(e, dict)] if isinstance(seen, list) else []
    return max(
        (_STATES[s.removeprefix("S_")] for s in states if isinstance(s, str) and s.removeprefix("S_") in _STATES),
        default=None,
    )


def _openvpn_row(
    m: Measurement,
    rows: Rows,
    outcome: str,
    failure: str | None,
    reached: float | None,
    h: dict[str, Any],
    stage: str | None = None,
) -> None:
    proto, provider = plain(h.get("transport")), plain(h.get("provider"))
    text = h.get("ip")
    took = number(h.get("handshake_time")) or number(h.get("bootstrap_time"))
    if stage is None and outcome != "unknown":
        stage = "done" if outcome == "ok" else "bootstrap" if reached else "connect"
    rows.add(
        "tunnel_bootstrap",
        target=m.target,
        outcome=outcome,
        failure=failure,
        transaction=h.get("transaction_id") if isinstance(h.get("transaction_id"), int) else None,
        ip=m.ip(text) if isinstance(text, str) else None,
        port=port_of(h.get("port")),
        network_proto=proto if proto in ("tcp", "udp") else None,
        t0=number(h.get("t0")),
        t=number(h.get("t")),
        stage=stage,
        progress=1.0 if outcome == "ok" else reached,
        seconds=took if took and outcome == "ok" else None,
        detail=provider if provider in PROVIDERS else None,
    )


def read_riseupvpn(m: Measurement, rows: Rows) -> None:
    """Named steps are the API's; connects to addresses that no name led to are the gateways'."""
    keys = m.keys
    m.target = m.given = None  # it takes no input
    opinion(m, "api_status", "api_failure", "ca_cert_status")
    resolved = {m.memo.ip(text) for text in _answers(keys.get("queries"))}
    failing = maps(m, keys.get("failing_gateways"), "failing_gateways")
    addressed = _endpoints(m, [*maps(m, keys.get("tcp_connect"), "tcp_connect"), *failing])
    asked = addresses_in(m, keys.get("requests"))
    hide(m, (e for e in [*addressed, *_event_endpoints(m), *asked] if e[0] not in resolved))

    def place(name: str | None, ip: str | None, port: int | None, depth: int | None) -> str | None:
        if name is None:
            return "riseupvpn/gateways"
        return role_target(m, "riseupvpn", name) or "riseupvpn/api"

    everything(rows, m, keys, place, chain=False)
    seen = {target for _, target in written(rows)}
    if "riseupvpn/api" not in seen:
        summary(m, rows, "http_exchange", "riseupvpn/api", truth(keys.get("api_status")), keys.get("api_failure"))
    if "riseupvpn/gateways" not in seen:
        status = keys.get("transport_status")
        for transport, said in status.items() if isinstance(status, dict) else ():
            ok, detail = truth(said), f"{SUMMARY} {plain(transport) or ''}".strip()
            stage = "done" if ok else "connect"
            summary(m, rows, "tunnel_bootstrap", "riseupvpn/gateways", ok, stage=stage, detail=detail)
        for gateway in failing if not isinstance(status, dict) else ():
            port = port_of(gateway.get("port"))
            summary(m, rows, "tcp_connect", "riseupvpn/gateways", False, port=port)


def _answers(found: object) -> Iterable[str]:
    """Every address that any lookup of the record gave."""
    for query in found if isinstance(found, list) else ():
        answers = query.get("answers") if isinstance(query, dict) else None
        for answer in answers if isinstance(answers, list) else ():
            for key in ("ipv4", "ipv6"):
                text = answer.get(key) if isinstance(answer, dict) else None
                if isinstance(text, str):
                    yield text


def _event_endpoints(m: Measurement) -> list[tuple[str | None, int | None]]:
    found = m.keys.get("network_events")
    return [endpoint(m, e.get("address")) for e in found if isinstance(e, dict)] if isinstance(found, list) else []


def read_tool(target: str) -> Reader:
    """A reader of the old tests that started a tool and fetched a page through it."""

    def read(m: Measurement, rows: Rows) -> None:
        keys, m.target = m.keys, target
        m.instrument = setup_of(keys.get("failure"))
        if m.instrument is not None:
            return
        up = truth(keys.get("bootstrapped"))
        up = truth(keys.get("success")) if up is None else up
        outcome, failure = m.memo.failure(keys.get("failure", UNSET))
        if outcome != "failed":
            outcome = "ok" if up else "failed" if up is False else "unknown"
        # A tool that came up and then failed got no page through.
        stage = "done" if outcome == "ok" else "transfer" if up else "bootstrap"
        rows.add(
            "tunnel_bootstrap", target=target, outcome=outcome, failure=failure, detail=SUMMARY,
            stage=stage if outcome != "unknown" else None, progress=1.0 if up else None,
        )  # fmt: skip

    return read


TESTS: Final[dict[str, Reader]] = readers(
    {
        "psiphon": read_psiphon,
        "openvpn": read_openvpn,
        "riseupvpn": read_riseupvpn,
        "openvpn_client_test": read_tool("openvpn/tunnel"),
        "lantern_circumvention_tool_test": read_tool("lantern/tunnel"),
        "psiphon_test": read_tool("psiphon/tunnel"),
    },
    careful=True,
)
