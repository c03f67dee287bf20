"""Law: all prose comes from here, says no more than the evidence, and never says `banned`.

States, grades, mechanisms and reasons as people read them; sentences made from numbers. The words are DESIGN's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clampdown.publish import numbers as num

# Rule id -> (why, false positives), as the rules' own files say it.
Reasons = Mapping[str, tuple[str, str]]

STATE: Final = {
    "ok": "reachable",
    "blocked": "blocked",
    "throttled": "slowed down",
    "partly": "partly blocked",
    "refused": "refused by the far end",
    "down": "down for everyone",
    "conflicting": "conflicting",
    "unknown": "undecided",
    "unclear": "unclear",
    "insufficient": "too little data",
    "invalid": "instrument at fault",
    "not_applicable": "not a question of blocking",
    "mixed": "both within an hour",
    "none": "no data",
}
SHORT: Final = STATE | {"throttled": "slowed", "refused": "refused", "down": "down", "insufficient": "too little"}
STATE_MEANS: Final = {
    "blocked": "Something between the user and the service stops the connection, while the service works elsewhere.",
    "throttled": "The service answers, but at least five times slower than others do in the same session.",
    "refused": "The service itself, or the network in front of it, declines: by place, by law, or until a human "
    "proves to be one. This is not counted as blocked, nor as reachable.",
    "down": "The service fails for everyone, here and elsewhere.",
    "conflicting": "There is enough data, and it does not agree: blocked on some days or for some vantage points, "
    "reachable for others. The days tell more.",
    "ok": "An ordinary program reaches the service.",
    "unknown": "Most tries decided nothing. This never reads as reachable.",
    "partly": "Some parts of the platform are blocked, others are not.",
    "unclear": "Its parts say different things, or one that matters was not heard.",
    "insufficient": "Fewer tries or vantage points than the floor below which nothing is said.",
}
GRADE: Final = {
    "insufficient": "insufficient",
    "consistent": "consistent",
    "corroborated": "corroborated",
    "confirmed": "confirmed",
}
GRADE_MEANS: Final = {
    "consistent": "the data fits this state, but on one day only, or narrowly: without one of its vantage points, or "
    "with one more that says otherwise or nothing, it would fall below the limit",
    "corroborated": "at least two vantage points saw it on at least two days, or on two networks, and it stands with "
    "any one of them left out",
    "confirmed": "corroborated, and at least two saw a settling artefact: a block page or an answer known to be this "
    "country's",
}
REASON: Final = {
    "few_measurements": "fewer than {measurements} tries decided anything",
    "nothing_decided": "no try decided anything",
    "few_vantage_points": "fewer than {vantage_points} vantage points",
    "vantage_points_unknown": "the vantage points are unknown",
    "mostly_undecided": "most tries decided nothing",
    "no_two_agree": "no two vantage points agree",
}
REASON_BRIEF: Final = {
    "few_measurements": "few tries",
    "nothing_decided": "nothing decided",
    "few_vantage_points": "few vp",
    "vantage_points_unknown": "vp unknown",
    "mostly_undecided": "most undecided",
    "no_two_agree": "no two agree",
}
EXCLUDED: Final = {
    "repeat": "sent again by the same probe, and counted once",
    "invalid": "the probe, its clock or its network was at fault",
    "not_applicable": "tests that measure no target",
    "no_network": "the network is unknown",
    "no_target": "the target is unknown",
}
SECTION: Final = {
    "answer": "The short answer",
    "cut": "Was the network cut?",
    "timeline": "Timeline",
    "matrix": "Targets and networks",
    "days": "Day by day",
    "evidence": "The evidence, cell by cell",
    "silence": "What could not be said, and why",
    "methods": "How this was counted",
    "provenance": "Sources, and how to check",
}
LAYER: Final = {
    "dns": "DNS", "tcp": "TCP", "tls": "TLS", "http": "HTTP", "quic": "QUIC", "tunnel": "tunnel", "record": "record",
    "pool": "other records",
}  # fmt: skip
_HOW: Final = {
    "dns": "something is wrong with the name's lookup",
    "dns.injection": "the name lookup was answered by a forgery",
    "dns.injection.blockpage": "the name lookup led to the address of a block page",
    "dns.injection.bogon": "the name lookup was answered with an address that no public site can have",
    "dns.injection.other": "the name lookup led to an address that is not the site's",
    "dns.nxdomain": "the resolver said that the name does not exist, while it does elsewhere",
    "dns.servfail": "the resolver said that it failed, while the name resolves elsewhere",
    "dns.refused": "the resolver refused the name",
    "dns.no_answer": "the resolver gave no address for the name",
    "dns.timeout": "the resolver never answered for the name",
    "tcp": "the connection could not be made",
    "tcp.reset": "the connection was reset while it was being made",
    "tcp.timeout": "the connection attempt got no answer",
    "tcp.refused": "the connection was refused",
    "tcp.unreachable": "the network said that the address cannot be reached",
    "tls": "the encrypted handshake failed",
    "tls.reset": "the encrypted handshake was cut by a reset",
    "tls.timeout": "the encrypted handshake got no answer",
    "tls.eof": "the encrypted handshake was closed half-way",
    "tls.alert": "the encrypted handshake ended in an alert",
    "tls.stall": "the encrypted connection froze",
    "tls.throttle": "the encrypted connection was slowed down",
    "tls.mitm": "someone else's certificate was shown",
    "tls.mitm.self_signed": "someone else's certificate was shown, signed by itself",
    "tls.mitm.ca_signed": "someone else's certificate was shown, signed by an authority",
    "http": "the page could not be fetched",
    "http.blockpage": "a known block page came instead of the page",
    "http.redirect": "the answer led away to a block page",
    "http.differs": "another page came than elsewhere",
    "http.error": "an error came that others do not get",
    "http.tamper": "what was sent was changed on the way",
    "http.tamper.header": "the headers that were sent came back changed",
    "http.tamper.request_line": "an invalid request was changed or answered on the way",
    "http.reset": "the connection was reset after the request",
    "http.eof": "the connection was closed after the request, without an answer",
    "http.timeout": "the request got no answer",
    "http.throttle": "the page came very slowly",
    "quic": "the QUIC handshake failed",
    "quic.reset": "the QUIC handshake was refused",
    "quic.timeout": "the QUIC handshake got no answer",
    "tunnel": "the tunnel did not work",
    "tunnel.bootstrap": "the tunnel did not start",
    "tunnel.stalled": "the tunnel started and then stood still",
    "tunnel.throttle": "the tunnel was slowed down",
    "server": "the far end declined",
    "server.geofence": "the far end does not serve this place",
    "server.captcha": "the far end asked for proof of being human",
    "server.legal": "the far end withheld the page for legal reasons",
    "server.error": "the far end answered with an error",
}
# The same in two or three words, where there is room for no more.
_BRIEF: Final = {
    "dns": "DNS wrong",
    "dns.injection": "forged DNS answer",
    "dns.injection.blockpage": "DNS to block page",
    "dns.injection.bogon": "DNS to bogon",
    "dns.injection.other": "DNS to wrong address",
    "dns.nxdomain": "DNS: no such name",
    "dns.servfail": "DNS failure",
    "dns.refused": "DNS refused",
    "dns.no_answer": "DNS: no address",
    "dns.timeout": "DNS timeout",
    "tcp": "no connection",
    "tcp.reset": "TCP reset",
    "tcp.timeout": "TCP timeout",
    "tcp.refused": "TCP refused",
    "tcp.unreachable": "unreachable",
    "tls": "TLS failed",
    "tls.reset": "TLS reset",
    "tls.timeout": "TLS timeout",
    "tls.eof": "TLS closed",
    "tls.alert": "TLS alert",
    "tls.stall": "TLS froze",
    "tls.throttle": "TLS slowed",
    "tls.mitm": "other certificate",
    "http": "no page",
    "http.blockpage": "block page",
    "http.redirect": "led to block page",
    "http.differs": "other page",
    "http.error": "HTTP error",
    "http.tamper": "request changed",
    "http.reset": "HTTP reset",
    "http.eof": "HTTP closed",
    "http.timeout": "HTTP timeout",
    "http.throttle": "page slowed",
    "quic": "QUIC failed",
    "quic.reset": "QUIC refused",
    "quic.timeout": "QUIC timeout",
    "tunnel": "no tunnel",
    "tunnel.bootstrap": "did not start",
    "tunnel.stalled": "stood still",
    "tunnel.throttle": "tunnel slowed",
    "server": "declined",
    "server.geofence": "not in this place",
    "server.captcha": "CAPTCHA",
    "server.legal": "legal reasons",
    "server.error": "server error",
}
_BECAUSE: Final = {
    "sni": ", and another name passed on the same address",
    "host": ", and another name passed on the same address",
    "ech": ", and only where the name was hidden",
    "other": ", whatever the name",
}


_ALSO: Final = {
    "sni": " Another name passed on the same address.",
    "host": " Another name passed on the same address.",
    "ech": " It fails only where the name is hidden.",
}
_HEAD: Final = {"blocked": "Blocked", "throttled": "Slowed down", "refused": "Refused by the far end"}


def how(mechanism: str | None) -> str:
    """What a mechanism looked like, as a clause; an id unknown here is told by its nearest known ancestor."""
    if not mechanism:
        return ""
    stem, _, leaf = mechanism.rpartition(".")
    if mechanism not in _HOW and stem in _HOW and leaf in _BECAUSE:
        return _HOW[stem] + _BECAUSE[leaf]
    path = mechanism
    while path and path not in _HOW:
        path = path.rpartition(".")[0]
    return _HOW.get(path, f"of a kind without a name here ({num.plain(mechanism)})")


def how_brief(mechanism: str) -> str:
    """The same as `how`, in two or three words."""
    path = mechanism
    while path and path not in _BRIEF:
        path = path.rpartition(".")[0]
    return _BRIEF.get(path, num.plain(mechanism, limit=24))


def extent(fired: Iterable[Mapping[str, Any]], rule: str | None) -> str:
    """How many of the tries at the layer that decided were cut, where most were (at least three) and some were not."""
    won = [row for row in fired if row["won"] and row["seq"] is not None]
    layer = next((row["layer"] for row in won if row["rule"] == rule and row["decides"]), None)
    cut = {row["seq"] for row in won if row["layer"] == layer and row["verdict"] == "blocked"}
    passed = {row["seq"] for row in won if row["layer"] == layer and row["verdict"] == "ok"} - cut
    if layer is None or not passed or not max(2, len(passed)) < len(cut):
        return ""
    n = len(cut) + len(passed)
    return f" So most endpoints fail: {len(cut)} of the {n} {LAYER[layer]} tries that could be judged."


def why(state: str, mechanism: str | None, rule: str | None, reasons: Reasons | None = None, extent: str = "") -> str:
    """One plain sentence for a verdict, and where most of many tries were cut how many (`extent`)."""
    said = (reasons or {}).get(rule or "", ("", ""))[0]
    clause = how(mechanism)
    if state in _HEAD and (said or clause):
        # The rule's own reason says it best; what it cannot know is why the mechanism's last step was reached.
        extra = _ALSO.get((mechanism or "").rpartition(".")[2], "") if said else ""
        text = f"{said[0].lower()}{said[1:]}" if said[1:2].islower() else said
        return f"{_HEAD[state]}: {text or clause + '.'}" + extra + (extent if state == "blocked" else "")
    fallback = {
        "ok": "The target was reached by the path that an ordinary program takes.",
        "down": "The target fails elsewhere as well.",
        "unknown": "Nothing in the record decides it.",
        "invalid": "The probe, its clock or its network was at fault; the record says nothing of the target.",
        "not_applicable": "This test measures no target.",
        "blocked": "The target was blocked.",
        "throttled": "The target was slowed down.",
        "refused": "The far end answered and declined.",
    }[state]
    return f"{fallback} {said}".strip() if said else fallback
