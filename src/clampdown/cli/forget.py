"""Law: what goes is said before and after it went, what stays is said with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from clampdown.cli.frame import common, open_frame, store_option, write_stdout
from clampdown.cli.notes import plain
from clampdown.cli.opening import open_store, raw_option
from clampdown.cli.status import in_runs
from clampdown.errors import amount

if TYPE_CHECKING:
    from clampdown.pipeline.forgetting import Forgotten

_KEPT: Final = {
    "both": "{:,} fetched files stay: they also hold later days",
    "untold": "{:,} fetched files stay: nothing tells which days they hold",
    "unread": "{:,} fetched files stay: they were not read yet",
    "shared": "{:,} fetched files stay: they are the same bytes as others that stay",
}


@click.command("forget")
@store_option
@raw_option
@click.option("--before", metavar="DAY", required=True, help="The first day that stays, such as 2021-03-01.")
@click.option("--raw-only", is_flag=True, help="Remove fetched files alone; the store keeps what it read of them.")
@click.option("--dry-run", is_flag=True, help="Say what would go and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@common
@click.pass_context
def command(context: click.Context, before: str, raw_only: bool, dry_run: bool, as_json: bool) -> None:
    """Remove old days from a store, and their files.

    Days before DAY go in one commit, with the fetched files that hold nothing else: those that only these days name;
    of files that no day names (all their records were copies), those whose names say dates before DAY alone. Files
    that also hold later days stay. The ledger remembers that it was done on purpose. Records without a usable time
    stay. After an interruption the same command does the rest.
    """
    frame = open_frame(context)
    from clampdown.pipeline.keeping import forget

    found = forget(open_store(frame), before, raw=frame.settings.raw, raw_only=raw_only, dry_run=dry_run)
    if as_json:
        import msgspec

        write_stdout(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    else:
        write_stdout("".join(f"{plain(line)}\n" for line in _text(found)).encode())
    if dry_run:
        frame.notes.note("nothing was removed (--dry-run)")
    if found.inputs_unnamed:
        frame.notes.note(
            f"{found.inputs_unnamed:,} of the inputs are in no ledger that was looked into: where they were fetched to "
            "another folder, the same command with --raw DIR removes their files"
        )
    if found.stale and not dry_run:
        frame.notes.warn(
            "findings, events and outages are of other days than the store holds now: "
            f"clampdown detect --store {frame.store()}"
        )


def _text(found: Forgotten) -> Iterator[str]:
    went = "went" if found.done else "would go"
    runs = in_runs(found.days)
    if not found.raw_only:
        yield f"days          {runs or 'none'} {went}, {amount(found.table_bytes)} of tables"
        yield f"inputs        {found.inputs:,} {went}; they can be ingested again"
    yield f"files         {found.files:,} fetched files {went}, {amount(found.file_bytes)}"
    if found.inputs_both and not found.raw_only:
        yield f"stays         {found.inputs_both:,} inputs stay: they also hold later days"
    if found.inputs_untold and not found.raw_only:
        yield f"stays         {found.inputs_untold:,} inputs stay: nothing tells which days they hold"
    for why, count in found.files_kept.items():
        yield f"stays         {_KEPT[why].format(count)}"
    if found.undated and not found.raw_only:
        yield "stays         records without a usable time stay"
