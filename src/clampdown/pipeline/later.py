"""Law: what a store says of its days taken together, spelled as the command line spells it; a store or its folder."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from clampdown.assess.rank_document import Rank
from clampdown.assess.ways import Access
from clampdown.pipeline import access as through
from clampdown.pipeline import cuts, detecting, found
from clampdown.pipeline.answers import Moment
from clampdown.pipeline.api import Path_, open_store
from clampdown.pipeline.detecting import DetectSummary
from clampdown.pipeline.found import Watched
from clampdown.pipeline.river import Tell, quiet
from clampdown.publish.findings import with_sentences
from clampdown.publish.outages import with_sentences as with_outages
from clampdown.reference import Reference
from clampdown.store.store import Store


def _held(store: Store | Path_) -> Store:
    return store if isinstance(store, Store) else open_store(store)


def detect(
    store: Store | Path_,
    *,
    workers: int = 0,
    progress: Tell = quiet,
    thresholds: Any = None,
    now: datetime | None = None,
) -> DetectSummary:
    """Turn what a store's days say into findings and events, and add to its log what is new."""
    return detecting.detect(_held(store), workers=workers, progress=progress, thresholds=thresholds, now=now)


def findings(
    store: Store | Path_,
    country: str | None = None,
    *,
    target: str | None = None,
    group: str | None = None,
    network: int | str | None = None,
    since: Moment = None,
    until: Moment = None,
    grade: str | None = None,
    state: str | None = None,
    sentences: bool = False,
) -> pa.Table:
    """Graded claims, one per target and network, and one per target and country (network null). `grade` is the least
    that is wanted. Where `days_only` is true, times are the midnights of their days. `sentences` adds them in words."""
    told = found.told(
        _held(store), "findings", country=country, target=target, group=group, network=network, since=since,
        until=until, grade=grade, state=state,
    )  # fmt: skip
    return with_sentences("findings", told.rows, told.labels) if sentences else told.rows


def events(
    store: Store | Path_,
    country: str | None = None,
    *,
    target: str | None = None,
    group: str | None = None,
    network: int | str | None = None,
    since: Moment = None,
    until: Moment = None,
    grade: str | None = None,
    direction: str | None = None,
    members: bool = False,
    sentences: bool = False,
) -> pa.Table:
    """One row per happening, or (`members`) one per change of one target on one network within it."""
    name = "event_members" if members else "events"
    told = found.told(
        _held(store), name, country=country, target=target, group=group, network=network, since=since, until=until,
        grade=grade, direction=direction,
    )  # fmt: skip
    return with_sentences(name, told.rows, told.labels) if sentences else told.rows


def notes(store: Store | Path_, country: str | None = None, *, since: Moment = None, until: Moment = None) -> pa.Table:
    """Changes that are none of policy: of the instrument, of a site itself, of the number of measurements."""
    return found.told(_held(store), "notes", country=country, since=since, until=until).rows


def outages(
    store: Store | Path_,
    country: str | None = None,
    *,
    network: int | str | None = None,
    region: str | None = None,
    plane: str | None = None,
    grade: str | None = None,
    kind: str | None = None,
    since: Moment = None,
    until: Moment = None,
    parts: bool = False,
    sentences: bool = False,
) -> pa.Table:
    """Losses of connectivity found in signals, one row each; with `parts`, a row per signal that fell or did not, per
    precursor, restoration and occurrence. Where nothing was detected yet they are found in memory and not kept."""
    told = cuts.outages(
        _held(store), country, network=network, region=region, plane=plane, grade=grade, kind=kind, since=since,
        until=until,
    )  # fmt: skip
    if parts:
        return told.tables["outage_parts"]
    rows = told.tables["outages"]
    return with_outages(rows, told.tables["outage_parts"], told.tables["context"], told.labels) if sentences else rows


def access(
    store: Store | Path_,
    country: str,
    *,
    network: int | str | None = None,
    at: Moment = None,
    reference: Reference | None = None,
) -> Access:
    """Which ways through work where, at the end of a day: every tool and way of the table of tools, for the country
    and for each network that was tested. What nobody tried is `untested`. Using or testing such tools can be visible
    and may be punished."""
    return through.access(_held(store), country, network=network, at=at, reference=reference)


def rank(store: Store | Path_, **asked: Any) -> Rank:
    """How countries compare in what was measured of them, as the document that `clampdown rank` prints. Options as
    there: since, until, components, weights, frame, compare, higher, year."""
    from clampdown.pipeline.rank import rank as made

    return made(_held(store), **asked).rank


def watch(store: Store | Path_, since: int | str | datetime | None = None, *, country: str | None = None) -> Watched:
    """What runs of `detect` said after one of them: a number, `last`, or a time."""
    return found.watch(_held(store), since, country=country)
