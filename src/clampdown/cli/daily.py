"""Law: every job is checked before the first is asked, and each is asked whether or not the one before was answered.

The time of a run is one time for all of its jobs; those for which none is left are named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from clampdown.cli import fetched, jobs
from clampdown.cli.fetched import Counts, Planned
from clampdown.cli.frame import DONE, USAGE
from clampdown.errors import Error, FetchError, UsageError
from clampdown.fetch import fitting
from clampdown.fetch.wanted import Asked
from clampdown.pipeline import fetching

if TYPE_CHECKING:
    from clampdown.cli.fetch import Run, Told

_HINTS: Final[Mapping[str, str]] = {  # where the hint for a command would not help in a file
    "country": 'Say in the job whom it asks about: country = "IR".',
}
One = Callable[["Run", str, Asked, Mapping[str, Any]], "Told"]


@dataclass(frozen=True)
class _Numbered:
    """A job with its number in the file, and the question that it makes."""

    number: int
    job: jobs.Job
    asked: Asked

    @property
    def named(self) -> str:
        return f"job {self.number} ({self.job.said})"


def fetch_jobs(run: Run, file: str, data: bytes, words: Mapping[str, Any], one: One) -> int:
    """Every question of the settings file; the worst of their codes."""
    frame = run.frame
    known = {name: tuple(service.options) for name, service in fetching.SERVICES.items()}
    given = jobs.load(data, services=known, where=file)
    if not given:
        raise UsageError("there is no job in it", where=file, hint="docs/daily.md shows one.")
    numbered = [_Numbered(number, job, _question(run, job)) for number, job in enumerate(given, 1)]
    for each in numbered:
        _check(each, file)
    told: list[fetched.Job] = []
    for each in numbered:
        if run.over():
            break
        frame.notes.note(f"job {each.number}: {each.job.said}", job=each.number)
        told.append(_one(run, each, words, one))
    told += _not_asked(run, numbered[len(told) :])
    if words["as_json"]:
        fetched.write_json(fetched.Jobs(tuple(told)))
    return max((each.exit for each in told), default=DONE)


def _question(run: Run, job: jobs.Job) -> Asked:
    now = datetime.now(UTC).replace(tzinfo=None)
    return Asked(
        since=job.since, until=job.until or now, now=now, country=job.country, networks=job.networks,
        tests=job.tests, options=job.options, base=job.base or run.mirrored(job.source),
    )  # fmt: skip


def _check(each: _Numbered, file: str) -> None:
    where = f"{file}, job {each.number}"
    try:
        fitting.rehearse(fetching.service_of(each.job.source), each.asked)
    except fitting.Misfit as fault:
        hint = _HINTS.get(fault.word, fault.hint)
        raise UsageError(fault.what, where=f"{where}, {fault.word}", hint=hint) from None
    except Error as fault:
        raise fault.at(where) from None


def _one(run: Run, each: _Numbered, words: Mapping[str, Any], one: One) -> fetched.Job:
    """One job; what goes wrong with it is told with its number, and is its own."""
    notes, code, error = run.frame.notes, DONE, None
    told: Told | None = None
    try:
        told = one(run, each.job.source, each.asked, words)
        if not words["as_json"]:
            fetched.write_text(told.counts or told.plan, f"{each.number} {each.job.said}")
        code = told.verdict(strict=words["strict"])
    except Error as fault:
        if fault.where == "stdout":
            raise
        error, code = fetched.fault_of(fault), fault.exit_code
        notes.error(fault.at(f"job {each.number}"), exit_code=code)
    plan, counts = (None, None) if told is None else (told.plan, told.counts)
    return _told(each, code, error, plan, counts)


def _not_asked(run: Run, rest: Sequence[_Numbered]) -> list[fetched.Job]:
    if not rest:
        return []
    hint = "Run the same command again, or raise fetch_total"
    what = f"the time for this run is over ({run.total:g} s)"
    named = ", ".join(each.named for each in rest)
    run.frame.notes.error(FetchError(f"{what}; not asked: {named}", hint=hint), exit_code=USAGE)
    fault = fetched.Fault(f"{what}; it was not asked", None, hint)
    return [_told(one, USAGE, fault, None, None) for one in rest]


def _told(
    each: _Numbered, code: int, error: fetched.Fault | None, plan: Planned | None, counts: Counts | None
) -> fetched.Job:
    return fetched.Job(each.number, each.job.source, each.job.country, code, error, plan, counts)
