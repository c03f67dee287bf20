"""Law: a report holds or it does not; every number that does not is named, with what the rows give instead."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from clampdown.cli.frame import DONE, NO, common, open_frame, reference_option, store_option, write_stdout
from clampdown.cli.notes import plain
from clampdown.cli.opening import open_reference, open_store
from clampdown.cli.report import beside
from clampdown.errors import InputError, UsageError

if TYPE_CHECKING:
    from clampdown.evidence import Value

LONGEST: Final = 90  # characters of a value in a line


@click.command("verify")
@click.argument("report", metavar="REPORT.JSON|FEED")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Every number with what was stated and what was found.")
@click.option("--key", metavar="PUBLIC.pem", help="Of a feed: the public key of whoever runs it.")
@reference_option
@common
@click.pass_context
def command(context: click.Context, report: str, as_json: bool, key: str | None) -> int:
    """Recompute every number of a report, or check a feed.

    From the verdicts of the store that the report names: those of the witnesses.csv beside it, where it lies there.
    The names, the rules, the reference data and the terms that it gives are held against those of the store.
    Thresholds other than this version's are used as the report gives them, and said.
    Exit code 1 if anything does not hold.
    Of a folder that `clampdown access --feed` wrote, the signature, the digests and the forms are checked step by step;
    no store is needed.
    """
    frame = open_frame(context)
    path = Path(report)
    if key is not None and path.is_file():
        hint = "Leave out --key to check a report, or name the folder of a feed."
        raise UsageError("--key is of a feed, which is a folder", where=report, hint=hint)
    if path.is_dir() or key is not None:
        from clampdown.cli.access_feed import check

        return check(frame, report, key, as_json=as_json)
    data = _read(path)
    list_path = beside(path.with_suffix(".html"))[1]
    witnesses = _read(list_path) if list_path.is_file() else None
    from clampdown.pipeline.answers import verify

    try:
        proof = verify(open_store(frame), data, witnesses, reference=open_reference(frame))
    except InputError as fault:
        raise fault if fault.where else fault.at(report) from None
    if witnesses is None:
        frame.notes.note(f"without {list_path}, measurements that came later count as well")
    if as_json:
        import msgspec

        write_stdout(msgspec.json.format(msgspec.json.encode(proof), indent=2) + b"\n")
    else:
        wrong = [c for c in proof.checks if not c.holds]
        lines = [
            f"does not hold: {plain(c.number)}: stated {_value(c.stated)}, found {_value(c.found)}\n" for c in wrong
        ]
        lines.append(f"{proof.numbers - proof.failed:,} of {proof.numbers:,} numbers hold\n")
        write_stdout("".join(lines).encode("utf-8", "replace"))
    for note in proof.notes:
        say = frame.notes.note if note.startswith("later:") else frame.notes.warn
        say(_said(note))
    return DONE if proof.holds else NO


def _value(value: Value) -> str:
    """A value as it is, cut where it is endless."""
    text = "nothing" if value is None else repr(value)
    return plain(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def _said(note: str) -> str:
    kind, _, rest = note.partition(":")
    said = {
        "later": f"verdicts that the store holds and the list of witnesses does not name, left out here: {rest}",
        "thresholds": f"the report's thresholds are not those of this version ({rest}); "
        "every number was counted again with the report's own",
        "timeline": "the store now holds events, and this report was written without them; that is not held against it",
        "signals": "the store holds signals or outages that this report was written without; that is not held against "
        "it",
        "version": f"the report says that version {rest} made it; this is {version('clampdown')}",
    }
    return plain(said.get(kind, note))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise InputError(f"cannot be read: {fault.strerror}", where=str(path)) from None
