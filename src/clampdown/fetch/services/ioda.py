"""Law: IODA is asked for levels in windows so short that none is thinned out, and for lists until one is not full.

Its API (https://api.ioda.inetintel.cc.gatech.edu/v2/; source: https://github.com/InetIntel/ioda-api, Controller/ and
Service/; no key is needed):

    /signals/raw/{country|asn}/{code}?from&until&datasource[&sourceParams]     one source of data per question
    /outages/events?entityType&entityCode&from&until&format&limit&page         rows in order of time, pages from 0
    /outages/alerts?entityType&entityCode&from&until&limit&page

Times are Unix seconds. A question covers less than 100 days. Without `maxPoints` its source keeps the native step, but
longer windows were seen to come in coarser ones, so windows have 10 days (the published source has neither limit).
Google's shares are those of one product, `sourceParams=WEB_SEARCH`, as OONI Explorer asks for them
(https://github.com/ooni/explorer, components/ThirdPartyDataChart). Errors may come with status 200, in `error`. An
event's end is built from alerts up to 14 days after the window (`extendWindow`), so lists settle that late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from clampdown.errors import InputError
from clampdown.fetch import asking
from clampdown.fetch.client import Client
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Asked, Nothing, Service, Wanted
from clampdown.reference.signals import signal_table

NAME: Final = "ioda"
KINDS: Final = ("signals", "events", "alerts")
LISTS: Final = timedelta(days=90)  # of events and alerts: below the limit of 100 days
LISTS_SETTLE: Final = timedelta(days=14)
# What is looked for falls, at its own step; gtr-norm is scaled within each window, and forecasts are no measurements.
COUNTRY_SOURCES: Final = ("bgp", "ping-slash24", "merit-nt", "gtr", "mozilla")
NETWORK_SOURCES: Final = ("bgp", "ping-slash24", "merit-nt")
_OF_PRODUCTS: Final = frozenset({"gtr", "gtr-norm"})


def sources() -> tuple[str, ...]:
    """The sources of data that can be read."""
    return tuple(sorted(name for name, named in signal_table().ioda.items() if not named.forecast))


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Levels by entity, source and window; then lists."""
    asking.wants(asked, networks=True)
    kinds = asking.choices(asked, "what", KINDS, KINDS)
    chosen = asking.choices(asked, "datasource", sources(), ())
    entities = [("country", asked.country, asked.country)] if asked.country else []
    entities += [("asn", str(number), f"AS{number}") for number in asked.networks]
    for kind, code, shown in entities:
        if "signals" in kinds:
            yield from _signals(asked, kind, code, shown, chosen)
        for each in ("events", "alerts"):
            if each in kinds:
                yield from _lists(asked, each, kind, code, shown)


def _signals(asked: Asked, kind: str, code: str, shown: str, chosen: Iterable[str]) -> Iterator[Wanted]:
    of = known(NAME)
    base, length = asking.address(asked, of), of.window or LISTS
    for source in chosen or (COUNTRY_SOURCES if kind == "country" else NETWORK_SOURCES):
        of_product: list[tuple[str, object]] = [("sourceParams", "WEB_SEARCH")] if source in _OF_PRODUCTS else []
        for window in asking.windows(asked, of, length):
            start, end = asking.seconds(window.start), asking.seconds(window.end)
            path = f"signals/raw/{kind}/{code}"
            url = asking.question(path, ("from", start), ("until", end), ("datasource", source), *of_product)
            until: object = asking.OPEN if window.open else end
            key = asking.question(path, ("from", start), ("until", until), ("datasource", source), *of_product)
            yield Wanted(
                NAME, key, f"{base}/{url}", _name(shown, source, window), check=check,
                settled=window.settled(asked.now, of.settles),
            )  # fmt: skip


def _lists(asked: Asked, what: str, kind: str, code: str, shown: str) -> Iterator[Wanted]:
    for window in asking.windows(asked, known(NAME), LISTS):
        yield _page(asked, what, (kind, code, shown), window, 0)


def _page(asked: Asked, what: str, entity: tuple[str, str, str], window: asking.Window, page: int) -> Wanted:
    of, (kind, code, shown) = known(NAME), entity
    start, end = asking.seconds(window.start), asking.seconds(window.end)
    form: list[tuple[str, object]] = [("format", "codf")] if what == "events" else []
    first: list[tuple[str, object]] = [("entityType", kind), ("entityCode", code), ("from", start)]
    last: list[tuple[str, object]] = [*form, ("limit", of.page), ("page", page)]
    path = f"outages/{what}"
    return Wanted(
        NAME,
        asking.question(path, *first, ("until", asking.OPEN if window.open else end), *last),
        f"{asking.address(asked, of)}/{asking.question(path, *first, ('until', end), *last)}",
        _name(shown, f"{what}-{page}", window),
        settled=window.settled(asked.now, LISTS_SETTLE),
        absent_ok=True,
        check=check_list,
        follow=partial(_more, asked, what, entity, window, page),
    )


def _more(
    asked: Asked, what: str, entity: tuple[str, str, str], window: asking.Window, page: int, path: Path
) -> Iterator[Wanted]:
    """The next page, where this one is full."""
    if len(asking.rows(_answer(path).get("data"))) >= known(NAME).page:
        yield _page(asked, what, entity, window, page + 1)


def _name(shown: str, what: str, window: asking.Window) -> str:
    return f"ioda_{shown}_{what}_{asking.stamp(window.start)}_{window.until}.json"


def _answer(path: Path) -> dict[str, Any]:
    return asking.fields(asking.read(path))


def check(path: Path) -> None:
    """Refuse an error that came as an answer."""
    answer = _answer(path)
    if answer.get("error"):
        raise InputError(f"IODA answered with an error: {asking.said(answer['error'])}", hint="Run it again later.")
    if not isinstance(answer.get("data"), list):
        raise InputError("not an answer of IODA: it has no list of data")


def check_list(path: Path) -> None:
    """The same of a list; an empty one says that there was none."""
    check(path)
    if not asking.rows(_answer(path).get("data")):
        raise Nothing("IODA lists nothing in this window")


SERVICE: Final = Service(
    NAME,
    plan,
    takes=frozenset({"country", "networks"}),
    options={
        "what": f"which of {', '.join(KINDS)} (all)",
        "datasource": f"IODA's names of sources ({', '.join(COUNTRY_SOURCES)})",
    },
)
