"""Law: a service, a country and a period in, a store grown by what was published; the plan is said before it is done.

Tokens come from a file or the environment, and go nowhere but to their service.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clampdown.cli.frame import (
    DONE,
    NO,
    Frame,
    common,
    open_frame,
    setting,
    settings_file,
    store_option,
    write_stdout,
)
from clampdown.cli.opening import open_store, say_rejects, unread, workers_option
from clampdown.errors import Error, InputError, UsageError

if TYPE_CHECKING:
    from clampdown.fetch.client import Client
    from clampdown.fetch.ledger import Ledger
    from clampdown.fetch.wanted import Asked, Secret
    from clampdown.pipeline.fetching import Fetched, Plan
    from clampdown.store.store import Store

_SAID: Final = 10  # failed files that are named


@click.command("fetch")
@click.argument("service", metavar="SERVICE")
@click.argument("country", required=False, metavar="[COUNTRY]")
@click.option("--since", metavar="TIME", help="From this time on (UTC); a date means its midnight.")
@click.option("--until", metavar="TIME", help="Before this time (UTC). Default: now.")
@click.option("--test", "tests", multiple=True, metavar="TEST", help="OONI: only this test; may be given again.")
@click.option("--network", "networks", multiple=True, metavar="AS", help="Also this network, such as AS64500.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="A word of the service's own.")
@click.option("--from", "base", metavar="PLACE", help="A mirror: its address, or a folder.")
@click.option("--fresh", is_flag=True, help="List again what was listed before.")
@click.option("--dry-run", is_flag=True, help="Say the plan and bring nothing.")
@click.option("--no-keep", is_flag=True, help="Remove fetched files after they are read.")
@click.option("--no-judge", is_flag=True, help="Only read and settle; judge later.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any record could not be read.")
@setting("--raw", metavar="DIR", help="Folder of fetched files (default: raw, in the store).")
@setting("--raw-cap", metavar="N", help="Bytes that fetched files may take (50G).")
@setting("--proxy", metavar="URL", help="Proxy: http://host:port, socks5h://host:port.")
@setting("--fetch-parallel", "--parallel", metavar="N", help="Connections at once (default: the service's own).")
@setting("--fetch-total", "--total", metavar="SECONDS", help="Stop after this time; the next run goes on.")
@setting("--token-file", metavar="FILE", help="File with the service's token.")
@store_option
@workers_option
@common
@click.pass_context
def command(context: click.Context, service: str, country: str | None, **words: Any) -> int:
    """Bring public data of a country and a period into a store.

    SERVICE is ooni, ooni-api, ioda, tor-metrics, radar, google, ris or routeviews (docs/sources.md says what each
    has), or jobs: all the questions of clampdown.toml. Nothing is brought twice; after an interruption the same
    command goes on. What is asked for is the time of measurement, not of upload.
    """
    frame = open_frame(context)
    if service == "jobs":
        return _jobs(frame, context, country, words)
    asked = _asked(frame, service, country, words)
    if service == "ooni-api" and "aggregation" in asked.options:
        return _counts(frame, asked)
    return _one(frame, service, asked, words)


def _counts(frame: Frame, asked: Asked) -> int:
    """What OONI counts, handed out as it is: counts of others are no measurements."""
    from dataclasses import replace

    from clampdown.fetch.services import ooni_api

    options = {name: values for name, values in asked.options.items() if name != "aggregation"}
    with _client(frame, "ooni-api") as client:
        write_stdout(ooni_api.aggregation(replace(asked, options=options), client))
    frame.notes.note("counts as OONI made them, by its own scores; under its terms: CC BY-NC-SA 4.0")
    return DONE


def _jobs(frame: Frame, context: click.Context, country: str | None, words: Mapping[str, Any]) -> int:
    """Every question of the settings file, each whether or not the one before it was answered."""
    from clampdown.cli import jobs
    from clampdown.fetch.wanted import Asked
    from clampdown.pipeline import fetching

    if country is not None or any(words[name] for name in ("since", "until", "tests", "networks", "options", "base")):
        raise UsageError(
            "jobs takes its questions from the settings file", hint="Leave country, period and options out."
        )
    file, data = settings_file(context)
    known = {name: tuple(one.options) for name, one in fetching.SERVICES.items()}
    asked = jobs.load(data, services=known, where=file)
    if not asked:
        raise UsageError("there is no job in it", where=file, hint="docs/daily.md shows one.")
    worst = DONE
    for job in asked:
        now = datetime.now(UTC).replace(tzinfo=None)
        question = Asked(
            since=job.since, until=job.until or now, now=now, country=job.country, networks=job.networks,
            tests=job.tests, options=job.options, base=job.base or _mirrored(frame, job.source),
            token=token_of(frame, job.source),
        )  # fmt: skip
        frame.notes.note(f"job: {job.said}")
        try:
            worst = max(worst, _one(frame, job.source, question, words))
        except Error as fault:
            frame.notes.error(fault, exit_code=fault.exit_code)
            worst = max(worst, fault.exit_code)
    return worst


def _one(frame: Frame, service: str, asked: Asked, words: Mapping[str, Any]) -> int:
    """Plan, say the plan, and do it."""
    from clampdown.fetch.ledger import Ledger, RawLock
    from clampdown.pipeline import fetching

    wanted = fetching.service_of(service)
    held = open_store(frame, create=not words["dry_run"]) if _has_store(frame, words["dry_run"]) else None
    root = _raw(frame)
    with _client(frame, service) as client:
        lock = None if words["dry_run"] else RawLock(root)
        try:
            ledger = Ledger(root)
            ledger.known = held.manifest().inputs if held is not None else ()
            with frame.notes.progress("list") as tell:
                made = fetching.plan(wanted, asked, client, ledger, tell, fresh=words["fresh"])
            _say_plan(frame, made)
            if words["dry_run"] or held is None:
                write_stdout(_plan_json(made) if words["as_json"] else _plan_text(made))
                return DONE
            done = _fetch(frame, made, held, client, ledger, words)
        finally:
            if lock is not None:
                lock.release()
    return _report(frame, made, done, words)


def _fetch(frame: Frame, made: Plan, held: Store, client: Client, ledger: Ledger, words: Mapping[str, Any]) -> Fetched:
    from clampdown.pipeline import fetching

    settings = frame.settings
    with frame.notes.progress("fetch") as tell:
        return fetching.fetch(
            made, held, client, ledger,
            keep=settings.raw_keep and not words["no_keep"],
            cap=settings.raw_cap or None,
            judge=not words["no_judge"],
            workers=settings.workers,
            tell=tell,
        )  # fmt: skip


def _has_store(frame: Frame, dry: bool) -> bool:
    """A plan needs no store; what is here already is told where there is one."""
    if not dry:
        frame.store()
        return True
    if frame.settings.store is None:
        return False
    from clampdown.pipeline.api import storage_at
    from clampdown.store.manifest import exists

    return exists(storage_at(frame.settings.store))


def _raw(frame: Frame) -> Path:
    settings = frame.settings
    if settings.raw is not None:
        return Path(settings.raw)
    if settings.store is not None and "://" in settings.store:
        raise UsageError("fetched files need a folder on this machine", hint="Name one with --raw DIR.")
    from clampdown.store.storage import RAW

    return Path(settings.store or ".") / RAW


def _client(frame: Frame, service: str) -> Client:
    """A client with the manners that the service is known to want."""
    from clampdown.fetch.client import Client
    from clampdown.fetch.known import known
    from clampdown.fetch.manners import Manners

    settings, row = frame.settings, known(service)
    parallel, total = settings.fetch_parallel or row.parallel, float(settings.fetch_total)
    return Client(Manners(parallel=parallel, pause=row.pause, total=total, proxy=settings.proxy))


def _asked(frame: Frame, service: str, country: str | None, words: Mapping[str, Any]) -> Asked:
    from clampdown.fetch.wanted import Asked
    from clampdown.store.store import country_code, moment, network_number

    now = datetime.now(UTC).replace(tzinfo=None)
    since, options = moment(words["since"]), _options(words["options"])
    if since is None and "uid" not in options:
        raise UsageError("no period is named", hint="Say --since 2021-03-01 (and --until, unless it is today).")
    return Asked(
        since=since or datetime(2012, 12, 5),  # one measurement by its id needs no period
        until=moment(words["until"]) or now,
        now=now,
        country=None if country is None else country_code(country),
        networks=tuple(sorted({network_number(one) for one in words["networks"]})),
        tests=tuple(sorted({one.strip().lower() for one in words["tests"]})),
        options=options,
        base=words["base"] or _mirrored(frame, service),
        token=token_of(frame, service),
    )


def _mirrored(frame: Frame, service: str) -> str | None:
    """Where the mirror of the settings holds this service."""
    mirror = frame.settings.mirror
    return None if mirror is None else f"{mirror.rstrip('/')}/{service}"


def _options(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{one!r} is no option of a service", hint="Write it as name=value.")
        found.setdefault(name.strip(), []).extend(part.strip() for part in value.split(",") if part.strip())
    return {name: tuple(values) for name, values in sorted(found.items())}


def token_of(frame: Frame, service: str) -> Secret | None:
    """The service's token: the file's first line, else what the environment holds."""
    from clampdown.fetch.known import known
    from clampdown.fetch.wanted import Secret

    file = frame.settings.token_file
    if file is not None:
        try:
            text = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise InputError("the file with the token cannot be read", where=file) from fault
        text = text.split("\n")[0].strip()
        if not text or any(c.isspace() or not c.isprintable() for c in text):
            raise InputError("the file holds no token", where=file, hint="It is one line, with nothing but the token.")
        return Secret(text)
    names = known(service).token
    return next((Secret(os.environ[name]) for name in names if os.environ.get(name)), None)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _say_plan(frame: Frame, made: Plan) -> None:
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


def _plan_facts(made: Plan) -> dict[str, Any]:
    received = made.received
    return {
        "service": made.service.name,
        "since": f"{made.asked.since.isoformat()}Z",
        "until": f"{made.asked.until.isoformat()}Z",
        "uploads_from": None if received is None else f"{received[0].isoformat()}Z",
        "uploads_until": None if received is None else f"{received[1].isoformat()}Z",
        "files": made.files,
        "here": made.here,
        "bytes": made.bytes,
        "files_of_unknown_size": made.unsized,
        "seconds": round(made.seconds),
    }


def _plan_json(made: Plan) -> bytes:
    return json.dumps(_plan_facts(made), indent=2).encode() + b"\n"


def _plan_text(made: Plan) -> bytes:
    rows = [(name.replace("_", " "), value) for name, value in _plan_facts(made).items() if value is not None]
    return "".join(
        f"{name:<24}{value:,}\n" if isinstance(value, int) else f"{name:<24}{value}\n" for name, value in rows
    ).encode()


def _report(frame: Frame, made: Plan, done: Fetched, words: Mapping[str, Any]) -> int:
    from clampdown.pipeline import fetching

    say_rejects(frame, done.rejects, done.unread)
    for line in fetching.failures(done.tally, _SAID):
        frame.notes.warn(line)
    write_stdout(_json(made, done) if words["as_json"] else _text(done))
    tally, failed = done.tally, len(done.tally.failed)
    if failed:
        hint = "The same command asks for them again."
        asked = tally.new + tally.here + tally.gaps + failed  # more than planned, where answers led further
        rest = "the rest is in the store" if tally.new + tally.here else "nothing was brought"
        raise InputError(f"{failed:,} of {asked:,} files could not be had; {rest}", hint=hint)
    return NO if words["strict"] and unread(done.rejects) else DONE


def _facts(done: Fetched) -> dict[str, Any]:
    tally = done.tally
    return {
        "brought": tally.new,
        "here": tally.here,
        "gaps": tally.gaps,
        "failed": len(tally.failed),
        "bytes": tally.bytes,
        "seconds": round(done.seconds, 1),
        "read": done.files,
        "records": done.records,
        "measurements": done.measurements,
        "levels": done.levels,
        "published": done.published,
        "copies": done.copies,
        "rejects": sum(done.rejects.values()),
        "days": len(done.days),
    }


def _json(made: Plan, done: Fetched) -> bytes:
    return json.dumps({"plan": _plan_facts(made), **_facts(done)}, indent=2).encode() + b"\n"


def _text(done: Fetched) -> bytes:
    return "".join(f"{name:<14}{value:,}\n" for name, value in _facts(done).items()).encode()
