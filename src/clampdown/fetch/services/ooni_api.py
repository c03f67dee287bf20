"""Law: OONI's API is asked small questions only; what is more than that is said before anything is brought.

https://api.ooni.io/apidocs/, and its source (https://github.com/ooni/backend, ooniapi/services/oonimeasurements,
routers/v1/measurements.py and aggregation.py):

    /api/v1/measurements?probe_cc&since&until&limit&order[&cont]      a list: `results`, and the next page in `next_url`
    /api/v1/raw_measurement?measurement_uid                           one measurement; `{}` where there is none
    /api/v1/aggregation?since&until&axis_x&axis_y&time_grain          counts, by whole days

`since` is excluded and `until` included, in whole seconds, and they lie at most 180 days apart (30 by default). Paging
by `offset` is on its way out: `next_url` brings a token `cont` (older servers: an offset); `count` and `pages` are -1.
A User-Agent that begins with okhttp gets a made-up answer of one row. `limit` may be 1,000,000; we ask for less.
Counts are OONI's own scoring and no measurements, so they are handed out and not taken into a store. Their periods are
rounded to the grain of time, and `hour` is allowed for at most 7 days: windows meet at full days of `hour` and `day`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from clampdown.errors import InputError, UsageError
from clampdown.fetch import asking
from clampdown.fetch.client import Client
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Asked, Service, Wanted

NAME: Final = "ooni-api"
MOST: Final = 1000
FILTERS: Final = {"domain": "domain", "input": "input", "category": "category_code"}  # our word -> the API's
FLAGS: Final = ("anomaly", "confirmed", "failure")
GRAINS: Final = ("hour", "day", "week", "month", "auto")
AXES: Final = (
    "measurement_start_day", "blocking_type", "category_code", "domain", "input", "probe_asn", "probe_cc", "test_name",
)  # fmt: skip
_TIME: Final = AXES[0]
_HOURS: Final = timedelta(days=7)  # the longest period of counts by the hour
_UID: Final = re.compile(r"[A-Za-z0-9_.-]{3,128}")  # also a plain name of a file
Words = list[tuple[str, object]]


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """One measurement by its uid, or all that a list names."""
    if "aggregation" in asked.options:
        raise UsageError("counts are handed out, not taken into a store", hint="Ask for them without a store.")
    uids = asked.options.get("uid") or listed(asked, client)
    for uid in uids:
        if not _UID.fullmatch(uid):
            raise UsageError(f"{uid[:60]!r} is no id of a measurement", hint="It is its measurement_uid.")
    for uid in uids:
        yield _raw(asked, uid)


def _raw(asked: Asked, uid: str) -> Wanted:
    key = asking.question("api/v1/raw_measurement", ("measurement_uid", uid))
    # The id in the name stands in where the answer does not carry its own (CONTRACTS, identity).
    return Wanted(NAME, key, f"{asking.address(asked, known(NAME))}/{key}", f"{uid}.json", check=check)


def check(path: Path) -> None:
    """Refuse what is no measurement."""
    answer = asking.fields(asking.read(path))
    if not answer:
        raise InputError("OONI has no such measurement", hint="Check the id; new ones can take an hour.")
    if "test_name" not in answer and "test_keys" not in answer:
        raise InputError(f"OONI answered with an error: {_reason(answer)}")


def _reason(answer: dict[str, Any]) -> str:
    return asking.said(next((answer[key] for key in ("error", "msg", "detail") if answer.get(key)), None))


# ---- lists -----------------------------------------------------------------------------------------------------


def listed(asked: Asked, client: Client) -> tuple[str, ...]:
    """The uids of what was asked for, each once. More than `most` are not a small question."""
    asking.wants(asked, networks=True)
    of, most = known(NAME), asking.whole(asked, "most", MOST)
    found: dict[str, None] = {}
    for window in asking.pieces(asked, of, of.window or asking.DAY):
        for page in _pages(asked, client, window, min(of.page, most + 1)):
            before = len(found)
            found.update(dict.fromkeys(page))
            if len(found) == before:
                break  # it repeats itself
            if len(found) > most:
                hint = (
                    f"Bring them from the archive: clampdown fetch ooni {asked.country or '…'}, with the same period. "
                )
                raise UsageError(
                    f"more than {most:,} measurements fit", hint=f"{hint}Or say less, or --option most={most * 10}."
                )
    return tuple(found)


def _words(asked: Asked) -> Words:
    """Whom and what the question is about."""
    words: Words = [("probe_cc", asked.country)] if asked.country else []
    if asked.networks:
        words.append(("probe_asn", ",".join(f"AS{number}" for number in asked.networks)))
    if asked.tests:
        words.append(("test_name", ",".join(asked.tests)))
    words += [(theirs, asked.option(ours)) for ours, theirs in FILTERS.items() if asked.option(ours)]
    for flag in FLAGS:
        if flag in asked.options:
            [value] = asking.choices(asked, flag, ("true", "false"), ())
            words.append((flag, value))
    return words


def _pages(asked: Asked, client: Client, window: asking.Window, limit: int) -> Iterator[list[str]]:
    """Lists of uids until a page names no next one."""
    since, until = (f"{time - asking.SECOND:%Y-%m-%dT%H:%M:%S}" for time in (window.start, window.end))
    words = [*_words(asked), ("since", since), ("until", until), ("limit", limit), ("order", "asc")]
    base, following, seen = asking.address(asked, known(NAME)), Words(), set[str]()
    while True:
        url = f"{base}/{asking.question('api/v1/measurements', *words, *following)}"
        answer = _answer(client, url)
        results = [each for each in asking.rows(answer.get("results")) if isinstance(each, dict)]
        yield [uid for each in results if isinstance(uid := each.get("measurement_uid"), str) and uid]
        following = _following(answer.get("metadata"))
        if not following or not results or str(following) in seen:
            return
        seen.add(str(following))


def _following(metadata: object) -> Words:
    """Where the next page begins: only that is taken of the address, which may name another host."""
    value = metadata.get("next_url") if isinstance(metadata, dict) else None
    if not isinstance(value, str):
        return []
    said = parse_qs(urlsplit(value).query)
    words: Words = [(key, said[key][0]) for key in ("cont", "offset") if key in said]
    return words[:1]


def _answer(client: Client, url: str) -> dict[str, Any]:
    answer = asking.fields(client.get(url).body)
    if not isinstance(answer.get("results", answer.get("result")), list | dict):
        raise InputError(f"OONI answered with an error: {_reason(answer)}", hint="Ask for a shorter period.")
    return answer


# ---- counts ----------------------------------------------------------------------------------------------------


def aggregation(asked: Asked, client: Client) -> bytes:
    """Counts as one JSON document. Rows of windows are put after each other, never summed: they do not overlap."""
    axes = [(name, asked.option(name)) for name in ("axis_x", "axis_y") if asked.option(name)]
    for name, _ in axes:
        asking.choices(asked, name, AXES, ())
    if len(axes) == 2 and axes[0][1] == axes[1][1]:
        raise UsageError("axis_x and axis_y are the same", hint="Say two, or one.")
    by_time = any(axis == _TIME for _, axis in axes)
    [grain, *_] = asking.choices(asked, "time_grain", GRAINS, ("day",))
    since, until = asking.floor(asked.since, asking.DAY), asking.ceil(asked.until, asking.DAY)
    base, rows = asking.address(asked, known(NAME)), list[Any]()
    for start, end in _spans(since, until, grain if by_time else ""):
        words: Words = [*_words(asked), ("since", f"{start:%Y-%m-%d}"), ("until", f"{end:%Y-%m-%d}"), *axes]
        words.append(("time_grain", grain if by_time else "day"))
        answer = _answer(client, f"{base}/{asking.question('api/v1/aggregation', *words)}")
        result = answer.get("result")
        rows += asking.rows(result) if isinstance(result, list) else [result]
    made = {"since": f"{since:%Y-%m-%d}", "until": f"{until:%Y-%m-%d}", "axes": dict(axes), "result": rows}
    return msgspec.json.format(msgspec.json.encode(made | ({"time_grain": grain} if by_time else {})), indent=2) + b"\n"


def _spans(since: datetime, until: datetime, grain: str) -> Iterator[tuple[datetime, datetime]]:
    """Periods of one question. Without a column of time rows of two periods could not be told apart, and longer grains
    round a period's ends: both are asked for in one."""
    longest = {"hour": _HOURS, "day": known(NAME).window}.get(grain)
    while since < until:
        end = until if longest is None else min(since + longest, until)
        yield since, end
        since = end


SERVICE: Final = Service(
    NAME,
    plan,
    takes=frozenset({"country", "networks", "tests"}),
    options={
        "uid": "this one measurement, or these",
        "most": f"the most measurements to bring ({MOST})",
        "domain": "of this domain",
        "input": "of this input, such as https://example.org/",
        "category": "of this category of the test lists, such as NEWS",
        **dict.fromkeys(FLAGS, "true or false: as OONI scored them"),
        "aggregation": "counts in place of measurements; they are handed out, not taken into a store",
        "axis_x": f"counts by one of {', '.join(AXES)}",
        "axis_y": "and by another",
        "time_grain": f"of counts: one of {', '.join(GRAINS)} (day)",
    },
)
