"""Law: a reader writes what the record shows; where it shows only a summary, the row says so; where nothing, none.

Tools that the readers of the smaller nettests share. A summary is a probe's own conclusion in place of the steps that
it did not publish: it becomes a row with `detail` "summary" only where the record holds no step of that kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, Final

from msgspec import UNSET

from clampdown.intake.features import port_of
from clampdown.intake.redact import Secrets, addresses
from clampdown.intake.rows import COMMON, Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.steps import Place
from clampdown.intake.sources.ooni.structs import Request

Reader = Callable[[Measurement, Rows], None]

SUMMARY: Final = "summary"
_CLASSIC, _HOSTNAME, _OUTCOME = (COMMON.index(name) for name in ("classic", "hostname", "outcome"))
# The name of a transport or a tunnel: it becomes part of a target, which nobody's address or name ever is.
TRANSPORT: Final = re.compile(r"[a-z][a-z0-9_]{0,19}")
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
# What a failure says when the tool itself could not be started: nothing was tried on the network.
_SETUP: Final = (
    "executable file not found", "no such file or directory", "permission denied", "exec format error",
    "cannot find tor", "tor binary", "unsupported-tor-version", "missing-pyobfsproxy", "missing-fteproxy",
    "is not installed", "json_parse_error", "invalid config", "invalid psiphon config", "no configured",
)  # fmt: skip


def whole(read: Reader, *, careful: bool = False) -> Reader:
    """A reader that says why there are no rows: no test keys at all, or a failure before the first step.

    `careful`: where the reader trips, the record is read without it, so every address that may be a bridge or a
    gateway becomes a secret of the record first.
    """

    @wraps(read)
    def reader(m: Measurement, rows: Rows) -> None:
        if not m.keys:
            m.instrument = "no_test_keys"
            return
        try:
            read(m, rows)
        except Exception:
            if careful:
                hide(m, addresses_in(m, m.keys))
            raise
        if rows.seq == 0 and m.instrument is None and failed(m, m.keys.get("failure")):
            m.instrument = setup_of(m.keys.get("failure")) or "no_steps"

    return reader


def readers(table: Mapping[str, Reader], *, careful: bool = False) -> dict[str, Reader]:
    """The table with every reader made whole."""
    return {test: whole(read, careful=careful) for test, read in table.items()}


def addresses_in(m: Measurement, found: object) -> Iterator[tuple[str | None, int | None]]:
    """Every address that stands alone, or with a port, as a value anywhere within the keys."""
    pending = [found]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(value.values())
            pending.extend(value)
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, str) and len(value) < 60:
            yield endpoint(m, value)
            parts = m.memo.url(value) if "://" in value else None
            if parts is not None:
                yield parts.ip, port_of(parts.port)


def failed(m: Measurement, value: object) -> bool:
    """Whether a `failure` field says that something failed."""
    return m.memo.failure(value)[0] == "failed"


def setup_of(value: object) -> str | None:
    """`setup` where the tool could not be started, `interrupted` where a person stopped it."""
    if not isinstance(value, str):
        return None
    text = value.lower()
    if text == "interrupted":
        return "interrupted"
    return "setup" if any(piece in text for piece in _SETUP) else None


def number(value: object) -> float | None:
    """A finite number, also where it is written as text; nothing else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def whole_number(value: object) -> int | None:
    """A count of bytes; None for a negative or an absurd one."""
    found = number(value)
    return int(found) if found is not None and 0 <= found < 2**62 else None


def plain(value: object) -> str | None:
    """A short machine-written word; anything else is not one, and an address least of all."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) and addresses(value) == value else None


def truth(value: object) -> bool | None:
    """A status as a truth: true and `ok` are, false and `blocked` are not, everything else does not say."""
    if isinstance(value, bool):
        return value
    return {"ok": True, "blocked": False}.get(value) if isinstance(value, str) else None


def negated(value: object) -> bool | None:
    """The opposite of a truth: `..._blocking: false` says that it worked."""
    return None if not isinstance(value, bool) else not value


def mapping(m: Measurement, value: object, name: str) -> dict[str, Any]:
    """A map, or an empty one where something else stands in its place (which is named)."""
    if isinstance(value, dict):
        return value
    if value is not None:
        m.degraded.add(name)
    return {}


def maps(m: Measurement, value: object, name: str) -> list[dict[str, Any]]:
    """The maps of a list; one map alone counts as a list of one, anything else is named and left out."""
    if value is None:
        return []
    found: list[Any] = value if isinstance(value, list) else [value]
    kept = [item for item in found if isinstance(item, dict)]
    if len(kept) != len(found) or not isinstance(value, list):
        m.degraded.add(name)
    return kept


def opinion(m: Measurement, *names: str) -> None:
    """Keep the probe's own conclusions under these keys as its opinion; never evidence."""
    said: list[str] = []
    for name in names:
        value = m.keys.get(name)
        if isinstance(value, bool):
            said.append(f"{name}={str(value).lower()}")
        elif word := plain(value):
            said.append(f"{name}={word}")
        elif isinstance(value, int | float):
            said.append(f"{name}={value:g}")
    m.peer = m.secrets.remove(" ".join(said))[:300] or None


