"""Law: reference data are brought and said one by one, with date, licence and digest; no number changes by it alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clampdown.cli.frame import (
    DONE,
    USAGE,
    Frame,
    common,
    open_frame,
    reference_option,
    setting,
    store_option,
    write_file,
    write_stdout,
)
from clampdown.cli.opening import open_reference, open_store
from clampdown.errors import InputError, UsageError

if TYPE_CHECKING:
    from clampdown.fetch.client import Client
    from clampdown.pipeline.references import SnapshotRow
    from clampdown.pipeline.updating import Step, Updated
    from clampdown.reference.locks import Lock
    from clampdown.store.store import Store

_OWN: Final = "clampdown/"


@click.command("update")
@store_option
@click.option("--country", "countries", multiple=True, metavar="CC", help="Also its URL testing list; more than once.")
@click.option("--only", multiple=True, metavar="KIND", help="Only fingerprints, test-list, delegated or networks.")
@click.option("--from", "base", metavar="PLACE", help="A mirror: its address, or a folder.")
@click.option("--pin", metavar="FILE", help="Bring what FILE names by digest; where there is no FILE, write it.")
@click.option("--list", "listing", is_flag=True, help="Ask nobody: only list what the store uses.")
@click.option("--file", "files", multiple=True, metavar="FILE", help="A published list of shutdowns, to be read in.")
@click.option("--dry-run", is_flag=True, help="Ask and check, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
@setting("--proxy", metavar="URL", help="Proxy: http://host:port, socks5h://host:port.")
@setting("--fetch-total", "--total", metavar="SECONDS", help="Stop after this time.")
@reference_option
@common
@click.pass_context
def command(context: click.Context, **words: Any) -> int:
    """Bring reference data up to date: fingerprints, testing lists, and what else the store uses.

    What comes is checked, kept by digest and used from now on; a snapshot that is broken, cut or older is refused, and
    the one that is here stays (exit code 2). Days that were judged stay as they are until clampdown judge. Tables of
    networks (--only networks) and registries' statistics (--only delegated) are large and come when asked for. The
    files of --reference are taken into the set.
    """
    frame = open_frame(context)
    _fit(words)
    pin = None if words["pin"] is None else Path(words["pin"])
    lock = None if pin is None or words["listing"] else _lock(pin)
    store = open_store(frame, create=not words["dry_run"] and not words["listing"])
    made = None if words["listing"] else _update(frame, store, lock, words)
    from clampdown.pipeline.references import snapshots

    rows = snapshots(store) if made is None else made.snapshots
    today = datetime.now(UTC).date()
    write_stdout(_json(rows, made, today) if words["as_json"] else _text(rows, made, today))
    if made is not None:
        _say(frame, made, dry=words["dry_run"])
    if words["files"]:
        _read_in(frame, store, words["files"])
    if made is not None and made.refused:
        if pin is not None and lock is None:
            frame.notes.warn(f"{pin} was not written, since not all of it could be brought")
        return USAGE
    if pin is not None and lock is None and not words["dry_run"]:
        _write(frame, store, pin)
    return DONE


def _fit(words: Mapping[str, Any]) -> None:
    if words["listing"] and (words["dry_run"] or words["base"] or words["countries"] or words["only"]):
        raise UsageError("--list asks nobody", hint="It goes with --pin and --json alone.")
    if words["files"] and (words["dry_run"] or words["listing"]):
        raise UsageError("--file reads a list into the store", hint="Leave out --dry-run and --list.")


def _lock(path: Path) -> Lock | None:
    """The lock of this file; None where there is none yet."""
    from clampdown.reference.locks import read

    try:
        return read(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise InputError(f"cannot be read: {fault.strerror}", where=str(path)) from None


def _write(frame: Frame, store: Store, path: Path) -> None:
    from clampdown.pipeline.updating import lock_of
    from clampdown.reference.locks import write

    if path.exists():
        hint = "Name a new file, or move this one away."
        raise UsageError("the lock is there already, and was not written over", where=str(path), hint=hint)
    lock = lock_of(store)
    write_file(path, write(lock))
    frame.notes.note(f"wrote {path}: {len(lock.snapshots):,} snapshots, reference {lock.reference[:12]}")
    for one in lock.snapshots:
        if not one.address:
            frame.notes.warn(f"{one.name} was given by hand: whoever uses {path} needs a copy of it (--from)")


def _update(frame: Frame, store: Store, lock: Lock | None, words: Mapping[str, Any]) -> Updated:
    from clampdown.pipeline.updating import bring_locked, update

    reference = open_reference(frame)
    extra = None if reference is None else reference.given
    with _client(frame) as client, frame.notes.progress("update"):
        told: dict[str, Any] = {
            "client": client,
            "base": words["base"] or _mirrored(frame),
            "extra": extra,
            "dry": words["dry_run"],
            "tell": frame.notes.detail,
        }
        if lock is not None:
            if words["countries"] or words["only"]:
                raise UsageError("a lock names its snapshots itself", hint="Leave out --country and --only.")
            return bring_locked(store, lock, **told)
        return update(store, countries=words["countries"], only=words["only"], **told)


def _mirrored(frame: Frame) -> str | None:
    """Where the mirror of the settings holds reference data."""
    mirror = frame.settings.mirror
    return None if mirror is None else f"{mirror.rstrip('/')}/reference"


def _client(frame: Frame) -> Client:
    from clampdown.fetch.client import Client
    from clampdown.fetch.manners import Manners

    return Client(Manners(total=float(frame.settings.fetch_total), proxy=frame.settings.proxy))


def _read_in(frame: Frame, store: Store, files: tuple[str, ...]) -> None:
    """Published lists say what happened: they go to the records, not to the reference data."""
    from clampdown.pipeline.api import ingest

    done = ingest(files, store, workers=1)
    frame.notes.note(f"read in: {done.published:,} published records that are new, {done.rejected:,} rejects")


def _say(frame: Frame, made: Updated, *, dry: bool) -> None:
    why: dict[str, list[Step]] = {}
    for step in made.refused:
        why.setdefault(step.why, []).append(step)
    for text, steps in why.items():
        names = ", ".join(step.upstream for step in steps)
        kept = "; what is here stays" if any(step.was for step in steps) else ""
        frame.notes.warn(f"{names}: {text}{kept}", upstreams=[step.upstream for step in steps])
    for step in made.steps:
        if step.state == "none":
            frame.notes.note(f"{step.upstream}: {step.why}")
        if step.note:
            frame.notes.warn(f"{step.upstream}: {step.note}")
    if frame.settings.reference:
        text = f"the files of {frame.settings.reference} are in the store's set now: other commands need no --reference"
        frame.notes.note(f"{text} (with it they use that folder alone)")
    if made.before != made.after:
        verb = "would use" if dry else "uses" if made.adopted else "keeps using"
        frame.notes.note(f"the store {verb} reference {made.after[:12]}, before {(made.before or 'none')[:12]}")
    if made.stale:
        text = f"{len(made.stale):,} judged days were made with another reference and stay as they are until"
        frame.notes.warn(f"{text} clampdown judge --store {frame.store()}", days=made.stale)
    if made.bodies:
        text = "fingerprints over bodies changed; bodies that were read before keep their matches of then until"
        frame.notes.warn(f"{text} clampdown ingest --again RAW --store {frame.store()}")


def _change(step: Step | None) -> str:
    if step is None or step.state == "same":
        return ""
    if step.state == "changed":
        return f"+{step.added:,} -{step.removed:,}"
    return step.state


def _age(row: SnapshotRow, today: date) -> int | None:
    return (today - date.fromisoformat(row.date)).days if row.date else None


def _listed(rows: tuple[SnapshotRow, ...]) -> list[SnapshotRow]:
    """The package's own tables count as one: they have its version."""
    return [row for row in rows if not row.name.startswith(_OWN)]


