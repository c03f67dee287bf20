"""Law: a report holds or it does not; every number that does not is named, with what the rows give instead."""

from __future__ import annotations

from pathlib import Path

import click

from clampdown.cli.frame import DONE, NO, common, open_frame, store_option, write_stdout
from clampdown.cli.notes import plain
from clampdown.cli.opening import open_store
from clampdown.cli.report import beside
from clampdown.errors import InputError


@click.command("verify")
@click.argument("report", metavar="REPORT.JSON")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Every number with what was stated and what was found.")
@common
@click.pass_context
def command(context: click.Context, report: str, as_json: bool) -> int:
    """Recompute every number of a report.

    From the verdicts of the store that the report names: those of the witnesses.csv beside it, where it lies there.
    Exit code 1 if any number does not hold.
    """
    frame = open_frame(context)
    path = Path(report)
    data = _read(path)
    list_path = beside(path.with_suffix(".html"))[1]
    witnesses = _read(list_path) if list_path.is_file() else None
    from clampdown.pipeline.answers import verify

    proof = verify(open_store(frame), data, witnesses)
    if witnesses is None:
        frame.notes.note(f"without {list_path}, measurements that came later count as well")
    if as_json:
        import msgspec

        write_stdout(msgspec.json.format(msgspec.json.encode(proof), indent=2) + b"\n")
    else:
        wrong = [c for c in proof.checks if not c.holds]
        lines = [f"does not hold: {plain(c.number)}: stated {c.stated!r}, found {c.found!r}\n" for c in wrong]
        lines.append(f"{proof.numbers - proof.failed:,} of {proof.numbers:,} numbers hold\n")
        write_stdout("".join(lines).encode("utf-8", "replace"))
    for note in proof.notes:
        frame.notes.note(_said(note))
    return DONE if proof.holds else NO


def _said(note: str) -> str:
    kind, _, count = note.partition(":")
    return f"{count} verdicts came after the report and were left out" if kind == "later" else note


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise InputError(f"cannot be read: {fault.strerror}", where=str(path)) from None
