"""Law: the token of Cloudflare Radar goes into one header and nowhere else; lists are read to their end.

Its API (https://developers.cloudflare.com/api/resources/radar/; fields as in Cloudflare's own client,
https://github.com/cloudflare/cloudflare-python, types/radar):

    /annotations/outages?dateStart&dateEnd&location|asn&limit&offset           `result.annotations`
    /traffic_anomalies?dateStart&dateEnd&location|asn&limit&offset             `result.trafficAnomalies`
    /http/timeseries, /netflows/timeseries?dateStart&dateEnd&location|asn&aggInterval&normalization&name

`dateEnd` is included. Values of series are scaled within the answer (`MIN0_MAX`), so a window is a series of its own:
windows are as long as hours are documented for, below a month
(https://developers.cloudflare.com/radar/concepts/aggregation-intervals/). 1,200 requests are allowed in five minutes
(https://developers.cloudflare.com/fundamentals/api/reference/limits/). A token is free; it needs the permission
Account > Radar > Read. How far back series go, and the largest `limit`, is not documented.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from clampdown.errors import InputError
from clampdown.fetch import asking
from clampdown.fetch.client import Client
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Asked, Secret, Service, Wanted

NAME: Final = "radar"
LISTS: Final = {  # our word -> path, and the field of the list
    "outages": ("annotations/outages", "annotations"),
    "anomalies": ("traffic_anomalies", "trafficAnomalies"),
}
SERIES: Final = {"http": "http/timeseries", "netflows": "netflows/timeseries"}
STEP: Final = "1h"
Words = tuple[tuple[str, object], ...]


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Lists, then series, of the country and of each network."""
    asking.wants(asked, networks=True)
    whats = asking.choices(asked, "what", (*LISTS, *SERIES), (*LISTS, *SERIES))
    of = known(NAME)
    entities: list[tuple[str, tuple[str, object]]] = []
    if asked.country:
        entities.append((asked.country, ("location", asked.country)))
    entities += [(f"AS{number}", ("asn", number)) for number in asked.networks]
    for shown, who in entities:
        for what in whats:
            for window in asking.windows(asked, of, of.window or asking.DAY):
                yield (
                    _page(asked, what, shown, who, window, 0)
                    if what in LISTS
                    else _series(asked, what, shown, who, window)
                )


def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _wanted(asked: Asked, path: str, name: str, window: asking.Window, words: Words, **more: Any) -> Wanted:
    of = known(NAME)
    start, last = ("dateStart", _time(window.start)), _time(window.end - asking.SECOND)
    url = asking.question(path, start, ("dateEnd", last), *words)
    return Wanted(
        NAME,
        asking.question(path, start, ("dateEnd", asking.OPEN if window.open else last), *words),
        f"{asking.address(asked, of)}/{url}",
        f"radar_{name}_{asking.stamp(window.start)}_{window.until}.json",
        settled=window.settled(asked.now, of.settles),
        token=asked.token,
        check=partial(check, token=asked.token),
        **more,
    )


def _series(asked: Asked, what: str, shown: str, who: tuple[str, object], window: asking.Window) -> Wanted:
    # The reader takes whom a series is about from its name: `name`.
    words: Words = (who, ("name", shown), ("aggInterval", STEP), ("normalization", "MIN0_MAX"), ("format", "JSON"))
    return _wanted(asked, SERIES[what], f"{what}_{shown}", window, words)


def _page(
    asked: Asked, what: str, shown: str, who: tuple[str, object], window: asking.Window, offset: int
) -> Wanted:  # fmt: skip
    words: Words = (who, ("limit", known(NAME).page), ("offset", offset), ("format", "JSON"))
    follow = partial(_more, asked, what, shown, who, window, offset)
    return _wanted(asked, LISTS[what][0], f"{what}-{offset}_{shown}", window, words, follow=follow)


def _more(
    asked: Asked, what: str, shown: str, who: tuple[str, object], window: asking.Window, offset: int, path: Path
) -> Iterator[Wanted]:
    """The next rows, where there were as many as were asked for."""
    result = asking.inner(asking.fields(asking.read(path)).get("result"), "the answer has no result")
    most = known(NAME).page
    if len(asking.rows(result.get(LISTS[what][1]))) >= most:
        yield _page(asked, what, shown, who, window, offset + most)


def check(path: Path, token: Secret | None = None) -> None:
    """Refuse an error that came as an answer."""
    answer = asking.fields(asking.read(path))
    if answer.get("success") is not True:
        messages = [error.get("message") for error in asking.rows(answer.get("errors")) if isinstance(error, dict)]
        told = asking.said(next((each for each in messages if each), None), token)
        raise InputError(f"Cloudflare answered with an error: {told}", hint="Check the token: see docs/sources.md.")
    if not isinstance(answer.get("result"), dict):
        raise InputError("not an answer of Cloudflare Radar: it has no result")


SERVICE: Final = Service(
    NAME,
    plan,
    needs=frozenset({"token"}),
    takes=frozenset({"country", "networks"}),
    options={"what": f"which of {', '.join((*LISTS, *SERIES))} (all)"},
)