def _text(rows: tuple[SnapshotRow, ...], made: Updated | None, today: date) -> bytes:
    steps = {step.name: step for step in made.steps} if made is not None else {}
    lines = [("snapshot", "date", "age", "rows", "changed", "licence", "digest")]
    for row in _listed(rows):
        age = _age(row, today)
        lines.append((
            row.name, f"{row.date or '-'}{'' if row.dated else '?'}", "-" if age is None else f"{age:,} d",
            "" if row.rows is None else f"{row.rows:,}", _change(steps.get(row.name)), row.licence, row.digest[:12],
        ))  # fmt: skip
    here = {row.name for row in rows}
    for step in steps.values():
        if step.name not in here:  # what a dry run would take, or what was never here
            rows_said = "" if step.rows is None else f"{step.rows:,}"
            lines.append((step.name or step.upstream, "", "", rows_said, _change(step), "", ""))
    from importlib.metadata import version

    own = sum(row.name.startswith(_OWN) for row in rows)
    lines.append((f"{own} tables of Clampdown", version("clampdown"), "", "", "", "CC0-1.0", ""))
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    told = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return "".join(f"{line}\n" for line in told).encode("utf-8", "replace")


def _json(rows: tuple[SnapshotRow, ...], made: Updated | None, today: date) -> bytes:
    document: dict[str, Any] = {"snapshots": [asdict(row) | {"age_days": _age(row, today)} for row in rows]}
    if made is not None:
        document |= {
            "steps": [asdict(step) for step in made.steps],
            "before": made.before,
            "after": made.after,
            "adopted": made.adopted,
            "stale_days": list(made.stale),
            "body_fingerprints_changed": made.bodies,
        }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
