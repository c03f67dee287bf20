"""Law: what was sent and what came back are compared; an echo that never came is unknown, not tampered with.

OONI specifications ts-006 (header field manipulation), ts-007 (invalid request line), ts-004 (HTTP host), ts-038 (port
filtering). Outcome `ok` is unchanged, `failed` is changed. A reply's text ends here: kept are which part was changed
and which fingerprints the reply matched.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from msgspec import UNSET

from clampdown.intake.features_http import bytes_of
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.nettest import (
    SUMMARY,
    Reader,
    input_host,
    mapping,
    maps,
    opinion,
    readers,
    summary,
    truth,
    with_failures,
)
from clampdown.intake.sources.ooni.structs import Connect, Request, items
from clampdown.intake.sources.ooni.templates import connects, everything, fixed, requests

TARGET: Final = "network/middlebox"
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_FLAGS: Final = {
    "header_field_name": "header names",
    "header_field_number": "number of headers",
    "header_field_value": "header values",
    "header_name_capitalization": "capitals of header names",
    "request_line_capitalization": "capitals of the request line",
    "total": "whole reply",
}


def read_invalid_request_line(m: Measurement, rows: Rows) -> None:
    """One row for all lines sent to the echo server: one changed line shows that something on the way reads them."""
    keys, m.target = m.keys, TARGET
    opinion(m, "tampering")
    sent, received = _listed(m, "sent"), _listed(m, "received")
    failures, flags = _listed(m, "failure_list"), _listed(m, "tampering_list")
    pairs = [(bytes_of(s), bytes_of(_at(received, i))) for i, s in enumerate(sent)]
    echoes = any(s and s == r for s, r in pairs)
    lines = [_echo(m, line, reply, _at(failures, i, UNSET), echoes) for i, (line, reply) in enumerate(pairs)]
    outcomes = [outcome for outcome, _, _ in lines]
    if not pairs:
        said = truth(keys.get("tampering"))
        said = any(flags) if said is None and flags else said
        summary(m, rows, "middlebox", TARGET, None if said is None else not said, network_proto="tcp")
        return
    seq = rows.add(
        "middlebox", target=TARGET, network_proto="tcp", port=80,
        outcome=next((word for word in ("failed", "ok") if word in outcomes), "unknown"),
        failure=next((name for outcome, name, _ in lines if outcome == "failed"), None),
        detail=", ".join(f"{_kind(line)}: {how}" for (line, _), (_, _, how) in zip(pairs, lines, strict=True))[:300],
    )  # fmt: skip
    for (_, reply), outcome in zip(pairs, outcomes, strict=True):
        if outcome == "failed" and reply:
            _match(m, rows, seq, reply)


def _listed(m: Measurement, name: str) -> list[Any]:
    value = m.keys.get(name)
    if value is None or isinstance(value, list):
        return value or []
    m.degraded.add(name)
    return [value]


def _at(found: list[Any], index: int, otherwise: Any = None) -> Any:
    return found[index] if index < len(found) else otherwise


def _echo(
    m: Measurement, sent: bytes | None, reply: bytes | None, failure: object, echoes: bool
) -> tuple[str, str | None, str]:
    """(outcome, failure, words) of one line."""
    ended, name = m.memo.failure(failure) if failure is not UNSET else ("unknown", None)
    name = name if ended == "failed" else None
    if not sent:
        return "unknown", name, "not sent"
    if not reply:
        # The server answered the other lines of this very record: this one was taken out on the way.
        return ("failed", name, "swallowed") if echoes else ("unknown", name, "no echo")
    if reply == sent:
        return "ok", None, "unchanged"
    start = reply.lstrip()[:16].lower()
    if start.startswith((b"http/", b"<html", b"<!doctype", b"<?xml")):
        return "failed", name, "answered by an HTTP server"
    if sent.startswith(reply):
        return "failed", name, "cut short"
    return "failed", name, "came back changed"


def _kind(line: bytes | None) -> str:
    """Which of the test's lines this is, told from its form."""
    if not line:
        return "line"
    words = line.split()
    if len(line) > 512:
        return "huge method"
    if b"cache_object:" in line:
        return "cache manager request"
    if words[:1] == [b"GET"] and words[-1][:5] == b"HTTP/":
        return "invalid version"
    return "invalid method" if words and words[-1][:5] == b"HTTP/" else "invalid number of fields"


def _match(m: Measurement, rows: Rows, seq: int, reply: bytes) -> None:
    if m.kit.bodies is not None:
        for fingerprint in m.kit.bodies.match(reply):
            rows.match(seq, fingerprint)


