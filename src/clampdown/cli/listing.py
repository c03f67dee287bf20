"""Law: findings, events and notes share one set of options and one way out; the words differ, not the manners."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clampdown.cli.frame import Frame, write_file, write_stdout
from clampdown.cli.opening import open_reference, open_store, say_stale
from clampdown.errors import UsageError

if TYPE_CHECKING:
    from clampdown.pipeline.found import Told, Watched

FORMS: Final = ("table", "jsonl", "csv", "parquet")


def options(command: Any) -> Any:
    """Where rows go, and of which period they are."""
    for option in (
        click.option("-o", "--output", metavar="FILE", help="Write to a file instead of stdout."),
        click.option("--format", "form", type=click.Choice(FORMS), help="Default: a table on a terminal, else jsonl."),
        click.option("--until", metavar="TIME", help="What began before this time (UTC)."),
        click.option("--since", metavar="TIME", help="What still held at this time (UTC), or began later."),
    ):
        command = option(command)
    return command


def narrower(command: Any) -> Any:
    """Which rows of a country."""
    for option in (
        click.option("--grade", metavar="GRADE", help="At least this grade: consistent, corroborated, confirmed."),
        click.option("--network", metavar="AS", help="Only this network, such as AS64500."),
        click.option("--group", metavar="GROUP", help="Only this group, such as social, messaging or news."),
        click.option("--target", metavar="TARGET", help="Only this target or platform: telegram/web, telegram."),
    ):
        command = option(command)
    return command


def write(frame: Frame, name: str, form: str | None, output: str | None, asked: dict[str, Any]) -> None:
    """Read what is asked for, and write it."""
    form = form or ("table" if output is None and sys.stdout.isatty() else "jsonl")
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal", hint="Add -o FILE, or choose --format csv.")
    from clampdown.pipeline.found import told

    store, reference = open_store(frame), open_reference(frame)
    found = told(store, name, reference=reference, **asked)
    warn(frame, found)
    say_stale(frame, store, reference, detected=True)
    if form == "table":
        from clampdown.publish.grid import text
        from clampdown.publish.table import allowed, attribution

        rows, notes = allowed(found.rows, found.terms)
        if output is None:  # read and not passed on: whose data it is matters where they leave
            notes = tuple(note for note in notes if note not in attribution(found.terms))
        width = shutil.get_terminal_size((120, 24)).columns
        lines = text(name, rows, width, sentences=bool(frame.settings.verbose), labels=found.labels)
        chunks: Iterator[bytes] = (f"{line}\n".encode("utf-8", "replace") for line in lines)
        if not rows.num_rows:
            chunks = iter(())
    else:
        from clampdown.publish.findings import write as hand_out

        made = hand_out(name, found.rows, form, found.terms, found.labels)
        chunks, notes = made.chunks, made.notes
    send(output, chunks)
    for note in notes:
        frame.notes.note(note)


def send(output: str | None, chunks: Iterator[bytes]) -> None:
    """To a file, or to stdout."""
    if output is None or output == "-":
        for chunk in chunks:
            write_stdout(chunk)
    else:
        write_file(Path(output), chunks)


def warn(frame: Frame, found: Told | Watched) -> None:
    """What is read is older than what the store holds."""
    if found.stale:
        text = "days have changed since this was detected"
        frame.notes.warn(f"{text} (data until {found.as_of}): clampdown detect --store {frame.store()}")
