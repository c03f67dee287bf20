"""Law: a cut is said with the brackets of its planes, what did not fall, and its grade; a shutdown needs a reason."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from clampdown.cli.frame import Frame, common, open_frame, reference_option, store_option
from clampdown.cli.listing import options, send
from clampdown.cli.opening import open_reference, open_store, say_stale
from clampdown.errors import UsageError

if TYPE_CHECKING:
    from clampdown.pipeline.cuts import Cuts


@click.command("outages")
@click.argument("country", metavar="[COUNTRY]", required=False)
@store_option
@click.option("--network", metavar="AS", help="Only this network, such as AS64500.")
@click.option("--region", metavar="REGION", help="Only this region, as its source names it, such as Bago.")
@click.option("--plane", metavar="PLANE", help="Only where this plane fell: control, data, background, usage, service.")
@click.option("--grade", metavar="GRADE", help="At least this grade: consistent, corroborated, confirmed.")
@click.option("--kind", metavar="KIND", help="Only this kind: outage, or shutdown.")
@click.option("--parts", is_flag=True, help="A row per part: signals that fell or did not, precursors, restorations.")
@options
@reference_option
@common
@click.pass_context
def command(
    context: click.Context,
    country: str | None,
    parts: bool,
    form: str | None,
    output: str | None,
    **asked: str | None,
) -> None:
    """Say when the network was cut: losses of connectivity in signals, one row each.

    Planes are kept apart: the routing table, answers to probes, background noise, the use of services. An outage is
    called a shutdown only where a source outside the signals says so. COUNTRY is a two-letter code. With -v each row of
    a table is followed by its sentence.
    """
    frame = open_frame(context)
    form = form or ("table" if output is None and sys.stdout.isatty() else "jsonl")
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal", hint="Add -o FILE, or choose --format csv.")
    from clampdown.pipeline.cuts import outages

    store, reference = open_store(frame), open_reference(frame)
    found = outages(store, country, reference=reference, **asked)
    _warn(frame, found)
    _warn_of_short(frame, found)
    say_stale(frame, store, reference, detected=True)
    if form == "table":
        chunks, notes = _table(frame, found, parts=parts, passed_on=output is not None)
    else:
        from clampdown.publish.outages import write

        made = write(found.tables, form, parts=parts, terms=found.terms, labels=found.labels)
        chunks, notes = made.chunks, made.notes
    send(output, chunks)
    for note in notes:
        frame.notes.note(note)


def _warn(frame: Frame, found: Cuts) -> None:
    if not found.kept:
        text = "nothing was detected yet: these outages were found just now and are not kept until"
        frame.notes.warn(f"{text} clampdown detect --store {frame.store()}")
    elif found.stale:
        text = "days have changed since this was detected"
        frame.notes.warn(f"{text} (data until {found.as_of}): clampdown detect --store {frame.store()}")


def _warn_of_short(frame: Frame, found: Cuts) -> None:
    """No row is no calm where the data are too few to see a fall."""
    if found.unjudged:
        which = "one series is" if found.unjudged == 1 else f"{found.unjudged:,} series are"
        text = f"{which} too short to be judged, so silence about them says nothing: give them the weeks before"
        frame.notes.warn(f"{text} (clampdown notes says which)", series=found.unjudged)


def _table(frame: Frame, found: Cuts, *, parts: bool, passed_on: bool) -> tuple[Iterator[bytes], tuple[str, ...]]:
    """The lines, and what is said beside them: whose data it is matters where they leave."""
    from clampdown.publish.grid import text
    from clampdown.publish.outages import PARTS, shown
    from clampdown.publish.table import attribution

    rows, notes = shown(found.tables, parts=parts, terms=found.terms, labels=found.labels)
    width = shutil.get_terminal_size((120, 24)).columns
    lines = text(PARTS if parts else "outages", rows, width, sentences=bool(frame.settings.verbose) and not parts)
    if not passed_on:
        notes = tuple(note for note in notes if note not in attribution(found.terms))
    return (f"{line}\n".encode("utf-8", "replace") for line in lines if rows.num_rows), notes
