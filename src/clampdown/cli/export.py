"""Law: a table goes out as it is, less what is local: ordinals for ids, no formula for a spreadsheet to run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from clampdown.cli.frame import common, open_frame, reference_option, store_option, write_file, write_stdout
from clampdown.cli.opening import asked, open_reference, open_store, row_options, say_stale
from clampdown.errors import UsageError

TABLES: Final = ("observations", "verdicts", "cells", "signals", "series", "context")
JUDGED: Final = ("verdicts", "cells")


@click.command("export")
@click.argument("table", metavar="TABLE", type=click.Choice(list(TABLES)))
@store_option
@click.option("--format", "form", type=click.Choice(["parquet", "csv", "jsonl"]), default="csv", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of stdout.")
@row_options
@reference_option
@common
@click.pass_context
def command(
    context: click.Context,
    table: str,
    form: str,
    output: str | None,
    **rows: str | None,
) -> None:
    """Hand out a table as Parquet, CSV or JSON lines.

    TABLE is observations, verdicts, cells, or what ingest keeps of signals: signals (levels), series (whose levels
    they are) and context (what others published about outages, orders and protests). Attribution and terms of the
    sources are printed on stderr, and stand in the file where the format has a place for them.
    """
    frame = open_frame(context)
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal", hint="Add -o FILE, or choose --format csv.")
    from clampdown.pipeline.answers import export

    store = open_store(frame)
    reference = open_reference(frame)
    made = export(store, table, form, wanted=asked(store, rows), reference=reference)
    if table in JUDGED:
        say_stale(frame, store, reference)
    if output is None:
        for chunk in made.chunks:
            write_stdout(chunk)
    else:
        write_file(Path(output), made.chunks)
    for note in made.notes:
        frame.notes.note(note)
