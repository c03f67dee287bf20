"""Law: a fetched file is what the ledger says of it, or it is named; no whole file is garbage for want of a line.

A file goes by the digest of its bytes, and an input's key covers its name and its bytes: so a file that no line names
(the ledger was lost, or a later answer took its line) is still known as the one that an input of the store was read
from, and days can be made anew from it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clampdown.fetch.ledger import Got, Ledger
from clampdown.pipeline.inputs import Input, key_begun, printable
from clampdown.store.health import Count, Problem, unreadable
from clampdown.store.manifest import Manifest
from clampdown.store.storage import LocalStorage

_BLOCK: Final = 1 << 20


@dataclass
class Raw:
    """What a look at the folder of fetched files found."""

    problems: list[Problem] = field(default_factory=list[Problem])
    bad: list[tuple[Got, Problem]] = field(default_factory=list[tuple[Got, Problem]])  # gone, or not what came
    garbage: list[Path] = field(default_factory=list[Path])  # that nobody names, and that is no whole file
    again: dict[str, Input] = field(default_factory=dict[str, Input])  # key -> what can be read again
    files: int = 0


def without_ledger(ledger: Ledger) -> bool:
    """Are there fetched files, and is there no ledger that would name them?"""
    return not ledger.path.exists() and any(isinstance(one, Path) for one in _files(ledger.root))


def look(ledger: Ledger, manifest: Manifest | None, count: Count) -> Raw:
    """Hold the ledger, the files and the store's inputs against each other. Without a manifest nothing is known of
    what the store holds, and nothing is said about it."""
    found = Raw()
    if ledger.torn:
        found.problems.append(Problem("ledger_torn", str(ledger.path), f"{ledger.torn:,} lines cannot be read"))
    if without_ledger(ledger):
        found.problems.append(Problem("ledger_gone", str(ledger.path), "it is missing, and fetched files are here"))
    named = _named(ledger, manifest, count, found)
    _unnamed(ledger, manifest or Manifest(), named, count, found)
    for left in LocalStorage(ledger.root).temporary():
        found.problems.append(Problem("temporary", f"{ledger.root.name}/{left}", "it is half written", wrong=False))
    return found


def _named(ledger: Ledger, manifest: Manifest | None, count: Count, found: Raw) -> set[str]:
    """Every line of a file; the digests that lines name as kept."""
    whole: dict[str, Problem | None] = {}
    forgotten = manifest.gone if manifest is not None else ()
    held = {*manifest.inputs, *forgotten} if manifest is not None else set[str]()
    for got in ledger.every():
        digest = got.digest
        if digest is None:
            continue
        lacks = manifest is not None and got.input is not None and got.input not in held
        if not got.kept and not (lacks and ledger.file(digest).exists()):
            if lacks and manifest is not None and got.input not in manifest.lost:
                found.problems.append(_removed(got, newest=ledger.got.get((got.service, got.key)) == got))
            continue
        if digest not in whole:
            whole[digest] = _file(ledger, got, count)
            found.files += 1
        problem = whole[digest]
        if problem is not None:
            found.problems.append(problem)
            if problem.kind != "unreadable":
                found.bad.append((got, problem))
        elif got.input is not None:
            name = printable(got.name)
            found.again[got.input] = Input(str(ledger.file(digest)), name, name, got.size)
            if manifest is not None and got.input in forgotten:
                found.problems.append(_forgotten(got, manifest))
            elif lacks:
                found.problems.append(Problem("not_in_store", got.key, "it was read, and the store does not hold it"))
    return set(whole)


def _removed(got: Got, *, newest: bool) -> Problem:
    what = "it was read and removed, and the store does not hold it"
    if newest:
        return Problem("raw_gone", got.key, what)
    hint = "The service gave another answer since: nothing brings this one back."
    return Problem("raw_gone", got.key, what, wrong=False, hint=hint)


def _forgotten(got: Got, manifest: Manifest) -> Problem:
    day = max((one.before for one in manifest.forgot), default="DAY")
    hint = f"clampdown forget --before {day} removes it, with the same --store and --raw."
    return Problem("forgotten", got.key, "its days were forgotten, and the fetched file lies here", False, hint)


def _file(ledger: Ledger, got: Got, count: Count) -> Problem | None:
    """Is a fetched file what the ledger says?"""
    digest = got.digest or ""
    total = hashlib.sha256()
    try:
        size = _read(ledger.file(digest), total.update, count)
    except FileNotFoundError:
        return Problem("raw_missing", got.key, "the fetched file is not there")
    except OSError as fault:
        return unreadable(str(ledger.file(digest)), fault)
    if size != got.size:
        return Problem("raw_damaged", got.key, f"the fetched file has {size:,} bytes; {got.size:,} came")
    if total.hexdigest() != digest:
        return Problem("raw_damaged", got.key, "the fetched file has another content than what came")
    return None


def _read(path: Path, take: Callable[[bytes], object], count: Count) -> int:
    size = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            take(block)
            size += len(block)
            count(len(block))
    return size


def _unnamed(ledger: Ledger, manifest: Manifest, named: set[str], count: Count, found: Raw) -> None:
    """Files that no line names as kept. Only what is not whole, or what a line says was removed, is garbage."""
    sizes: dict[int, dict[str, str]] = defaultdict(dict)
    for key, one in (manifest.lost | manifest.inputs).items():
        sizes[one.size][key] = one.name
    removed = {got.digest for got in ledger.every() if not got.kept and got.input in manifest.inputs}
    for path in _files(ledger.root):
        if isinstance(path, Problem):
            found.problems.append(path)
        elif path.name in named:
            continue
        elif path.name in removed:
            found.garbage.append(path)
            found.problems.append(Problem("raw_unnamed", path.name, "the ledger says that it was removed", wrong=False))
        else:
            _one(path, sizes, count, found)


def _one(path: Path, sizes: dict[int, dict[str, str]], count: Count, found: Raw) -> None:
    """A file without a line: is it whole, and which input was read from it?"""
    total = hashlib.sha256()
    try:
        size = path.stat().st_size
        keys = {key: (name, key_begun(name)) for key, name in sizes.get(size, {}).items()}
        every = [total.update, *(digest.update for _, digest in keys.values())]
        _read(path, lambda block: [update(block) for update in every], count)
    except OSError as fault:
        found.problems.append(unreadable(str(path), fault))
        return
    mine = {key: name for key, (name, digest) in keys.items() if digest.hexdigest() == key}
    for key, name in mine.items():
        found.again.setdefault(key, Input(str(path), name, name, size))
    if mine:
        hint = "It stays: a day that is damaged can be made anew from it."
        what = "the ledger does not name it, and an input of the store was read from it"
        found.problems.append(Problem("raw_unlisted", path.name, what, wrong=False, hint=hint))
    elif total.hexdigest() == path.name:
        what = "the ledger does not name it, and nothing in the store was read from it"
        found.problems.append(Problem("raw_unlisted", path.name, what, wrong=False))
    else:
        found.garbage.append(path)
        what = "the ledger does not name it, and it is no whole file"
        found.problems.append(Problem("raw_unnamed", path.name, what, wrong=False))


def _files(root: Path) -> Iterator[Path | Problem]:
    """What lies where fetched files lie: two hex digits, then all 64; and folders that cannot be read."""
    folders, problem = _listed(root)
    if problem is not None:
        yield problem
    for folder in folders:
        if len(folder.name) == 2 and folder.is_dir():
            names, problem = _listed(folder)
            yield from (path for path in names if len(path.name) == 64 and path.name[:2] == folder.name)
            if problem is not None:
                yield problem


def _listed(folder: Path) -> tuple[list[Path], Problem | None]:
    try:
        return sorted(folder.iterdir()), None
    except FileNotFoundError:
        return [], None
    except OSError as fault:
        return [], unreadable(str(folder), fault)
