"""Law: who was not measured has no place in any form; a rank is never told without its frame and its interval."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from clampdown.cli.frame import Frame, common, open_frame, reference_option, store_option
from clampdown.cli.listing import send
from clampdown.cli.opening import open_reference, open_store, say_stale
from clampdown.errors import UsageError

if TYPE_CHECKING:
    from clampdown.pipeline.rank import Ranked

FORMS = ("table", "jsonl", "csv", "html")


@click.command("rank")
@store_option
@click.option("--since", metavar="TIME", help="From this time on (UTC); a date means its midnight.")
@click.option("--until", metavar="TIME", help="Before this time (UTC).")
@click.option("--component", "components", multiple=True, metavar="NAME", help="Only this component; may be repeated.")
@click.option("--weights", metavar="FILE", help="Weights of components, as TOML: breadth = 2.0")
@click.option(
    "--frame", "among", default="all", show_default=True, metavar="FILE|all|measured",
    help="Which countries belong to the comparison, measured or not: a file has a code or a name a line.",
)  # fmt: skip
@click.option(
    "--compare", multiple=True, metavar="FILE",
    help="Published scores (CSV of Freedom House or RSF, or country,score) to set beside ours; may be repeated.",
)  # fmt: skip
@click.option(
    "--higher", type=click.Choice(("is-worse", "is-better")), help="Which way the scores count, where it is not known."
)
@click.option(
    "--year", type=int, metavar="YEAR", help="Which year of the scores; default: the newest before our data end."
)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of stdout.")
@click.option("--format", "form", type=click.Choice(FORMS), help="Default: a table on a terminal, else jsonl.")
@reference_option
@common
@click.pass_context
def command(
    context: click.Context,
    since: str | None,
    until: str | None,
    components: tuple[str, ...],
    weights: str | None,
    among: str,
    compare: tuple[str, ...],
    higher: str | None,
    year: int | None,
    output: str | None,
    form: str | None,
) -> None:
    """Say how countries compare in what was measured of them.

    Components apart (breadth of blocking, platforms, ways around, throttling, shutdowns), each with its interval; a
    place with its 90 % interval, and what other weights would make of it. Countries without enough data are listed and
    never ranked. A place is one among what was measured, and no measure of freedom.
    """
    # Before numpy is loaded: its threads would fight with the two chains that are drawn side by side.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    frame = open_frame(context)
    form = form or ("table" if output is None and sys.stdout.isatty() else "jsonl")
    _fits(form, compare, higher, year)
    from clampdown.pipeline.rank import rank

    store, reference = open_store(frame), open_reference(frame)
    made = rank(
        store,
        since=since,
        until=until,
        components=components,
        weights=weights,
        frame=among,
        compare=compare,
        higher=higher,
        year=year,
        reference=reference,
    )
    say_stale(frame, store, reference)
    _warn(frame, made)
    send(output, _chunks(made, form, to_terminal=output is None))
    _note(frame, made, told=form == "table" and output is None)


def _fits(form: str, compare: tuple[str, ...], higher: str | None, year: int | None) -> None:
    if compare and form == "csv":
        hint = "Take --format jsonl, table or html; or leave out --compare."
        raise UsageError("a CSV has a row a country, and no room for a comparison", hint=hint)
    if not compare and (higher is not None or year is not None):
        what = "--higher" if higher is not None else "--year"
        raise UsageError(f"{what} says how published scores are read, and there are none", hint="Give --compare FILE.")


def _chunks(made: Ranked, form: str, *, to_terminal: bool) -> Iterator[bytes]:
    from clampdown.publish import rank as shown

    if form == "html":
        from clampdown.publish.rank_page import page

        return iter((page(made.rank),))
    if form == "table":
        width = shutil.get_terminal_size((120, 24)).columns if to_terminal else 120
        return (f"{line}\n".encode("utf-8", "replace") for line in shown.text(made.rank, width))
    return shown.jsonl(made.rank) if form == "jsonl" else shown.csv(made.rank)


def _warn(frame: Frame, made: Ranked) -> None:
    if not made.detected:
        text = "outages were not looked for, so hours lost are not in it"
        frame.notes.warn(f"{text}: clampdown detect --store {frame.store()}")
    elif made.stale:
        text = "days have changed since outages were looked for"
        frame.notes.warn(f"{text}: clampdown detect --store {frame.store()}")


def _note(frame: Frame, made: Ranked, *, told: bool) -> None:
    from clampdown.publish.rank import notes

    about = made.rank.about
    if not told:
        for note in notes(made.rank):
            frame.notes.note(note)
    text = f"{about.ranked} of {len(about.frame)} countries have enough data"
    text += "; the others have no place" if about.without else ""
    frame.notes.note(text, ranked=about.ranked, frame=len(about.frame))
