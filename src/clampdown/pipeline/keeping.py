"""Law: how a store is kept, spelled as the command line spells it; a store or its folder, and the folder of its files.

`raw` is the folder of fetched files; where none is named it is the folder `raw` of the store, if there is one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from clampdown.errors import InputError, UsageError
from clampdown.fetch.ledger import Ledger
from clampdown.pipeline import doctor as looking
from clampdown.pipeline import forgetting, mending, river
from clampdown.pipeline import status as saying
from clampdown.pipeline.answers import Moment
from clampdown.pipeline.api import Path_, open_store, storage_at
from clampdown.pipeline.doctor import Health
from clampdown.pipeline.forgetting import Forgotten
from clampdown.pipeline.inputs import find, key_of
from clampdown.pipeline.river import Tell, quiet
from clampdown.pipeline.status import Status
from clampdown.reference import Reference
from clampdown.store import manifest as manifests
from clampdown.store.storage import RAW
from clampdown.store.store import Store


def status(
    store: Store | Path_,
    *,
    raw: Path_ | None = None,
    reference: Reference | None = None,
    now: datetime | None = None,
) -> Status:
    """What a store holds, what was asked for and is missing, how large and how old it is. Nothing is written."""
    held = store if isinstance(store, Store) else open_store(store)
    return saying.status(held, _ledger(held, raw), reference=reference, now=now)


def forget(
    store: Store | Path_,
    before: Moment,
    *,
    raw: Path_ | None = None,
    raw_only: bool = False,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Forgotten:
    """Remove the days before one day, and the fetched files that hold nothing else."""
    held = store if isinstance(store, Store) else open_store(store)
    ledger = _ledger(held, raw)
    return forgetting.forget(held, before, ledger=ledger, raw_only=raw_only, dry_run=dry_run, now=now)


def doctor(
    store: Store | Path_,
    *,
    raw: Path_ | None = None,
    mend: bool = False,
    reference: Reference | None = None,
    workers: int = 0,
    progress: Tell = quiet,
    files: Iterable[Path_] = (),
    drop: bool = False,
) -> Health:
    """Check a store and its fetched files; with `mend`, make anew what is damaged. Where there is nothing yet but
    fetched files, `mend` makes a store from them. `files` are others from which damaged days may be made anew; with
    `drop`, damaged days go also where nothing would bring them back."""
    named = list(files)
    if (named or drop) and not mend:
        raise UsageError("files to mend from, and what may be dropped, are for mending", hint="Say --mend too.")
    given = {key_of(one): one for one in find(named) if not one.piped} if named else None
    held = store if isinstance(store, Store) else Store(storage_at(store), os.fspath(store))
    ledger = _ledger(held, raw)
    if mend and ledger is not None and _bare(held):
        river.open_storage(held.storage, held.name, create=True)
    if mend:
        return mending.mend(
            held, ledger, reference=reference, workers=workers, progress=progress, given=given, drop=drop
        )
    return looking.doctor(held, ledger, reference=reference, progress=progress)


def _bare(store: Store) -> bool:
    """Is there nothing yet, so that a store may be made here from fetched files?"""
    storage = store.storage
    made = manifests.exists(storage) or manifests.numbers(storage) or manifests.traces(storage)
    return not made and not storage.list("landing")


def _ledger(store: Store, raw: Path_ | None) -> Ledger | None:
    """What was fetched; None where nothing was, which is no fault."""
    if raw is not None:
        if not Path(raw).is_dir():
            raise InputError("there is no such folder of fetched files", where=os.fspath(raw))
        return Ledger(Path(raw))
    root = getattr(store.storage, "root", None)
    folder = Path(root) / RAW if root is not None else None
    return Ledger(folder) if folder is not None and folder.is_dir() else None
