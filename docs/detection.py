"""Law: what detection shows, on public counts and against a forger, is written by running it; the plots are ours.

python docs/detection.py            write docs/detection.md and its plots from the material folder (CLAMPDOWN_SHARED)
python docs/detection.py --check    exit code 1 if the page or a plot is not what the material gives

The counts are read from other people's files, which are not part of this project. The part about a forger needs none
of them: it follows from the thresholds alone, and a test holds it to them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import forger
import numpy as np
from aggregates import (
    COUNTRIES,
    DAYS_OF_A_MONTH,
    LISTED,
    SOURCES,
    Line,
    brackets,
    compared,
    day_of,
    lines,
    month,
    months_listed,
    quiet,
    september,
)
from plots import picture

from clampdown.detect.detectors import shifts
from clampdown.detect.series import ChangePoint, Series

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/detection.md"
IMAGES = ROOT / "docs/img"
MADE = "<!-- made by `python docs/detection.py`; change the code, not this page -->\n"
FORGER = "## What a patient forger could still do\n"
PENALTIES = (8, 16, 32, 64, 128)
Listed = dict[str, set[tuple[int, int]]]


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = tuple(head)
    made = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    made += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(made) + "\n"


def slug(source: str) -> str:
    return source.split()[0].lower() if source != "Censored Planet" else "censored-planet"


def pictures(found: list[Line], listed: Listed) -> dict[str, str]:
    """File name → plot, of each source and country that has data."""
    made: dict[str, str] = {}
    for source in SOURCES:
        for country, name in COUNTRIES.items():
            own = [line for line in found if line.source == source and line.country == country]
            if own:
                title = f"{source}, {name}, by day, 2021-01 to 2023-03"
                made[f"series-{slug(source)}-{country}.svg"] = picture(title, own, listed[country])
    return made


def page(found: list[Line], listed: Listed, plots: Iterable[str]) -> str:
    parts = ["# Detection, on public counts and against a forger\n", MADE, HEAD, _summary(found, listed)]
    parts += ["## Iran, September 2022\n", _september(found), "## Where no list names an event\n"]
    parts += [_quiet(found, listed), _strength(found, listed), "## Beside the peers\n", _peers(found, listed)]
    for source in SOURCES:
        for country, name in COUNTRIES.items():
            own = [line for line in found if line.source == source and line.country == country]
            parts.append(f"## {source}: {name}\n")
            if not own:
                parts.append("No such file is in the material.\n")
                continue
            file = f"series-{slug(source)}-{country}.svg"
            assert file in plots
            parts += [f"![{source}, {name}: every series by day with its shifts](img/{file})\n", _shifts(own)]
    return "\n".join([*parts, *forging()])


HEAD = """\
Two things that `clampdown detect` is asked: does it find what happened, and what could somebody make it say? How it \
works is in [methods.md](methods.md#6-from-days-to-findings-and-events); how often it is right where the truth is \
known (simulated worlds) is measured by `make bench-detection`.

The first part is about **published daily counts** of three countries from January 2021 to March 2023: OONI's labels \
(`ok`, `dns`, `http`, `tls`, `error`), Censored Planet's shares of anomalies (Hyperquack HTTP and HTTPS, Satellite), \
and the users of Tor. The files are those of the artefact of *I Can Show You the World (of Censorship)*, ACSAC 2024, \
under the MIT licence; the data behind them are OONI's (CC BY-NC-SA 4.0), Censored Planet's, and those of Tor Metrics. \
None of them are in this project; plots and figures are ours.

Such counts name no vantage point, no network and no target. **Nothing found in them is above `consistent`**, and \
none of it is a block: a shift says that a share is another one than before, for whatever reason. `clampdown detect` \
asks of a series whether its path is open; a country's total is never open or closed, so that its classes do not fit \
here. Used is `detectors/shifts.py`: the exact least-cost segmentation of the whole window, with noise estimated from \
days of the same week, at a penalty of 8 nats (one false shift in 100 years on simulated series whose days resemble \
their neighbours by up to 0.6; one in 12 years at 0.8). A bracket reaches from the last day before to the first day \
after the shift, around every day on which it is about as likely (within 3 nats).
"""


def _summary(found: list[Line], listed: Listed) -> str:
    total = sum(len(line.found) for line in found)
    exposure = quiet([(line, brackets(line)) for line in found], listed)
    return (
        f"In short: {len(found)} series, {total} shifts, of which {exposure.alarms} lie in months in which neither "
        f"list at hand names an event: {exposure.rate:.2f} per quiet series-month, some "
        f"{exposure.rate * 12 * 100:.0f} times what noise alone gives. Totals of a country shift all the time, because "
        "those who measure, and what they measure, shift. This is why `clampdown detect` looks at one target on one "
        "network, counts vantage points, and asks other countries, before it says anything.\n"
    )


def _when(one: ChangePoint) -> str:
    return f"{day_of(one.after if one.before is None else one.before)} to {day_of(one.after)}"


def _levels(line: Line, one: ChangePoint) -> tuple[str, str]:
    form = "{:,.0f}" if line.sized else "{:.2%}"
    return form.format(one.level_before), form.format(one.level_after)


def _shifts(own: list[Line]) -> str:
    rows = [(line.kind, _when(one), *_levels(line, one), f"{one.statistic:.0f}") for line in own for one in line.found]
    without = [f"`{line.kind}`" for line in own if not line.found]
    text = table(("series", "bracket", "level before", "level after", "nats"), rows) if rows else ""
    return text + (f"\nNo shift in {', '.join(without)}.\n" if without else "")


def _september(found: list[Line]) -> str:
    rows = [
        (line.source, line.kind, _when(one), *_levels(line, one), f"{one.statistic:.0f}")
        for line in found
        if line.country == "ir"
        for one in line.found
        if september([(one.after if one.before is None else one.before, one.after)]) or "2022-10-02" in _when(one)
    ]
    return (
        "Protests began on 16 September; the lists at hand have national service-based and mobile shutdowns from "
        "21 September. What the counts say:\n\n"
        + table(("source", "series", "bracket", "level before", "level after", "nats"), rows)
        + "\nOONI's counts find it, in two steps. A weak one ends on the 16th: the share of HTTP anomalies *falls*, as "
        "more and other people measure (from 30,000 to 50,000 measurements a day within a week). The strong one comes "
        "with the 27th and 28th: the share of DNS anomalies more than doubles, eleven days after the first protests. "
        "The rise of TLS anomalies from the 16th to the 25th, which a reader of the plot sees, is too gradual, among "
        "days that always differed as much, to be a shift of its own at this penalty. The users of Tor date it to "
        "one day. A total of a country finds such an event; it does not date it well.\n"
    )


def _quiet(found: list[Line], listed: Listed) -> str:
    rows: list[tuple[object, ...]] = []
    for source in SOURCES:
        for country, name in COUNTRIES.items():
            own = [(line, brackets(line)) for line in found if line.source == source and line.country == country]
            if own:
                one = quiet(own, listed)
                rows.append((source, name, one.series, one.shifts, one.months, one.alarms, f"{one.rate:.2f}"))
    one = quiet([(line, brackets(line)) for line in found], listed)
    rows.append(("all", "", one.series, one.shifts, one.months, one.alarms, f"{one.rate:.2f}"))
    inside = {c: sorted(m for m in listed[c] if (2021, 1) <= m <= month(day_of(819))) for c in LISTED}
    counts = ", ".join(f"{COUNTRIES[c]} {27 - len(months)}" for c, months in inside.items())
    return (
        "A month is *quiet* for a country if neither of two lists (a collection of dated outages, and the shutdown "
        "lists of Access Now's #KeepItOn for 2021 and 2022) has an event of that country that began, lasted or ended "
        f"in it; an event without an end counts in its first month only. Quiet of 27 months: {counts}. A month counts "
        f"for a series with at least {DAYS_OF_A_MONTH} days of data. A shift is in a quiet month if no month that its "
        "bracket touches is listed.\n\n"
        + table(("source", "country", "series", "shifts", "quiet series-months", "shifts in them", "per month"), rows)
        + "\n**The lists are incomplete, so that not all of these are false.** They hold shutdowns above all, hardly "
        "any blocks of single sites, and end with 2022; for Russia they have two entries, both without an end. Neither "
        "has the blocking of Tor in Russia in December 2021 or the blocks of large platforms there in March 2022, and "
        "shifts at both times count as false here. The figures are an upper bound of what is false in those months, "
        "and no estimate of it. Nor are series of one source independent: shares of one total push each other.\n"
    )


def _cut(line: Line, penalty: float) -> list[tuple[int, int]]:
    found = (
        shifts.detect_sizes(line.k, penalty=penalty)
        if line.sized
        else shifts.detect(Series(0, line.k, line.n), penalty=penalty)
    )
    return [(one.after if one.before is None else one.before, one.after) for one in found]


def _strength(found: list[Line], listed: Listed) -> str:
    rows: list[tuple[object, ...]] = []
    for penalty in PENALTIES:
        pairs = [(line, _cut(line, penalty)) for line in found]
        one = quiet(pairs, listed)
        seen = [line.kind for line, own in pairs if line.country == "ir" and line.source == "OONI" and september(own)]
        rows.append((penalty, one.shifts, one.alarms, f"{one.rate:.3f}", ", ".join(seen) or "none"))
    head = ("penalty, nats", "shifts", "in quiet months", "per month", "Iran's September 2022 in OONI's")
    return "A higher penalty buys fewer of them:\n\n" + table(head, rows)


def _peers(found: list[Line], listed: Listed) -> str:
    head = ("detector", "shifts", "in quiet months", "per month", "Iran's September 2022 in OONI's")
    return (
        table(head, compared(found, listed))
        + "\nOn the same series. KernelCPD is that of `ruptures` (linear kernel, shares as they are, days without data "
        "left out); with its textbook penalty it takes the noise of neighbouring days for independent and cuts at "
        "every turn. At equal alarms it finds as much as ours: on such totals the search is not what matters. CUSUM is "
        "that of OONI's pipeline with its published constants; it is made for hourly scores of one target on one "
        "network, between 0 and 0.7, and a share of a country hardly ever crosses its reference: that it is silent "
        "here says nothing against it. On single series, at equal false alarms, the three are compared by "
        "`make bench-detection`.\n"
    )


def forging() -> Iterator[str]:
    """The part that needs no material."""
    yield FORGER
    head = ("what the forger wants", "networks", "days", *(f"at {n} honest devices" for n in forger.USUAL))
    made = forger.table()
    yield (
        "A measurement is not signed. Against bursts, single sessions and copies there are guards "
        "([limits](limits.md#forged-measurements)); against somebody who behaves like ordinary people, for days, in "
        "ordinary numbers, there is none. This is what it takes: the fewest **descriptions of devices** (platform, "
        "software, kind of network, resolver's network) a network and day, found by running `clampdown detect` on "
        "small worlds (*no number*: none was found below a burst) in which each honest device tries the target once a "
        "day and sees it work (or, for the end of a "
        f"block, sees it blocked), and each forged one tries in {forger.TRIES} hours of the day.\n"
    )
    yield table(head, ((label, networks, days, *cells) for label, networks, days, cells in made))
    one = {(label, networks, days): cells[1] for label, networks, days, cells in made}
    (silence,) = (row for row in made if row[0] == forger.SILENCE)
    limits = forger.load_limits()
    honest = forger.USUAL[1]
    yield (
        f"Read it so, where {honest} honest devices a day are heard on each network. "
        f"For a `corroborated` event within a week it takes {one[forger.CORROBORATED, 1, '7']} made-up descriptions "
        f"on one network, or {one[forger.CORROBORATED, 2, '7']} on each of two; with a copied block page "
        f"{one[forger.CONFIRMED, 1, '7']} for `confirmed`: a page can be copied. For a true block to be said to have "
        f"ended it takes {one[forger.ENDED, 1, '2']}. A burst (more than {limits.burst_factor} times the usual number "
        f"of descriptions, at least {limits.burst_least}; here {silence[3][1]}) adds nothing, but it sets aside what "
        f"honest devices without credentials said on that day, {silence[2]}; beyond that it no longer counts as a "
        "burst, because it has become what is usual. Where the target is tried in unrelated countries, or by devices "
        "with credentials, the numbers are larger; the table assumes neither.\n\n"
        "**So a grade counts witnesses, not honesty.** What protects a reader is what a forger cannot make: "
        "credentials that someone vouches for, sources under other hands (the same event in another kind of data), "
        "and witnesses that anyone can open. Whether an event rests on devices that were heard long before it is not "
        "weighed yet.\n"
    )


def main() -> int:
    material = Path(os.environ.get("CLAMPDOWN_SHARED", ROOT.parent / "shared"))
    if not (material / "cases/series/README.md").is_file():
        print(f"no material in {material}; set CLAMPDOWN_SHARED", file=sys.stderr)
        return 2
    np.seterr(all="raise", under="ignore")
    found, listed = list(lines(material)), months_listed(material)
    plots = pictures(found, listed)
    made = {PAGE: page(found, listed, plots)} | {IMAGES / name: text for name, text in plots.items()}
    stale = {*IMAGES.glob("series-*.svg")} - made.keys()
    if "--check" in sys.argv[1:]:
        differ = [p for p, text in made.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
        print("\n".join(sorted(p.name for p in [*differ, *stale])))
        return 1 if differ or stale else 0
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    for path in stale:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
