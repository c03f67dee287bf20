"""Law: an exchange keeps what was said of the page and nothing of the person: the body ends here (df-001)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from clampdown.intake.features import port_of
from clampdown.intake.features_http import bytes_of, headers_of, text_of, title_of
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement, clean
from clampdown.intake.sources.ooni.steps import Place, on_path, word
from clampdown.intake.sources.ooni.structs import Answered, Request

# (status_match, title_match, headers_match, body_ratio)
Compared = tuple[bool | None, bool | None, bool | None, float | None]


class Facts(NamedTuple):
    """What is kept of a response: status, headers, title, and of the body its length, digest and fingerprints."""

    status: int | None
    title: str | None
    length: int | None
    digest: str | None
    truncated: bool | None
    headers: str | None
    names: Sequence[str]  # of the headers, lower case
    location: str | None  # as found; never a row
    matches: tuple[str, ...]


_NOTHING: Final = Facts(None, None, None, None, None, None, (), None, ())
Compare = Callable[[Request, Facts], Compared]


def requests(
    rows: Rows,
    m: Measurement,
    found: Sequence[Request],
    place: Place,
    *,
    compare: Compare | None = None,
    newest_first: bool = True,
    chain: bool = True,
    detail: str | None = None,
) -> None:
    """df-001: a row per exchange. In a redirect chain (newest first) the first on the path is the final one."""
    steps: list[tuple[bool, int | None, bool | None]] = []
    for index, r in enumerate(found):
        tagged, depth, fetch = m.memo.tags(r.tags)
        if depth is None and chain:
            depth = len(found) - 1 - index if newest_first else index
        steps.append((on_path(m, tagged), depth, fetch))
    # The final exchange is the deepest one on the path; where hops tie, the first that is listed.
    last = max((depth or 0 for path, depth, _ in steps if path), default=None)
    for r, (path, depth, fetch) in zip(found, steps, strict=True):
        final = not chain or (path and last is not None and (depth or 0) == last)
        if final and chain:
            last = None
        exchange(rows, m, r, place, path, depth, final, compare if final else None, fetch, detail)


def exchange(
    rows: Rows,
    m: Measurement,
    r: Request,
    place: Place,
    path: bool,
    depth: int | None,
    final: bool,
    compare: Compare | None,
    fetch: bool | None,
    detail: str | None,
) -> None:
    """One exchange with its features; the body ends here."""
    memo = m.memo
    asked, answered = r.request, r.response
    parts = memo.url(asked.url) if asked else None
    raw_ip, port, _ = memo.endpoint(r.address)
    name = scheme = shown = None
    if parts is not None:
        scheme = parts.scheme if parts.scheme in ("http", "https") else None
        name = m.name(parts.hostname)
        if raw_ip is None:
            raw_ip = parts.ip
        if port is None:
            port = port_of(parts.port) or {"http": 80, "https": 443}.get(scheme or "")
        shown = m.secrets.remove(clean(parts.shown)) or "/"
    ip = m.ip(raw_ip)
    outcome, failure = memo.failure(r.failure)
    facts = body_facts(m, answered)
    status = facts.status
    if outcome == "ok" and not status:
        outcome = "unknown"
    location = _location(m, facts.location)
    status_match, title_match, headers_match, body_ratio = (
        compare(r, facts) if compare is not None and status else (None, None, None, None)
    )
    seq = rows.seq
    udp = r.network in ("udp", "quic") or (asked is not None and asked.x_transport in ("udp", "quic"))
    rows.exchanges.append(
        (
            rows.m, seq, "probe", place(name, ip, port, depth), path,
            False if fetch is None else not fetch, depth, r.transaction_id, name, ip, port,
            m.asns.get(ip) if ip else None, outcome, failure, r.t0, r.t, "udp" if udp else "tcp", word(r.alpn),
            word(asked.method) if asked else None, scheme, shown, status, facts.title, facts.length,
            facts.digest, facts.truncated, facts.headers, location, final, status_match, title_match,
            headers_match, body_ratio, detail,
        )
    )  # fmt: skip
    for fingerprint in facts.matches:
        rows.match(seq, fingerprint)
    rows.seq = seq + 1


def body_facts(m: Measurement, answered: Answered | None) -> Facts:
    """What is kept of a response; nothing where there is none."""
    if answered is None:
        return _NOTHING
    code = answered.code
    status = code if code is not None and 0 < code < 1000 else None
    headers, names, location = headers_of(m.memo, answered.headers_list, answered.headers, m.secrets)
    truncated = answered.body_is_truncated
    body = text_of(answered.body)
    if body is None or not status:
        return Facts(status, None, None, None, truncated, headers, names, location, ())
    title = title_of(body)
    if title and m.secrets:
        title = m.secrets.remove(title)
    data = body if isinstance(body, bytes) else bytes_of(body) or b""
    if not data:
        return Facts(status, title, 0, None, truncated, headers, names, location, ())
    matcher = m.kit.bodies
    matches = matcher.match(data) if matcher is not None else ()
    return Facts(
        status, title, len(data), hashlib.sha256(data).hexdigest(), truncated, headers, names, location, matches
    )


def _location(m: Measurement, value: str | None) -> str | None:
    """The host that an answer redirects to; its path and query are not kept."""
    if not value:
        return None
    parts = m.memo.url(value)
    return None if parts is None else m.ip(parts.ip) or m.name(parts.name)
