"""Law: files in, a store grown by what is new, and a summary that adds up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from clampdown.cli.frame import (
    DONE,
    NO,
    Frame,
    common,
    limit_options,
    open_frame,
    reference_option,
    store_option,
    write_stdout,
)
from clampdown.cli.opening import limits, open_reference, say_rejects, unread, workers_option

if TYPE_CHECKING:
    from clampdown.pipeline import Summary


@click.command("ingest")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@store_option
@click.option("--no-judge", is_flag=True, help="Only read and settle; judge later with clampdown judge --store.")
@click.option("--again", is_flag=True, help="Read files again that are here already, for new body fingerprints.")
@click.option("--of", metavar="COUNTRY", help="The country of files that do not say of which one they are.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any record could not be read.")
@workers_option
@reference_option
@limit_options
@common
@click.pass_context
def command(
    context: click.Context, paths: tuple[str, ...], no_judge: bool, again: bool, of: str | None, as_json: bool,
    strict: bool,
) -> int:  # fmt: skip
    """Read measurement files and signals into a store.

    PATH is a file, a folder, a glob or - for stdin: .json, .jsonl and YAML reports, tables of OONI's data
    pipeline (observations and scores, as .csv or .sql), and files of signals; plain or packed with gzip, bzip2, zstd
    or lz4, and tar files of these.
    Reading a file twice changes nothing; after an interruption the same command finishes the work. The days that were
    touched are judged.

    A log of a monitor names no country: say it with --of. Only files that need it take it, so it may stand beside
    others. The same file with another country is another input.
    """
    frame = open_frame(context)
    from clampdown.pipeline.api import ingest

    with frame.notes.progress("ingest") as tell:
        summary = ingest(
            paths,
            frame.store(),
            reference=open_reference(frame),
            workers=frame.settings.workers,
            progress=tell,
            judge=not no_judge,
            again=again,
            limits=limits(frame),
            of=of,
        )
    say_rejects(frame, summary.rejects, summary.unread)
    write_stdout(_json(summary) if as_json else _text(summary))
    if summary.deferred:
        _hint(frame, len(summary.deferred))
    return NO if strict and unread(summary.rejects) else DONE


def _json(summary: Summary) -> bytes:
    from clampdown.pipeline import as_mapping

    return json.dumps(as_mapping(summary), indent=2).encode() + b"\n"


def _text(summary: Summary) -> bytes:
    here = f" ({summary.already_here:,} were here already)" if summary.already_here else ""
    rows = [
        ("files", f"{summary.files:,}{here}"),
        ("records", f"{summary.records:,}"),
        ("measurements", f"{summary.measurements:,}"),
        ("levels", f"{summary.levels:,}"),
        ("published", f"{summary.published:,}"),
        ("copies", f"{summary.copies:,}, of these conflicts: {summary.conflicts:,}"),
        ("resubmissions", f"{summary.resubmissions:,}"),
        ("observations", f"{summary.observations:,}"),
        ("rejects", f"{summary.rejected:,}"),
        ("days", f"{len(summary.days):,}"),
    ]
    return "".join(f"{name:<14}{value}\n" for name, value in rows).encode()


def _hint(frame: Frame, days: int) -> None:
    frame.notes.note(f"{days:,} days are still to be judged: clampdown judge --store {frame.store()}")
