"""Law: what a store holds and lacks, in one look; reading never writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from clampdown.cli.frame import common, open_frame, reference_option, store_option, write_stdout
from clampdown.cli.notes import plain
from clampdown.cli.opening import open_reference, open_store, raw_option
from clampdown.errors import amount

if TYPE_CHECKING:
    from clampdown.pipeline.asked import Ask, Run
    from clampdown.pipeline.status import Held, Status

_MOST: Final = 12  # rows of one kind, and stretches of one row, that are said; --json has them all


@click.command("status")
@store_option
@raw_option
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@reference_option
@common
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Say what a store holds, what of it is missing, and how old it is.

    Sources, countries and networks with their counts; the periods that were asked for, their days without anything,
    and days that hold only what came along; records that could not be read; size on disk; age of the reference data;
    and what is to be run again. Nothing is written.
    """
    frame = open_frame(context)
    from clampdown.pipeline.keeping import status

    now = datetime.now(UTC).replace(tzinfo=None)
    found = status(open_store(frame), raw=frame.settings.raw, reference=open_reference(frame), now=now)
    if as_json:
        import msgspec

        write_stdout(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    else:
        write_stdout("".join(f"{plain(line)}\n" for line in _text(found)).encode("utf-8", "replace"))
    if found.ledger_torn:
        frame.notes.warn(f"{found.ledger_torn:,} lines of the ledger cannot be read: {_doctor(found)} --mend")
    if found.ledger_missing:
        frame.notes.warn(f"fetched files are here, and no ledger that names them: {_doctor(found)}")


def _doctor(found: Status) -> str:
    return f"clampdown doctor --store {found.store}"


def _text(found: Status) -> Iterator[str]:
    yield _row("days", f"{found.days:,}" + (f", {found.first} to {found.last}" if found.first else ""))
    yield _row("inputs", f"{_plural(found.inputs, 'file')}, {_plural(found.records, 'record')}")
    yield _row("networks", f"{found.networks:,}")
    yield from _block("sources", [_held(one) for one in found.sources])
    yield from _block("countries", [_held(one) for one in found.countries])
    yield from _block("asked", [line for ask in found.asked for line in _ask(ask)], most=4 * _MOST)
    yield from _block(
        "came along", [f"{one.source} {one.country or '(no country)'}: {said_runs(one.runs)}" for one in found.edges]
    )
    if found.forgotten_before:
        days = [one.first for one in found.sources if one.first is not None]
        again = min(days, default=found.forgotten_before) < found.forgotten_before
        yield _row("forgotten", f"what was before {found.forgotten_before}" + (", but for what came since" * again))
    yield from _block("lost", [f"{one.name}: {in_runs(one.days) or ', '.join(one.days)}" for one in found.lost])
    counts = ", ".join(f"{reason} {count:,}" for reason, count in found.rejects.items())
    yield _row("rejects", f"{sum(found.rejects.values()):,}: {counts}".rstrip(": "))
    size = found.size
    yield _row("tables", amount(size.tables) + (f", and {amount(size.landing)} to be settled" if size.landing else ""))
    yield _row("fetched files", f"{amount(size.raw)} in {size.raw_files:,} files")
    yield _row("references", f"{amount(size.references)}, {found.reference or 'none is pinned'}")
    dated = [one for one in found.snapshots if one.date]
    yield from _block("", [f"{one.date} ({one.age_days:,} days old) {one.name}, {one.licence}" for one in dated])
    for todo in found.todo:
        yield _row("to do", f"{_WHY[todo.why].format(days=len(todo.days))}: {todo.command}")


_WHY: Final = {
    "settle": "{days:,} days hold what has landed and is not settled",
    "judge": "{days:,} days are not judged, or by other rules or reference data",
    "detect": "findings, events and outages are of other days than the store holds now",
}


def _row(name: str, value: str) -> str:
    return f"{name:<14}{value}".rstrip()


def _block(name: str, lines: Sequence[str], most: int = _MOST) -> Iterator[str]:
    for number, line in enumerate(lines[:most]):
        yield _row("" if number else name, line)
    if len(lines) > most:
        yield _row("", f"and {len(lines) - most:,} more (--json)")


def _held(one: Held) -> str:
    kinds = ", ".join(
        f"{count:,} {kind}"
        for kind, count in (("measurements", one.measurements), ("levels", one.levels), ("published", one.published))
        if count
    )
    when = f", {one.first} to {one.last} ({_plural(one.days, 'day')})" if one.first else ""
    return f"{one.name or '(no country)'}: {kinds or 'nothing'}{when}, {_plural(one.networks, 'network')}"


def _plural(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _ask(ask: Ask) -> Iterator[str]:
    narrow = [*ask.tests, *(f"AS{number}" for number in ask.networks)]
    narrow += [f"{name}={','.join(values)}" for name, values in ask.options.items()]
    base = f"from {ask.base}" if ask.base is not None else ""
    yield " ".join(word for word in (ask.service, ask.country, *narrow, base) if word)
    looks = [one.until_received for one in ask.periods if one.until_received]
    for since, until in _spans(ask):
        yield f"  {since} to {until}"
    if looks:
        between = min(looks) if min(looks) == max(looks) else f"{min(looks)} (for its oldest look) or {max(looks)}"
        yield f"  uploads after {between} were not looked for"
    if ask.missing:
        yield f"  {_plural(ask.missing, 'file')} of it could not be had; the same question asks for them again"
    if ask.gaps:
        yield f"  without anything: {said_runs(ask.gaps)}"


def _spans(ask: Ask) -> Iterator[tuple[str, str]]:
    """The periods, neighbours as one, whatever their looks."""
    held: list[list[str]] = []
    for one in ask.periods:
        if held and held[-1][1] == one.since:
            held[-1][1] = one.until
        else:
            held.append([one.since, one.until])
    yield from ((since, until) for since, until in held)


def said_runs(runs: Iterable[Run]) -> str:
    given = list(runs)
    said = [one.first if one.days == 1 else f"{one.first} to {one.last}" for one in given[:_MOST]]
    more = f", and {len(given) - _MOST:,} more" if len(given) > _MOST else ""
    days = sum(one.days for one in given)
    return f"{', '.join(said)}{more} ({_plural(days, 'day')})"


def in_runs(days: Sequence[str]) -> str:
    """Days as stretches; nothing for none."""
    from clampdown.pipeline.asked import runs

    dated = [day for day in days if day[:1].isdecimal()]
    return said_runs(runs(dated)) if dated else ""