def read_header_field_manipulation(m: Measurement, rows: Rows) -> None:
    """One row: were the odd headers of the request the ones that the server saw."""
    keys, m.target = m.keys, TARGET
    found = keys.get("tampering")
    flags = mapping(m, found if not isinstance(found, bool) else None, "tampering")
    asked = maps(m, keys.get("requests"), "requests")
    reply = _reply(asked[0]) if asked else None
    failure = keys.get("failure", asked[0].get("failure", UNSET) if asked else UNSET)
    ended, name = m.memo.failure(failure) if failure is not UNSET else ("unknown", None)
    changed = [words for flag, words in _FLAGS.items() if flags.get(flag) is True]
    names = _changed_names(flags.get("header_name_diff"))
    if names:
        changed.append("headers " + " ".join(names))
    if ended == "failed" or (not reply and not changed):
        outcome = "unknown"
    elif changed or found is True:
        outcome = "failed"
    elif found is False or any(isinstance(v, bool) for v in flags.values()):
        outcome = "ok"
    else:
        outcome, changed = _compare(asked[0] if asked else {}, reply)
    seq = rows.add(
        "middlebox", target=TARGET, outcome=outcome, failure=name if ended == "failed" else None,
        network_proto="tcp", detail=", ".join(changed) or {"ok": "unchanged", "failed": SUMMARY}.get(outcome),
    )  # fmt: skip
    if outcome == "failed" and reply:
        _match(m, rows, seq, reply)


def _reply(asked: dict[str, Any]) -> bytes | None:
    answered = asked.get("response")
    return bytes_of(answered.get("body")) if isinstance(answered, dict) else None


def _changed_names(found: object) -> list[str]:
    """Names of headers that differ, as words; a name that is none is not repeated."""
    texts = [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
    return sorted({text.lower() if _HEADER.fullmatch(text) else "(unreadable)" for text in texts})[:20]


def _compare(asked: dict[str, Any], reply: bytes | None) -> tuple[str, list[str]]:
    """The comparison, where the record does not hold the probe's: headers sent against headers seen."""
    request = asked.get("request")
    headers = request.get("headers") if isinstance(request, dict) else None
    if not reply or not isinstance(headers, dict):
        return "unknown", []
    try:
        seen = json.loads(reply)
    except (ValueError, RecursionError):
        return "failed", ["whole reply"]
    seen = seen.get("headers_dict") if isinstance(seen, dict) else None
    if not isinstance(seen, dict):
        return "failed", ["whole reply"]
    # The probe's own library adds `Connection`.
    differ = {name for name in set(headers) ^ set(seen) if name.lower() != "connection"}
    return ("failed", ["headers " + " ".join(_changed_names(sorted(differ)))]) if differ else ("ok", [])


def read_http_host(m: Measurement, rows: Rows) -> None:
    """A name sent as Host to an echo server: the proxy on the way is the network's, the exchange is about the name."""
    keys = m.keys
    host, _ = input_host(m)
    m.host, m.target = host, m.memo.target(host)
    opinion(m, "transparent_http_proxy", "censored")
    # Beside the path: the echo server is not where the name leads to.
    m.tagged = True
    found = items(keys.get("requests"), Request, "requests", m.degraded)
    requests(rows, m, with_failures(found), fixed(m.target), chain=False, detail="echo")
    for name in ("transparent_http_proxy", "trans_http_proxy"):
        proxy = truth(keys.get(name))
        if proxy is not None:
            summary(m, rows, "middlebox", TARGET, not proxy, detail="transparent proxy" if proxy else "unchanged")
            break


def read_host_header(m: Measurement, rows: Rows) -> None:
    """urlgetter with another Host header: about the name in the input, beside its path."""
    host, _ = input_host(m)
    m.host, m.target = host, m.memo.target(host)
    m.tagged = True
    everything(rows, m, m.keys, fixed(m.target), chain=False)


def read_port_filtering(m: Measurement, rows: Rows) -> None:
    """Connects to one helper on many ports: a fact of the network, about no target."""
    found = items(m.keys.get("tcp_connect"), Connect, "tcp_connect", m.degraded)
    m.tagged = True  # on no path of an ordinary program
    connects(rows, m, found, fixed(None), detail="port filtering")


TESTS: Final[dict[str, Reader]] = readers(
    {
        "http_invalid_request_line": read_invalid_request_line,
        "http_header_field_manipulation": read_header_field_manipulation,
        "http_host": read_http_host,
        "http_host_header": read_host_header,
        "portfiltering": read_port_filtering,
        "port_filtering": read_port_filtering,
    }
)
