"""Law: a verdict a line, in the shape of the contract; files are judged record by record, a store day by day."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
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
from clampdown.cli.opening import (
    MOST_PROBLEMS,
    asked,
    limits,
    open_reference,
    open_store,
    row_options,
    say_rejects,
    workers_option,
)
from clampdown.errors import UsageError

if TYPE_CHECKING:
    from clampdown.model import Reject
    from clampdown.publish.judged import Line


@click.command("judge")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@store_option
@click.option("--format", "form", type=click.Choice(["jsonl", "table"]), help="Default: a table on a terminal.")
@row_options
@click.option("--strict", is_flag=True, help="Exit with 1 if any record could not be read.")
@workers_option
@reference_option
@limit_options
@common
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    form: str | None,
    strict: bool,
    **rows: str | None,
) -> int:
    """Judge measurement files, or what a store holds.

    With PATH each record is judged alone, and nothing is kept. Without, the days of the store whose verdicts are
    missing or stale are judged, and what the store holds is written; the row options choose from it.
    """
    frame = open_frame(context)
    if paths and any(rows.values()):
        raise UsageError(
            "--country, --since, --until, --target and --network choose rows of a store", hint="Leave out PATH."
        )
    if paths and context.get_parameter_source("store") is click.core.ParameterSource.COMMANDLINE:
        raise UsageError("PATH and --store exclude each other", hint="Give files, or a store.")
    rejects: Counter[str] = Counter()
    first: list[Reject] = []
    found = _of_files(frame, paths, rejects, first) if paths else _of_store(frame, rows)
    _write(found, form or ("table" if sys.stdout.isatty() else "jsonl"))
    say_rejects(frame, dict(rejects), first)
    return NO if strict and rejects else DONE


def _write(found: Iterator[list[Line]], form: str) -> None:
    from clampdown.publish.judged import jsonl, table

    if form == "jsonl":
        for lines in found:
            write_stdout(b"".join(jsonl(lines)))
    else:
        write_stdout(table([line for lines in found for line in lines]).encode("utf-8", "replace"))


def _of_files(frame: Frame, paths: tuple[str, ...], rejects: Counter[str], first: list[Reject]) -> Iterator[list[Line]]:
    from clampdown.judge.rules import load_rules
    from clampdown.pipeline.alone import judge_files
    from clampdown.pipeline.answers import reasons
    from clampdown.publish.judged import lines, place_of

    rules = load_rules()
    numbered: dict[tuple[int | None, str], int] = {}
    with frame.notes.progress("judge") as tell:
        for found in judge_files(
            paths,
            reference=open_reference(frame),
            rules=rules,
            workers=frame.settings.workers,
            progress=tell,
            limits=limits(frame),
        ):
            rejects.update(reject.reason for reject in found.rejects)
            first.extend(found.rejects[: MOST_PROBLEMS - len(first)])
            locators = found.measurements["locator"].to_pylist()
            places = [place_of(at)._replace(file=file) for at, file in zip(locators, found.files, strict=True)]
            yield lines(found.measurements, found.verdicts, found.fired, reasons(rules), places, numbered)


def _of_store(frame: Frame, rows: Mapping[str, str | None]) -> Iterator[list[Line]]:
    from clampdown.judge.rules import load_rules
    from clampdown.pipeline import judge_store
    from clampdown.pipeline.answers import reasons
    from clampdown.publish.judged import lines

    store, rules = open_store(frame), load_rules()
    with frame.notes.progress("judge") as tell:
        days = judge_store(
            store, reference=open_reference(frame), rules=rules, workers=frame.settings.workers, progress=tell
        )
    frame.notes.detail(f"judged {len(days):,} days")
    wanted = asked(store, rows)
    verdicts, fired = (store.table(name, wanted) for name in ("verdicts", "fired"))
    measurements = store.table("measurements", wanted)
    if wanted.targets:  # a measurement's own target is not the only one that it has a verdict on
        ids = frozenset(verdicts["measurement"].to_pylist())
        others = dataclasses.replace(wanted, targets=frozenset(), measurements=ids)
        measurements = store.table("measurements", others) if ids else measurements.slice(0, 0)
    if not measurements.num_rows:
        frame.notes.note("no verdict of the store fits what was asked for")
    yield lines(measurements, verdicts, fired, reasons(rules))
