"""Law: what was said stays said: entries are only added, each names the one before, and the manifest names the last.

`log/<n>.json` is created where nobody has. An entry beyond the one that the manifest names was written by a run that
was killed before it committed: it does not exist, and the next run clears it away.
"""

from __future__ import annotations

from typing import Final

import msgspec

from clampdown.detect.changes import Entry, digest, encode
from clampdown.errors import StoreError
from clampdown.store.manifest import Manifest
from clampdown.store.storage import Storage

_HINT: Final = (
    "What the store says now is whole; what it said before can no longer be shown to be true. "
    "Take the log from a copy of the store"
)


def append(storage: Storage, manifest: Manifest, entry: Entry) -> str:
    """Write the entry that follows the manifest's last one; the digest by which it is named. Only the lock's holder
    may: what lies beyond the last entry is of a run that did not commit."""
    for path in beyond(storage, manifest):
        storage.delete(path)
    data = encode(entry)
    if not storage.write_new(_path(entry.number), data):
        raise StoreError("another command has changed this store meanwhile", hint="Run the same command again.")
    return digest(data)


def beyond(storage: Storage, manifest: Manifest) -> list[str]:
    """Entries that do not exist: a run that was killed before it committed wrote them."""
    return [_path(number) for number in _numbers(storage) if number > last(manifest)]


def last(manifest: Manifest) -> int:
    """The number of the newest entry; 0 where there is none."""
    return manifest.detected.run if manifest.detected else 0


def entries(storage: Storage, manifest: Manifest) -> list[Entry]:
    """The whole log, first to last, every link of the chain checked."""
    made: list[Entry] = []
    previous: str | None = None
    for number in range(1, last(manifest) + 1):
        path = _path(number)
        try:
            data = storage.read(path)
        except FileNotFoundError as fault:
            raise StoreError("an entry of the log is missing", where=path, hint=f"{_HINT}.") from fault
        try:
            entry = msgspec.json.decode(data, type=Entry)
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise StoreError("an entry of the log cannot be read", where=path, hint=f"{_HINT}.") from fault
        if entry.number != number or entry.previous != previous:
            raise _broken(path)
        previous = digest(data)
        made.append(entry)
    if manifest.detected is not None and manifest.detected.head != previous:
        raise _broken(_path(last(manifest)))
    return made


def _broken(path: str) -> StoreError:
    what = "the log is broken: an entry is not the one that was written, or does not follow the one before it"
    return StoreError(what, where=path, hint=f"{_HINT}.")


def _path(number: int) -> str:
    return f"log/{number}.json"


def _numbers(storage: Storage) -> list[int]:
    names = (path.removeprefix("log/").removesuffix(".json") for path in storage.list("log"))
    return sorted(int(name) for name in names if name.isdecimal())
