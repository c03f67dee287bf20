"""Law: a messenger's steps belong to the role of their host; what only a summary tells is a row that says so.

OONI specifications ts-018 (WhatsApp), ts-019 (Facebook Messenger), ts-020 (Telegram), ts-029 (Signal). No control
comes with these tests: the other roles of the platform stand in for it, when a record is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import UNSET

from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.nettest import (
    Reader,
    beside_path,
    layer_of_failure,
    negated,
    opinion,
    platform_place,
    readers,
    summary,
    truth,
    written,
)
from clampdown.intake.sources.ooni.steps import Place
from clampdown.intake.sources.ooni.structs import Query, items
from clampdown.intake.sources.ooni.templates import everything, queries

# Hosts that old versions of the Signal test still asked for after they had been taken down (ooni/probe-cli pull request
# 1135, ooni/probe issue 2627): the first day on which their absence says nothing.
RETIRED: Final = {
    "api.directory.signal.org": datetime(2023, 5, 7),
    "textsecure-service.whispersystems.org": datetime(2023, 11, 7),
}
_FACEBOOK_ROLES: Final = ("b_api", "b_graph", "edge", "external_cdn", "scontent_cdn", "star", "stun")


def _telegram(m: Measurement) -> Place:
    return platform_place(m, "telegram", "telegram/app")


def _whatsapp(m: Measurement) -> Place:
    roles = platform_place(m, "whatsapp", "whatsapp/app")

    def place(name: str | None, ip: str | None, port: int | None, depth: int | None) -> str | None:
        # Only the app speaks on 5222. Endpoints share addresses, so an address alone does not tell its name.
        return "whatsapp/app" if port == 5222 else roles(name, ip, port, depth)

    return place


def _signal(m: Measurement) -> Place:
    roles = platform_place(m, "signal", "signal/app")

    def place(name: str | None, ip: str | None, port: int | None, depth: int | None) -> str | None:
        target = roles(name, ip, port, depth)
        # Hosts came and went with the versions; the test asks for no host that is not the service's own.
        return target if target and target.startswith("signal/") else "signal/app"

    return place


def _facebook(m: Measurement) -> Place:
    return platform_place(m, "facebook_messenger", None)


# Whose step it is, per test.
PLACES: Final[dict[str, Callable[[Measurement], Place]]] = {
    "telegram": _telegram,
    "whatsapp": _whatsapp,
    "signal": _signal,
    "facebook_messenger": _facebook,
}


def read_telegram(m: Measurement, rows: Rows) -> None:
    """Data centres by address are `app`, the web client by name is `web`."""
    keys = m.keys
    opinion(m, "telegram_tcp_blocking", "telegram_http_blocking", "telegram_web_status")
    everything(rows, m, keys, _telegram(m), chain=False)
    targets = {target for _, target in written(rows)}
    if "telegram/app" not in targets:
        summary(m, rows, "tcp_connect", "telegram/app", negated(keys.get("telegram_tcp_blocking")))
        summary(m, rows, "http_exchange", "telegram/app", negated(keys.get("telegram_http_blocking")))
    if "telegram/web" not in targets:
        _status(m, rows, "telegram/web", "telegram_web_status", "telegram_web_failure")


def read_whatsapp(m: Measurement, rows: Rows) -> None:
    """Endpoints e1 to e16 are `app`, v.whatsapp.net is `registration`, web.whatsapp.com is `web`."""
    keys = m.keys
    opinion(m, "whatsapp_endpoints_status", "registration_server_status", "whatsapp_web_status")
    everything(rows, m, keys, _whatsapp(m), chain=False)
    targets = {target for _, target in written(rows)}
    if "whatsapp/app" not in targets:
        ok = truth(keys.get("whatsapp_endpoints_status"))
        summary(m, rows, "tcp_connect", "whatsapp/app", ok)
        _named(m, rows, "whatsapp_endpoints_blocked", "tcp_connect")
        _named(m, rows, "whatsapp_endpoints_dns_inconsistent", "dns_lookup")
    if "whatsapp/registration" not in targets:
        _status(m, rows, "whatsapp/registration", "registration_server_status", "registration_server_failure")
    if "whatsapp/web" not in targets:
        _status(m, rows, "whatsapp/web", "whatsapp_web_status", "whatsapp_web_failure")


def _named(m: Measurement, rows: Rows, key: str, operation: str) -> None:
    """A row for each endpoint that a summary lists by name as failed."""
    found = m.keys.get(key)
    for text in found if isinstance(found, list) else ():
        name = m.name(text) if isinstance(text, str) else None
        if name is not None:
            summary(m, rows, operation, "whatsapp/app", False, hostname=name)


def read_signal(m: Measurement, rows: Rows) -> None:
    """All hosts are `app`. The name whose answer counts outages is looked up beside the path."""
    keys = m.keys
    opinion(m, "signal_backend_status", "signal_backend_failure")
    place = _signal(m)
    found = items(keys.get("queries"), Query, "queries", m.degraded)
    asked = [q for q in found if not counts_outages(q.hostname)]
    queries(rows, m, asked, place)
    # Its answer is an address of the loopback by design (127.0.0.1 or .2 say how the service is): no hijack.
    queries(rows, m, [q for q in found if counts_outages(q.hostname)], place, classic=False, detail="uptime")
    everything(rows, m, {**keys, "queries": None}, place, chain=False)
    if not {operation for operation, _ in written(rows)} - {"dns_lookup", "dns_answer"}:
        _status(m, rows, "signal/app", "signal_backend_status", "signal_backend_failure", looked_up=bool(asked))
    leave_retired(m, rows)


def leave_retired(m: Measurement, rows: Rows) -> None:
    """Put hosts that had been taken down beside the path; a test that failed at nothing else erred itself."""
    retired = {name for name, since in RETIRED.items() if m.start is not None and m.start >= since}
    gone, others = beside_path(rows, retired)
    if gone and not others:
        m.instrument = "outdated_test"


def counts_outages(name: str | None) -> bool:
    """Whether the answer to this name counts outages of the service, and leads nowhere."""
    return (name or "").lower().startswith("uptime.")


def read_facebook_messenger(m: Measurement, rows: Rows) -> None:
    """One host per role; `stun` is only looked up."""
    keys = m.keys
    opinion(m, "facebook_dns_blocking", "facebook_tcp_blocking")
    everything(rows, m, keys, _facebook(m), chain=False)
    seen = written(rows)
    for role in _FACEBOOK_ROLES:
        target = f"facebook_messenger/{role}"
        if ("dns_lookup", target) not in seen:
            summary(m, rows, "dns_lookup", target, truth(keys.get(f"facebook_{role}_dns_consistent")))
        if ("tcp_connect", target) not in seen:
            summary(m, rows, "tcp_connect", target, truth(keys.get(f"facebook_{role}_reachable")))


def _status(m: Measurement, rows: Rows, target: str, status: str, failure: str, looked_up: bool = False) -> None:
    """A row for a status key and its failure; `looked_up`: a failed lookup has its own row already."""
    said = m.keys.get(failure, UNSET)
    ok = truth(m.keys.get(status))
    operation = "http_exchange" if ok else layer_of_failure(m, said)
    if not (looked_up and operation == "dns_lookup"):
        summary(m, rows, operation, target, ok, said)


TESTS: Final[dict[str, Reader]] = readers(
    {
        "telegram": read_telegram,
        "whatsapp": read_whatsapp,
        "signal": read_signal,
        "facebook_messenger": read_facebook_messenger,
    }
)
