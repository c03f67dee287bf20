"""Law: what a command opens is opened here: the store, the reader's reference files, the limits of the settings.

Imports of the core stand inside the functions, so that help and usage errors cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from clampdown.cli.frame import Frame, setting

if TYPE_CHECKING:
    from clampdown.intake.containers import Limits
    from clampdown.model import Reject
    from clampdown.reference import Reference
    from clampdown.store.store import Filter, Store

# What readers of BGP tell of a file whose records were all read: no record is missing.
_TOLD: Final = frozenset({"no_countries", "no_table"})
MOST_PROBLEMS: Final = 10  # said one by one; a list of thousands helps nobody


def open_store(frame: Frame, *, create: bool = False) -> Store:
    """The store of the settings."""
    from clampdown.pipeline import api

    return api.open_store(frame.store(), create=create)


def open_reference(frame: Frame) -> Reference | None:
    """The package's own reference extended by the files of `--reference`; None where none is named."""
    if frame.settings.reference is None:
        return None
    from clampdown.pipeline import api

    made = api.load_reference(frame.settings.reference)
    for problem in made.problems[:MOST_PROBLEMS]:
        frame.notes.warn(f"reference: {problem}")
    if len(made.problems) > MOST_PROBLEMS:
        rest = made.problems[MOST_PROBLEMS:]
        unused = sum(not problem.used for problem in rest)
        frame.notes.warn(f"reference: and {len(rest):,} more rows like these, {unused:,} of them left out")
    return made


def say_stale(frame: Frame, store: Store, reference: Reference | None, *, detected: bool = False) -> None:
    """Whatever is read was made with the rules and the reference data of then; say so where those of now differ."""
    from clampdown.pipeline.references import stale_days

    days = stale_days(store, reference)
    if days:
        given = f" --reference {frame.settings.reference}" if frame.settings.reference else ""
        then = f", then clampdown detect --store {frame.store()}" if detected else ""
        frame.notes.warn(
            f"{len(days):,} days were judged with other rules or reference data than would be used now, and are told "
            f"as they were judged: clampdown judge --store {frame.store()}{given}{then}",
            days=days,
        )


def limits(frame: Frame) -> Limits:
    """The limits on strangers' files."""
    from clampdown.intake.containers import Limits

    s = frame.settings
    return Limits(s.limit_record, s.limit_nesting, s.limit_expansion, s.limit_expansion_floor, s.limit_members)


def asked(store: Store, rows: Mapping[str, str | None]) -> Filter:
    """Rows of a store that the options ask for; a platform's name stands for the targets of its roles."""
    from clampdown.pipeline import api, reference_of

    return api.filter_of(
        since=rows["since"],
        until=rows["until"],
        country=rows["country"],
        network=rows["network"],
        target=rows["target"],
        reference=reference_of(store, None) if rows["target"] else None,
    )


def row_options(command: Any) -> Any:
    """Options that choose rows of a store."""
    import click

    for option in (
        click.option("--network", metavar="AS", help="Only this network, such as AS64500."),
        click.option("--target", metavar="TARGET", help="Only this target or platform: telegram/web, telegram."),
        click.option("--until", metavar="TIME", help="Before this time (UTC); a date means its midnight."),
        click.option("--since", metavar="TIME", help="From this time on (UTC)."),
        click.option("--country", metavar="CC", help="Only this country."),
    ):
        command = option(command)
    return command


raw_option = setting("--raw", metavar="DIR", help="Folder of fetched files (default: raw, in the store).")
workers_option = setting("--workers", metavar="N", help="Processes (default: every core).")


def unread(rejects: Mapping[str, int]) -> bool:
    """Could a record not be read? That is what `--strict` asks."""
    return bool(rejects.keys() - _TOLD)


def say_rejects(frame: Frame, rejects: dict[str, int], first: Sequence[Reject]) -> None:
    """Records that could not be read: the first of them by place, then all by reason."""
    for one in first[:MOST_PROBLEMS]:
        member = "" if one.member is None else f"!{one.member}"
        line = "" if one.line is None else f":{one.line}"
        detail = "" if one.detail is None else f": {one.detail}"
        facts = {"file": one.file, "member": one.member, "line": one.line, "reason": one.reason}
        frame.notes.warn(f"{one.file}{member}{line}: {one.reason}{detail}", **facts)
    if rejects:
        count = sum(rejects.values())
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(rejects.items()))
        named = f" (the first {MOST_PROBLEMS} are named above)" if count > MOST_PROBLEMS else ""
        what = "1 record" if count == 1 else f"{count:,} records"
        frame.notes.warn(f"{what} could not be read: {reasons}{named}", rejects=rejects)
