"""Law: a stream of BGP gives levels where a table stands behind it, else counted changes, and says which."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from clampdown.intake.containers_bytes import Peeked
from clampdown.intake.features import Kit
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.sources.bgp import live, mrt
from clampdown.intake.sources.bgp.bins import STEP, Bins
from clampdown.intake.sources.bgp.events import FAMILIES, SECOND, Broken
from clampdown.intake.sources.bgp.limits import Limits, shipped
from clampdown.intake.sources.bgp.visible import Visible, spread
from clampdown.model import Batch

OPERATOR: Final = "bgp-collectors"
# MRT does not say who wrote it, so that the terms of both archives hold; RIS Live is RIPE's.
MRT_SOURCE: Final = "bgp-collectors"
LIVE_SOURCE: Final = "ripe-ris"
_EPOCH: Final = datetime(1970, 1, 1)
_WANTED: Final = (
    "updates without a table: they tell changes, not levels. Give the table (bview, rib) of the same collector before "
    "its updates in one stream, as `cat bview.gz updates.gz > one.gz` makes it; members of a tar are read each alone. "
    "What was announced and withdrawn is kept as bgp/announced and bgp/withdrawn"
)
_NO_COUNTRIES: Final = (
    "counted by networks only: give the registries' statistics (delegated-<registry>-extended-latest) or a "
    "countries.csv (asn,country) as reference data to count by countries"
)
_SLASH24: Final = "bgp/slash24"
_PREFIXES: Final = {4: "bgp/prefixes", 6: "bgp/prefixes6"}


def sniff(head: bytes) -> bool:
    """MRT, or lines of RIS Live?"""
    return mrt.plausible(head) or live.plausible(head)


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    """All levels (or changes) of one stream."""
    yield from read_with(opened, kit, shipped())


def read_with(opened: Opened, kit: Kit, limits: Limits) -> Iterator[Batch]:
    """The same with other thresholds."""
    reader = Digested(opened.reader)
    ahead = Peeked(reader)
    lines = live.plausible(ahead.peek(1 << 16))
    decoder = live.Live(ahead, opened.place) if lines else mrt.Decoder(ahead)
    rows, bins, broken = LevelRows(opened.place), Bins(limits, kit.countries), False
    for event in decoder.events():
        if isinstance(event, Broken):
            rows.reject(event.record or None, event.reason, event.detail, event.data)
            broken = event.ends
            yield from rows.due()
        else:
            bins.take(event)
    bins.finish(broken)
    _notices(rows, bins, decoder, limits, countries=kit.countries is not None)
    yield from _levels(rows, bins, LIVE_SOURCE if lines else MRT_SOURCE, kit)
    yield from rows.finish(reader.digest())


def _levels(rows: LevelRows, bins: Bins, source: str, kit: Kit) -> Iterator[Batch]:
    shown = [v for v in bins.visible.values() if v.bins]
    for visible, family in zip(bins.visible.values(), FAMILIES, strict=True):
        times = [_time(each) for each in visible.bins]
        for network, counts in sorted(visible.networks.items()):
            of = _network(network, source, kit)
            for name, pick in _signals(family):
                first, values = spread(counts, len(times), pick)
                rows.extend(Signal(signal=name, **of), times[first:], values)
            yield from rows.due()
        yield from _countries(rows, visible, family, times, source)
    if shown:
        return
    for (signal, entity), found in sorted(bins.changes.counts.items(), key=lambda row: (row[0][0], str(row[0][1]))):
        of = _country(entity, source) if isinstance(entity, str) else _network(entity, source, kit)
        rows.extend(Signal(signal=signal, **of), [_time(b) for b, _ in found], [float(n) for _, n in found])
        yield from rows.due()


def _countries(rows: LevelRows, visible: Visible, family: int, times: list[datetime], source: str) -> Iterator[Batch]:
    for at, counts in sorted(visible.countries.items(), key=lambda row: visible.codes[row[0]]):
        for name, pick in _signals(family):
            first, values = spread(counts, len(times), pick)
            rows.extend(Signal(signal=name, **_country(visible.codes[at], source)), times[first:], values)
        yield from rows.due()


def _signals(family: int) -> Iterator[tuple[str, Any]]:
    yield _PREFIXES[family], lambda count: count.prefixes  # type: ignore[misc]
    if family == 4:
        yield _SLASH24, lambda count: count.slash24  # type: ignore[misc]


def _network(asn: int, source: str, kit: Kit) -> dict[str, Any]:
    country = kit.countries.of_network(asn) if kit.countries else None
    return _common(source) | {"entity": f"AS{asn}", "entity_kind": "network", "network": asn, "country": country}


def _country(code: str, source: str) -> dict[str, Any]:
    return _common(source) | {"entity": code, "entity_kind": "country", "country": code}


def _common(source: str) -> dict[str, Any]:
    return {"plane": "control", "operator": OPERATOR, "source": source, "step": STEP}


def _time(bin_: int) -> datetime:
    return _EPOCH + timedelta(seconds=bin_ * STEP)


def _clock(stamp: int) -> str:
    return (_EPOCH + timedelta(seconds=stamp // SECOND)).isoformat() + "Z"


def _notices(rows: LevelRows, bins: Bins, decoder: mrt.Decoder | live.Live, limits: Limits, *, countries: bool) -> None:
    """What the reader of the summary must know of the stream as a whole."""
    for what, (first, count) in sorted(decoder.other.items()):
        rows.reject(first, "unsupported", f"{what} are not read: {count} of them, the first is record {first}")
    if bins.late:
        tables = "; tables were among them" if bins.late_table else ""
        rows.reject(
            None,
            "unordered",
            f"{bins.late} records are older than what came before them by more than {STEP} seconds and were not "
            f"applied{tables}: put the tables of all collectors first, and the updates in the order of time",
        )
    for hole in bins.holes:
        rows.reject(
            None,
            "hole",
            f"no record from {_clock(hole.begin)} to {_clock(hole.end)}: changes may be missing, so that there are no "
            "levels from there to the next table",
        )
    if bins.cut:
        rows.reject(None, "truncated", "the stream breaks off within a table: half a table is no level")
    levels = any(v.bins for v in bins.visible.values())
    for family, withheld in bins.withheld.items():
        if withheld and bins.tables.of[family].prefixes and not bins.cut:
            rows.reject(
                None,
                "few_peers",
                f"IPv{family}: {withheld} bins of {STEP} seconds without a level: at most {bins.most[family]} "
                f"full-feed peers (more than {limits.full(family)} prefixes), {limits.peers} are needed",
            )
    if not bins.tables.tables and not levels and decoder.seen["update"]:
        rows.reject(None, "no_table", _WANTED)
    if (levels or bins.changes.counts) and not countries:
        rows.reject(None, "no_countries", _NO_COUNTRIES)
