"""Law: a store is whole, or what is wrong with it is named with what to do, and the exit code is 1 until it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from clampdown.cli.frame import DONE, NO, Frame, common, open_frame, reference_option, store_option, write_stdout
from clampdown.cli.notes import plain
from clampdown.cli.opening import open_reference, raw_option, workers_option
from clampdown.errors import amount

if TYPE_CHECKING:
    from clampdown.pipeline.doctor import Finding, Health
    from clampdown.store.store import Store

_MOST: Final = 12  # problems of one kind that are said; --json has them all


@click.command("doctor")
@click.argument("files", nargs=-1, metavar="[FILES]...")
@store_option
@raw_option
@click.option("--mend", is_flag=True, help="Mend what can be mended; damaged days are made anew from fetched files.")
@click.option("--drop", is_flag=True, help="With --mend: let damaged days go also where nothing brings them back.")
@click.option("--migrate", is_flag=True, help="Bring a store of an older format to the present one, then check it.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@workers_option
@reference_option
@common
@click.pass_context
def command(
    context: click.Context, files: tuple[str, ...], mend: bool, drop: bool, migrate: bool, as_json: bool
) -> int:
    """Check a store and its files, and mend what can be mended.

    Every part that the manifest names is read and held against its digest; so are pinned references, the chain of the
    log, the ledger and every fetched file. What killed commands left, and what is to be run again, is said and is not
    wrong. Exit code 1 if anything is wrong that was not mended, else 0.

    With --mend, a damaged day is made anew where every file that it came from is among the fetched ones, or among
    FILES. Else it stays as it is, and the files are named that it needs; --drop lets it go.
    """
    frame = open_frame(context)
    from clampdown.pipeline.api import storage_at
    from clampdown.pipeline.keeping import doctor
    from clampdown.store.store import Store

    store = Store(storage_at(frame.store()), frame.store())
    if migrate:
        _migrate(frame, store)
    settings = frame.settings
    with frame.notes.progress("doctor") as tell:
        found = doctor(
            store, raw=settings.raw, mend=mend, reference=open_reference(frame), workers=settings.workers,
            progress=tell, files=files, drop=drop,
        )  # fmt: skip
    if as_json:
        import msgspec

        write_stdout(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    else:
        write_stdout("".join(f"{plain(line)}\n" for line in _text(found)).encode("utf-8", "replace"))
    return DONE if found.healthy else NO


def _migrate(frame: Frame, store: Store) -> None:
    from clampdown.errors import StoreError
    from clampdown.store.manifest import FORMAT
    from clampdown.store.migrate import migrate

    try:
        was = migrate(store.storage)
    except FileNotFoundError:
        return  # the check says that it is no store, or that the mark is missing
    except StoreError as fault:
        raise fault.at(store.name) from fault
    if was == FORMAT:
        frame.notes.note(f"the store is of format {FORMAT}, the present one; nothing was to be changed")
    else:
        frame.notes.note(f"the store was of format {was}, and is of format {FORMAT} now")


def _text(found: Health) -> Iterator[str]:
    kinds: dict[tuple[str, bool, bool], list[Finding]] = {}
    for one in found.findings:
        kinds.setdefault((one.kind, one.wrong, one.mended), []).append(one)
    for (kind, wrong, mended), some in kinds.items():
        state = "mended" if mended else "wrong" if wrong else "note"
        for one in some[:_MOST]:
            yield f"{state:<8}{kind:<14}{one.where}: {one.what}"
        if len(some) > _MOST:
            yield f"{state:<8}{kind:<14}and {len(some) - _MOST:,} more (--json)"
        for hint in dict.fromkeys(one.hint for one in some[:_MOST] if one.hint):
            yield f"{'':<22}{hint}"
    wrong = sum(one.wrong and not one.mended for one in found.findings)
    said = "nothing is wrong" if not wrong else f"{wrong:,} problems"
    lost = sum(one.kind == "input_lost" and not one.wrong and not one.mended for one in found.findings)
    said += f", {lost:,} inputs lost before" if lost else ""
    mended_ = f", {found.mended:,} mended" if found.mended else ""
    yield f"{found.parts:,} parts, {found.files:,} fetched files, {amount(found.bytes)} read: {said}{mended_}"
