"""Law: what a fetch would bring and what it brought is told alike to a person and to a program.

The records of this file are the JSON of `clampdown fetch`; the schemas `fetch*.json` in docs/schema are made from them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from clampdown.cli.frame import DONE, NO, Frame, write_stdout
from clampdown.cli.opening import say_rejects, unread
from clampdown.errors import Error, InputError

if TYPE_CHECKING:
    from clampdown.pipeline.fetching import Fetched, Plan

_SAID: Final = 10  # failed files that are named


@dataclass(frozen=True)
class Planned:
    """What a question would bring: all that `--dry-run` prints."""

    service: str
    since: str
    until: str
    uploads_from: str | None
    uploads_until: str | None
    files: int
    here: int
    bytes: int
    files_of_unknown_size: int
    seconds: int


@dataclass(frozen=True)
class Counts:
    """What a question brought, and what the store took of it."""

    brought: int
    here: int
    gaps: int
    failed: int
    bytes: int
    seconds: float
    read: int
    records: int
    measurements: int
    levels: int
    published: int
    copies: int
    rejects: int
    days: int


@dataclass(frozen=True)
class Answered(Counts):
    """The same with its plan: all that one question prints."""

    plan: Planned


@dataclass(frozen=True)
class Fault:
    """Why a job was not done, or not in whole."""

    what: str
    where: str | None
    hint: str | None


@dataclass(frozen=True)
class Job:
    """One job of the settings file: what was planned, and what was brought, where it came so far."""

    job: int  # its number in the file, from 1
    source: str
    country: str | None
    exit: int  # the code of this job
    error: Fault | None
    plan: Planned | None
    fetch: Counts | None


@dataclass(frozen=True)
class Jobs:
    """All jobs, in the order of the file."""

    jobs: tuple[Job, ...]


def fault_of(error: Error) -> Fault:
    """An error as a record."""
    return Fault(error.what, error.where, error.hint)


def write_json(made: Answered | Planned | Jobs) -> None:
    """One document."""
    import msgspec

    write_stdout(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")


def write_text(made: Counts | Planned, job: str | None = None) -> None:
    """The same in rows, below the job's name where there are several."""
    rows: dict[str, Any] = asdict(made)
    width = 24 if isinstance(made, Planned) else 14
    lines = [] if job is None else [f"{'job':<{width}}{job}\n"]
    for name, value in rows.items():
        if value is not None:
            said = f"{value:,}" if isinstance(value, int | float) else str(value)
            lines.append(f"{name.replace('_', ' '):<{width}}{said}\n")
    write_stdout("".join(lines).encode())


def planned(made: Plan) -> Planned:
    """A plan as a record."""
    first, last = made.received or (None, None)
    return Planned(
        service=made.service.name,
        since=f"{made.asked.since.isoformat()}Z",
        until=f"{made.asked.until.isoformat()}Z",
        uploads_from=None if first is None else f"{first.isoformat()}Z",
        uploads_until=None if last is None else f"{last.isoformat()}Z",
        files=made.files,
        here=made.here,
        bytes=made.bytes,
        files_of_unknown_size=made.unsized,
        seconds=round(made.seconds),
    )


def counted(what: Fetched) -> Counts:
    """What was brought as a record."""
    tally = what.tally
    return Counts(
        brought=tally.new,
        here=tally.here,
        gaps=tally.gaps,
        failed=len(tally.failed),
        bytes=tally.bytes,
        seconds=round(what.seconds, 1),
        read=what.files,
        records=what.records,
        measurements=what.measurements,
        levels=what.levels,
        published=what.published,
        copies=what.copies,
        rejects=sum(what.rejects.values()),
        days=len(what.days),
    )


def answered(plan: Planned, counts: Counts) -> Answered:
    """Both in one record."""
    return Answered(**{each.name: getattr(counts, each.name) for each in fields(Counts)}, plan=plan)


def say_plan(frame: Frame, made: Plan) -> None:
    """The plan, before anything is brought."""
    new = made.files - made.here
    size = f"{_size(made.bytes)}, about"
    if made.unsized:  # a time that leaves out bytes is no estimate
        known = f"{_size(made.bytes)} and " if made.unsized < new else ""
        size = f"{known}{made.unsized:,} of a size that the service does not say, at least"
    bring = f"{new:,} to bring, {size} {_time(made.seconds)} at 20 Mbit/s" if new else "nothing to bring"
    frame.notes.note(
        f"plan: {made.files:,} files, {made.here:,} of them here already; {bring}",
        files=made.files, here=made.here, bytes=made.bytes, seconds=round(made.seconds),
    )  # fmt: skip
    if not made.files:
        text = "the service lists nothing of what was asked: that is no finding about what is blocked or reachable"
        frame.notes.warn(text)
    if made.received is not None:
        first, last = made.received
        frame.notes.note(
            f"measured {made.asked.since:%Y-%m-%d %H:%M} to {made.asked.until:%Y-%m-%d %H:%M}; uploads of "
            f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} are looked at (UTC)"
        )


def say_faults(frame: Frame, what: Fetched) -> None:
    """Records that could not be read and files that could not be had, the first of them by name."""
    from clampdown.pipeline import fetching

    say_rejects(frame, what.rejects, what.unread)
    for line in fetching.failures(what.tally, _SAID):
        frame.notes.warn(line)
    if (more := len(what.tally.failed) - _SAID) > 0:
        frame.notes.warn(f"and {more:,} more {'files' if more > 1 else 'file'} could not be had")


def verdict(what: Fetched, *, strict: bool) -> int:
    """The exit code; an error where not all was had."""
    tally, failed = what.tally, len(what.tally.failed)
    if failed:
        hint = "The same command asks for them again."
        asked = tally.new + tally.here + tally.gaps + failed  # more than planned, where answers led further
        rest = "the rest is in the store" if tally.new + tally.here else "nothing was brought"
        raise InputError(f"{failed:,} of {asked:,} files could not be had; {rest}", hint=hint)
    return NO if strict and unread(what.rejects) else DONE


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
