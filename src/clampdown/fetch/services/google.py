"""Law: Google's report is asked for one product of one country at a time, at its own step of half an hour.

The interface belongs to a web page (https://transparencyreport.google.com/traffic/overview) and has no documentation.
Its form is that of Jigsaw's own client (https://github.com/Jigsaw-Code/net-analysis, netanalysis/traffic/data/
api_repository.py, Apache-2.0):

    /fraction?start&end&width&product&region     times in milliseconds; `width`: how many points, 48 a day

The answer stands behind a guard (`)]}'`). It names neither region nor product, so the file's name does. Values are
shares of one answer: each window is a series of its own, so windows are long. The address is the one that other
clients use now; Jigsaw's was www.google.com/transparencyreport/api/v3/traffic. Nothing of this could be checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from clampdown.errors import InputError, UsageError
from clampdown.fetch import asking
from clampdown.fetch.client import Client
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Asked, Service, Wanted
from clampdown.reference.signals import signal_table

NAME: Final = "google"
PRODUCTS: Final = ("search", "youtube", "gmail")
STEP: Final = timedelta(minutes=30)
_GUARD: Final = b")]}'"


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Each product in windows."""
    asking.wants(asked, networks=False)
    of = known(NAME)
    base = asking.address(asked, of)
    for product in sorted({number_of(each) for each in asked.options.get("product") or PRODUCTS}):
        for window in asking.windows(asked, of, of.window or asking.DAY, STEP):
            start, end = (asking.seconds(time) * 1000 for time in (window.start, window.end))
            what = (("product", product), ("region", asked.country))
            width = ("width", (window.end - window.start) // STEP)
            url = asking.question("fraction", ("start", start), ("end", end), width, *what)
            until: object = asking.OPEN if window.open else end
            yield Wanted(
                NAME,
                asking.question("fraction", ("start", start), ("end", until), *what),
                f"{base}/{url}",
                f"google_{asked.country}_product-{product}_{asking.stamp(window.start)}_{window.until}.json",
                settled=window.settled(asked.now, of.settles),
                check=check,
            )


def number_of(text: str) -> int:
    """The report's number of a product."""
    table = signal_table()
    told = table.of_product(text)
    if told is None:
        known_ = ", ".join(sorted(name.removeprefix("google/") for name in table.products.values()))
        raise UsageError(f"product cannot be {text!r}", hint=f"It may be: {known_}.")
    return next(number for number, name in table.products.items() if name == told.signal)


def check(path: Path) -> None:
    """Refuse what is not the report."""
    data = asking.read(path).lstrip()
    if not data.removeprefix(_GUARD).lstrip().startswith(b"["):
        told = asking.said(data[:400].decode("utf-8", "replace"))
        raise InputError(f"not an answer of Google's traffic report: {told}", hint="The interface may have changed.")


SERVICE: Final = Service(
    NAME,
    plan,
    needs=frozenset({"country"}),
    grain=STEP,
    options={"product": f"names or numbers of products ({', '.join(PRODUCTS)})"},
)
