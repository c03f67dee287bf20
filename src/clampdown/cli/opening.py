"""Law: what a command opens is opened here: the store, the reader's reference files, the limits of the settings.

Imports of the core stand inside the functions, so that help and usage errors cost nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from clampdown.cli.frame import Frame, setting
from clampdown.errors import InputError, UsageError

if TYPE_CHECKING:
    from clampdown.intake.containers import Limits
    from clampdown.reference import Reference
    from clampdown.store.store import Filter, Store

_MOST = 256 << 20  # of one reference file: the upstream lists are below 10 MB


def open_store(frame: Frame, *, create: bool = False) -> Store:
    """The store of the settings."""
    from clampdown.pipeline import open_storage
    from clampdown.store.storage import LocalStorage

    folder = frame.store()
    return open_storage(LocalStorage(folder), folder, create=create)


def open_reference(frame: Frame) -> Reference | None:
    """The package's own reference extended by the files of `--reference`; None where none is named."""
    if frame.settings.reference is None:
        return None
    from clampdown.reference import load_reference

    top = Path(frame.settings.reference)
    if not top.is_dir():
        raise InputError("there is no such folder", where=str(top), hint="--reference takes a folder of files.")
    files = sorted(p for p in top.rglob("*") if p.is_file() and not p.name.startswith("."))
    large = next((p for p in files if p.stat().st_size > _MOST), None)
    if large is not None:
        raise InputError("is too large for reference data", where=str(large))
    made = load_reference({p.relative_to(top).as_posix(): p.read_bytes() for p in files})
    for problem in made.problems[:10]:
        frame.notes.warn(f"reference: {problem}")
    if len(made.problems) > 10:
        frame.notes.warn(f"reference: and {len(made.problems) - 10} more rows that cannot be used")
    return made


def limits(frame: Frame) -> Limits:
    """The limits on strangers' files."""
    from clampdown.intake.containers import Limits

    s = frame.settings
    return Limits(s.limit_record, s.limit_nesting, s.limit_expansion, s.limit_expansion_floor, s.limit_members)


def network_number(text: str | None) -> int | None:
    """AS64500 or 64500."""
    if text is None:
        return None
    digits = text.upper().removeprefix("AS")
    if not digits.isdecimal() or not 0 < int(digits) < 1 << 32:
        raise UsageError(f"{text!r} is not a network", hint="Write AS64500.")
    return int(digits)


def asked(country: str | None, since: str | None, until: str | None, target: str | None, network: str | None) -> Filter:
    """Rows that the options ask for."""
    from clampdown.store.store import Filter, moment

    number = network_number(network)
    return Filter(
        since=moment(since),
        until=moment(until),
        countries=frozenset({country.upper()} if country else ()),
        networks=frozenset({number} if number else ()),
        targets=frozenset({target} if target else ()),
    )


def row_options(command: Any) -> Any:
    """Options that choose rows of a store."""
    import click

    for option in (
        click.option("--network", metavar="AS", help="Only this network, such as AS64500."),
        click.option("--target", metavar="TARGET", help="Only this target, such as telegram/web."),
        click.option("--until", metavar="TIME", help="Before this time (UTC); a date means its midnight."),
        click.option("--since", metavar="TIME", help="From this time on (UTC)."),
        click.option("--country", metavar="CC", help="Only this country."),
    ):
        command = option(command)
    return command


workers_option = setting("--workers", metavar="N", help="Processes (default: every core).")


def say_rejects(frame: Frame, rejects: dict[str, int]) -> None:
    """Records that could not be read, by reason, as one note."""
    if rejects:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(rejects.items()))
        frame.notes.warn(f"{sum(rejects.values()):,} records could not be read: {reasons}", rejects=rejects)