def role_target(m: Measurement, platform: str, host: str | None, port: int | None = None) -> str | None:
    """The platform's role that this host or address plays in the table of targets; None where none does."""
    return m.memo.role(platform, host, port)


def platform_place(m: Measurement, platform: str, otherwise: str | None) -> Place:
    """Steps belong to the platform's role of their name, else of their address, else to `otherwise`."""

    def place(name: str | None, ip: str | None, port: int | None, depth: int | None) -> str | None:
        found = role_target(m, platform, name, port) or (role_target(m, platform, ip, port) if name is None else None)
        if found is not None:
            return found
        return otherwise if name is None else m.memo.target(name, port if port not in (80, 443) else None)

    return place


def forget(m: Measurement) -> None:
    """Forget what transactions and hops were about, before the next part of a record that numbers its own."""
    m.hosts.clear()
    m.hops.clear()
    m.ends = {}


def is_published(m: Measurement, ip: str, port: int | None) -> bool:
    """Whether this endpoint is one that a tool publishes as a default."""
    if ip in m.kit.bridges or f"{ip}:{port}" in m.kit.bridges:
        return True
    table = m.kit.targets
    return table is not None and port is not None and table.is_published(ip, port)


def hide(m: Measurement, endpoints: Iterable[tuple[str | None, int | None]]) -> None:
    """Make secrets of the record of all these addresses that nobody publishes: no row, no text will hold them."""
    found = {ip for ip, port in endpoints if ip is not None and not is_published(m, ip, port)}
    if found - m.secrets.canonical:
        m.secrets = Secrets(sorted(m.secrets.canonical | found))


def endpoint(m: Measurement, value: object) -> tuple[str | None, int | None]:
    """(address, port) of a text such as `1.2.3.4:443`, hidden or not."""
    if not isinstance(value, str):
        return None, None
    ip, port, _ = m.memo.endpoint(value.strip())
    return ip, port


def written(rows: Rows) -> set[tuple[str, str | None]]:
    """(operation, target) of every row that the open measurement has so far."""
    found: set[tuple[str, str | None]] = set()
    for operation, of in rows.of.items():
        for row in reversed(of):
            if row[0] != rows.m:
                break
            found.add((operation, row[3]))
    return found


def beside_path(rows: Rows, names: Collection[str]) -> tuple[bool, bool]:
    """Put the steps of these names beside the path; whether any of them failed, and whether any other step did."""
    gone = others = False
    for of in rows.of.values() if names else ():
        for index in range(len(of) - 1, -1, -1):
            row = of[index]
            if row[0] != rows.m:
                break
            failed_here = row[_OUTCOME] == "failed"
            if row[_HOSTNAME] in names:
                of[index] = (*row[:_CLASSIC], False, *row[_CLASSIC + 1 :])
                gone = gone or failed_here
            else:
                others = others or (failed_here and row[_CLASSIC] is not False)
    return gone, others


def with_failures(found: Sequence[Request]) -> Sequence[Request]:
    """Exchanges of probes that wrote no `failure`: an answer with a status is the success that a null would say."""
    for r in found:
        if r.failure is UNSET and r.response is not None and r.response.code:
            r.failure = None
    return found


def summary(
    m: Measurement,
    rows: Rows,
    operation: str,
    target: str | None,
    ok: bool | None,
    failure: object = UNSET,
    *,
    classic: bool = True,
    **fields: Any,
) -> None:
    """A row for a conclusion that stands in place of steps; none where nothing was concluded."""
    outcome, name = m.memo.failure(failure) if failure is not UNSET else ("unknown", None)
    if ok is None and outcome != "failed":
        return
    if ok:
        outcome, name = "ok", None
    elif outcome != "failed":
        outcome, name = "failed", None
    fields.setdefault("detail", SUMMARY)
    rows.add(operation, target=target, outcome=outcome, failure=name, classic=classic, **fields)


def layer_of_failure(m: Measurement, failure: object) -> str:
    """The operation in which a failure with this name happens; an exchange where the name does not tell."""
    name = m.memo.failure(failure)[1] or ""
    if name.startswith(("dns_", "android_dns")):
        return "dns_lookup"
    return "tls_handshake" if name.startswith("ssl_") else "http_exchange"


def input_host(m: Measurement) -> tuple[str | None, int | None]:
    """(name or address, port) of an input that is no URL: `host`, `host:port`, `host/path`."""
    if m.host is not None:
        return m.host, m.port
    text = (m.url or "").strip().partition("/")[0]
    ip, port, name = m.memo.endpoint(text)
    host = m.ip(ip) or m.name(name)
    if host is None and ip is None:
        host = m.name(text)
    return host, port


def input_target(m: Measurement, port: int | None = None) -> str | None:
    """Make the input's host the target of the measurement, also where the input is no URL; the target."""
    if m.target is None:
        host, given = input_host(m)
        port = port_of(port) or given
        m.host, m.port = host, m.port or port
        m.target = m.memo.target(host, port if port not in (80, 443) else None)
    return m.target
