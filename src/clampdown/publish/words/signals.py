"""Law: a signal and a plane have one name each, and a moment is said by the clock of the place and by UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from clampdown.assess import zones
from clampdown.publish import numbers as num
from clampdown.publish.words.codes import name

PLANE: Final = {
    "control": "control plane",
    "data": "data plane",
    "background": "background plane",
    "usage": "usage plane",
    "service": "service plane",
}
PLANE_IS: Final = {
    "control": "the routing table",
    "data": "answers to probes",
    "background": "background noise",
    "usage": "use of services",
    "service": "single services",
}
OPERATOR: Final = {
    "bgp-collectors": "the public route collectors",
    "ioda": "IODA",
    "merit": "Merit",
    "ucsd": "UC San Diego",
    "google": "Google",
    "mozilla": "Mozilla",
    "cloudflare": "Cloudflare",
    "tor": "the Tor Project",
    "ooni": "OONI",
    "ping-log": "a log of pings",
    "unnamed": "an operator that is not named",
}
_SIGNAL: Final = {
    "bgp/slash24": "/24 address blocks in the routing table",
    "bgp/prefixes": "IPv4 prefixes in the routing table",
    "bgp/prefixes6": "IPv6 prefixes in the routing table",
    "probing/slash24": "/24 address blocks that answer probes",
    "probing/loss": "loss of probes",
    "probing/latency": "delay of probes",
    "upstream/networks": "networks upstream",
    "upstream/latency": "delay upstream",
    "telescope/sources": "sources of background noise",
    "mozilla/cities": "cities with users of Firefox",
    "cloudflare/http": "web requests to Cloudflare",
    "cloudflare/netflows": "traffic to Cloudflare",
    "tor/relay-users": "users who reach Tor directly",
    "tor/bridge-users": "users who reach Tor over bridges",
    "pings/replies": "replies to pings",
    "ooni/measurements": "measurements by OONI",
}
UNIT: Final = {
    "count": "",
    "share": "as a share",
    "percent": "in percent",
    "normalised": "scaled within its file",
    "milliseconds": "in milliseconds",
}
_SHORT: Final = timedelta(minutes=90)


def signal(text: str) -> str:
    """What a signal counts; one that has no words here is called by its name."""
    if text in _SIGNAL:
        return _SIGNAL[text]
    head, _, rest = text.partition("/")
    if head == "google" and rest:
        return f"use of Google {name(rest)}"
    if head == "cloudflare" and rest:
        return f"traffic to Cloudflare: {name(rest)}"
    if text.startswith("tor/transport/"):
        return f"users who reach Tor over {name(text.removeprefix('tor/transport/'))}"
    return f"the signal {name(text)}"


def plane(text: str) -> str:
    return PLANE.get(text, f"plane {name(text)}")


def plane_is(text: str) -> str:
    """the data plane (answers to probes)"""
    about = PLANE_IS.get(text)
    return f"the {plane(text)}" + (f" ({about})" if about else "")


def operator(text: str) -> str:
    return OPERATOR.get(text, name(text))


def service(text: str) -> str:
    """A service as people write it."""
    return {"google": "Google", "tor": "Tor"}.get(text) or name(text)


def level(value: float) -> str:
    """A level as it is read: whole numbers in thousands, else three digits."""
    if value == round(value) or abs(value) >= 1000:
        return num.count(round(value))
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1g}"


def share(part: float) -> str:
    """A share of what was expected, in whole percents."""
    return num.percent(min(1.0, max(0.0, part)))


# ---- time --------------------------------------------------------------------------------------------------------


def moment(time: datetime, zone: str | None) -> str:
    """8 January 2026 20:00 local time (16:30 UTC)"""
    there, utc = zones.local(time, zone), zones.utc(time)
    if there is None:
        return f"{_day(utc)} {utc:%H:%M} UTC"
    return f"{_day(there)} {there:%H:%M} local time ({_other(utc, there)} UTC)"


def bracket(after: datetime | None, before: datetime | None, zone: str | None) -> str:
    """between 8 January 2026 19:30 and 20:00 local time (16:00 and 16:30 UTC)"""
    if after is None or before is None or after == before:
        one = before or after
        word = "at" if after == before else "before" if after is None else "after"
        return f"{word} {moment(one, zone)}" if one else "at an unknown time"
    if zones.local(after, zone) is None:
        first, last = zones.utc(after), zones.utc(before)
        return f"between {_day(first)} {first:%H:%M} and {_other(last, first)} UTC"
    first, last = (zones.local(each, zone) or zones.utc(each) for each in (after, before))
    begin, end = zones.utc(after), zones.utc(before)
    text = f"between {_day(first)} {first:%H:%M} and {_other(last, first)} local time"
    return f"{text} ({_other(begin, first)} and {_other(end, begin)} UTC)"


def _other(time: datetime, beside: datetime) -> str:
    """The time alone, where its day is that of the time beside it."""
    if time.date() == beside.date():
        return f"{time:%H:%M}"
    return f"{_day(time, year=time.year != beside.year)} {time:%H:%M}"


def _day(time: datetime, *, year: bool = True) -> str:
    return num.day(time.date().isoformat(), year=year)


def length(span: timedelta, *, up: bool = False) -> str:
    """18 days 14 hours; 5 hours 30 minutes; 40 minutes. Rounded down to the unit shown, or up."""
    seconds = max(0, int(span.total_seconds()))
    unit = 3600 if seconds >= 2 * 86400 else 60
    whole = (-(-seconds // unit) if up else seconds // unit) * unit
    days, rest = divmod(whole, 86400)
    hours, minutes = divmod(rest, 3600)
    if not days and whole <= _SHORT.total_seconds():
        return num.plural(whole // 60, "minute")
    parts = [(days, "day"), (hours, "hour"), (minutes // 60, "minute")]
    return " ".join(num.plural(number, word) for number, word in parts if number) or "less than a minute"


def hours(number: float) -> str:
    """412 hours; 3.5 hours; under an hour is said in minutes."""
    if 0 < number < 1:
        return num.plural(max(1, round(number * 60)), "minute")
    text = num.count(round(number)) if number >= 10 or number == round(number) else f"{number:.1f}"
    return f"{text} {'hour' if text in ('1', '1.0') else 'hours'}"
