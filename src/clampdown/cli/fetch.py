"""Law: a service, a country and a period in, a store grown by what was published; what is to be done is said first."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clampdown.cli import fetched
from clampdown.cli.frame import DONE, Frame, common, open_frame, setting, settings_file, store_option, write_stdout
from clampdown.cli.opening import open_store, workers_option
from clampdown.cli.settings import text
from clampdown.errors import UsageError

if TYPE_CHECKING:
    from clampdown.cli.fetched import Counts, Planned
    from clampdown.fetch.client import Client
    from clampdown.fetch.ledger import Ledger
    from clampdown.fetch.wanted import Asked
    from clampdown.pipeline.fetching import Fetched, Plan
    from clampdown.store.store import Store


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
    run = Run(open_frame(context))
    if service == "jobs":
        return _jobs(run, context, country, words)
    asked = _asked(run, service, country, words)
    if service == "ooni-api" and "aggregation" in asked.options:
        return _counts(run, asked)
    told = _one(run, service, asked, words)
    if words["as_json"]:
        fetched.write_json(told.plan if told.counts is None else fetched.answered(told.plan, told.counts))
    else:
        fetched.write_text(told.counts or told.plan)
    return told.verdict(strict=words["strict"])


class Run:
    """What all questions of one command share: settings, tokens, and the time that is left."""

    def __init__(self, frame: Frame) -> None:
        from clampdown.cli.tokens import Tokens

        self.frame = frame
        self.tokens = Tokens(frame)
        self.total = float(frame.settings.fetch_total)
        self._begun = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._begun

    def over(self) -> bool:
        """Is no time left?"""
        return 0 < self.total <= self.spent

    def mirrored(self, service: str) -> str | None:
        """Where the mirror of the settings holds this service."""
        mirror = self.frame.settings.mirror
        return None if mirror is None else f"{mirror.rstrip('/')}/{service}"

    def client(self, service: str) -> Client:
        """A client with the manners that the service is known to want."""
        from clampdown.fetch.client import Client
        from clampdown.fetch.known import known
        from clampdown.fetch.manners import Manners

        settings, row = self.frame.settings, known(service)
        parallel, spent = settings.fetch_parallel or row.parallel, self.spent
        return Client(Manners(parallel=parallel, pause=row.pause, total=self.total, spent=spent, proxy=settings.proxy))


@dataclass(frozen=True)
class Told:
    """A question that was planned, and (but for `--dry-run`) answered."""

    plan: Planned
    done: Fetched | None = None

    @property
    def counts(self) -> Counts | None:
        """What was brought."""
        return None if self.done is None else fetched.counted(self.done)

    def verdict(self, *, strict: bool) -> int:
        """The exit code; an error where not all was had."""
        return DONE if self.done is None else fetched.verdict(self.done, strict=strict)


def _counts(run: Run, asked: Asked) -> int:
    """What OONI counts, handed out as it is: counts of others are no measurements."""
    from clampdown.fetch import fitting
    from clampdown.fetch.services import ooni_api

    fitting.check(ooni_api.SERVICE, asked)
    options = {name: values for name, values in asked.options.items() if name != "aggregation"}
    with run.client("ooni-api") as client:
        write_stdout(ooni_api.aggregation(replace(asked, options=options), client))
    run.frame.notes.note("counts as OONI made them, by its own scores; under its terms: CC BY-NC-SA 4.0")
    return DONE


def _jobs(run: Run, context: click.Context, country: str | None, words: Mapping[str, Any]) -> int:
    """Every question of the settings file."""
    if country is not None or any(words[name] for name in ("since", "until", "tests", "networks", "options", "base")):
        raise UsageError(
            "jobs takes its questions from the settings file", hint="Leave country, period and options out."
        )
    from clampdown.cli.daily import fetch_jobs

    file, data = settings_file(context)
    return fetch_jobs(run, file, data, words, _one)


def _one(run: Run, service: str, asked: Asked, words: Mapping[str, Any]) -> Told:
    """Plan, say the plan, and do it."""
    from clampdown.fetch import fitting
    from clampdown.fetch.ledger import Ledger, RawLock
    from clampdown.pipeline import fetching

    frame, wanted = run.frame, fetching.service_of(service)
    fitting.check(wanted, asked)  # before the store and its folder are touched
    asked = replace(asked, token=run.tokens.of(wanted))
    held = open_store(frame, create=not words["dry_run"]) if _has_store(frame, words["dry_run"]) else None
    root = _raw(frame)
    with run.client(service) as client:
        lock = None if words["dry_run"] else RawLock(root)
        try:
            ledger = Ledger(root)
            ledger.known = held.manifest().inputs if held is not None else ()
            with frame.notes.progress("list") as tell:
                made = fetching.plan(wanted, asked, client, ledger, tell, fresh=words["fresh"])
            _say_unused(frame, made)
            fetched.say_plan(frame, made)
            if words["dry_run"] or held is None:
                return Told(fetched.planned(made))
            done = _fetch(frame, made, held, client, ledger, words)
        finally:
            if lock is not None:
                lock.release()
    fetched.say_faults(frame, done)
    return Told(fetched.planned(made), done)


def _say_unused(frame: Frame, made: Plan) -> None:
    """Files of routes are of the whole world, and the country that one has in mind chooses nothing of them."""
    service, country = made.service, made.asked.country
    if country is not None and "country" not in service.needs | service.takes:
        frame.notes.note(f"{service.name} has no files of one country: {country} chooses nothing of them")


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


def _asked(run: Run, service: str, country: str | None, words: Mapping[str, Any]) -> Asked:
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
        base=run.mirrored(service) if words["base"] is None else text("--from", words["base"]),
    )


def _options(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{one!r} is no option of a service", hint="Write it as name=value.")
        text("--option", one)
        found.setdefault(name.strip(), []).extend(part.strip() for part in value.split(",") if part.strip())
    return {name: tuple(values) for name, values in sorted(found.items())}
