"""Law: days in, findings and events out, and a summary that says what of it is new and what could not be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clampdown.cli.frame import Frame, common, open_frame, store_option, write_stdout
from clampdown.cli.opening import open_store, workers_option

if TYPE_CHECKING:
    from clampdown.pipeline.detecting import DetectSummary


@click.command("detect")
@store_option
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@workers_option
@common
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Turn what a store's days say into findings, events and outages.

    All judged days are taken together; nothing is judged here. What is said differently than by the run before goes
    into the store's log, which clampdown watch reads. The same days give the same tables, and nothing is written.
    """
    frame = open_frame(context)
    from clampdown.pipeline.later import detect

    store = open_store(frame)
    with frame.notes.progress("detect") as tell:
        summary = detect(store, workers=frame.settings.workers, progress=tell)
    _warn(frame, summary)
    if as_json:
        import msgspec

        write_stdout(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    else:
        write_stdout(_text(summary))


def _warn(frame: Frame, summary: DetectSummary) -> None:
    given = f" --reference {frame.settings.reference}" if frame.settings.reference else ""
    again = f"clampdown judge --store {frame.store()}{given}"
    if summary.unjudged:
        text = f"{len(summary.unjudged):,} days are still to be judged, and were left out: {again}"
        frame.notes.warn(text, days=summary.unjudged)
    if summary.stale:
        text = f"{len(summary.stale):,} days were judged with other rules or reference data, and used as they are"
        frame.notes.warn(f"{text}: {again}", days=summary.stale)


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in found.items())


def _text(summary: DetectSummary) -> bytes:
    changes = _counts(summary.changes) if summary.changed else "nothing new"
    rows = [
        ("days", f"{summary.days:,}, until {summary.as_of or 'an unknown time'}"),
        ("findings", f"{sum(summary.findings.values()):,}: {_counts(summary.findings)}".rstrip(": ")),
        ("events", f"{sum(summary.events.values()):,}: {_counts(summary.events)}".rstrip(": ")),
        ("outages", f"{sum(summary.outages.values()):,}: {_counts(summary.outages)}".rstrip(": ")),
        ("notes", f"{sum(summary.notes.values()):,}: {_counts(summary.notes)}".rstrip(": ")),
        ("run", f"{summary.run:,}: {changes}"),
    ]
    return "".join(f"{name:<14}{value}\n" for name, value in rows).encode()
