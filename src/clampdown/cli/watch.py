"""Law: what a run said is told once to whoever remembers the run before it; nothing new is an answer too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from clampdown.cli.frame import common, open_frame, reference_option, store_option, write_file
from clampdown.cli.listing import send, warn
from clampdown.cli.opening import open_reference, open_store, say_stale
from clampdown.errors import InputError

if TYPE_CHECKING:
    from clampdown.pipeline.found import Watched

FORMS: Final = ("text", "jsonl", "atom", "jsonfeed")


@click.command("watch")
@store_option
@click.option("--since", metavar="LAST", help="The run that was seen last: its number, last, or a time. Default: all.")
@click.option("--state", metavar="FILE", help="Remember in FILE which run was seen, and begin behind it.")
@click.option("--country", metavar="CC", help="Only this country.")
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of stdout.")
@reference_option
@common
@click.pass_context
def command(
    context: click.Context, since: str | None, state: str | None, country: str | None, form: str, output: str | None
) -> None:
    """Say what is new, ended, revised or withdrawn since a run of clampdown detect.

    For a cron job: clampdown watch --store DIR --state FILE says what came since the last call. LAST is the number of
    a run (0 is before the first), last (what the newest run said), or a time. With --state, LAST counts where FILE
    is not there yet. atom and jsonfeed write a feed with an entry for each event that changed; --since 0 gives all.
    """
    frame = open_frame(context)
    seen = None if state is None else _remembered(Path(state))
    from clampdown.pipeline.found import watch

    store, reference = open_store(frame), open_reference(frame)
    found = watch(store, seen if seen is not None else since, country=country, reference=reference)
    warn(frame, found)
    say_stale(frame, store, reference, detected=True)
    if form == "text" and output is None and not found.entries:
        # Nothing on stdout: a cron job mails what stands there.
        frame.notes.note(f"nothing new since run {found.since}; newest run: {found.run}", run=found.run)
    else:
        send(output, _told(found, form, verbose=bool(frame.settings.verbose)))
    if state is not None and found.run != seen:
        write_file(Path(state), json.dumps({"run": found.run}).encode() + b"\n")
    from clampdown.publish.table import attribution

    if form != "text" or output is not None:  # else it is read and not passed on
        for note in attribution(found.terms):
            frame.notes.note(note)
    if form != "text":
        frame.notes.note(f"newest run: {found.run}", run=found.run)


def _remembered(path: Path) -> int | None:
    """The run that was seen last; None where nothing is remembered yet."""
    try:
        number: object = json.loads(path.read_bytes())["run"]
        if type(number) is int:
            return number
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise InputError(f"cannot be read: {fault.strerror}", where=str(path)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    hint = "Delete it to be told everything, or name another file."
    raise InputError("this does not say which run was seen last", where=str(path), hint=hint)


def _told(found: Watched, form: str, *, verbose: bool) -> Iterator[bytes]:
    from clampdown.publish import feeds

    closed = any(one.redistribute == "no" for one in found.terms)
    if form in ("atom", "jsonfeed"):
        made = feeds.feed(found.known, found.since, country=found.country, terms=found.terms, labels=found.labels)
        yield feeds.atom(made) if form == "atom" else feeds.json_feed(made)
        return
    lines = iter(()) if closed else feeds.lines(found.entries, found.labels)
    if form == "jsonl":
        yield from feeds.jsonl(lines)
        return
    for line in feeds.text(lines, found.since, found.run, verbose=verbose):
        yield f"{line}\n".encode("utf-8", "replace")
