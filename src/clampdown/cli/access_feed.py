"""Law: a feed is in its folder whole, signed by the operator's key, or the folder is as it was; the key is never said.

All new files are written aside; one renaming decides that they are the feed, and what a killed run did not come to move
is moved by the next. The index goes last.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clampdown.cli import access_days
from clampdown.cli.frame import DONE, NO, Frame, write_stdout
from clampdown.cli.notes import plain
from clampdown.cli.opening import open_reference, open_store, say_stale
from clampdown.errors import EnvironmentFault, InputError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from clampdown.publish.ways_feed import Feed
    from clampdown.publish.ways_feed_document import Index
    from clampdown.reference import Reference
    from clampdown.store.store import Store

_STAGED: Final = ".staged"  # decided: these files are the feed
_STAGING: Final = ".staging-"  # being written by a run
_REMOVE: Final = ".remove"
_NAME: Final = re.compile(r"([a-z0-9]+/)*[A-Za-z-]+\.json")
_MOST: Final = 64 * 1024 * 1024  # bytes of one file that is checked


def options(command: Any) -> Any:
    """What `clampdown access` is told of a feed."""
    for option in (
        click.option("--new-key", metavar="FILE", help="Make a key that signs feeds, and do nothing else."),
        click.option("--key", metavar="FILE", help="Of a feed: the private key that signs it (Ed25519, PEM)."),
        click.option("--map", "with_map", is_flag=True, help="Of a feed: with a map of transports by country."),
        click.option("--feed", "directory", metavar="DIR", help="Write signed files to publish, and no answer."),
    ):
        command = option(command)
    return command


def done(
    frame: Frame, country: str | None, *, directory: str | None, key: str | None, with_map: bool, new_key: str | None,
    at: str | None, others: bool, stored: bool = False,
) -> bool:  # fmt: skip
    """Was it a feed, or a key, that was asked for? Then it is there now. `others`: options of an answer were given;
    `stored`: so was the store."""
    if new_key is not None:
        if directory is not None or key is not None:
            raise UsageError("a key is made, or a feed is written", hint="First --new-key FILE, then --feed DIR --key.")
        if country is not None or stored or others or with_map or at is not None:
            raise UsageError("a key is of no country and no store", hint="Give --new-key FILE alone.")
        make_key(frame, new_key)
        return True
    if directory is None:
        if key is not None or with_map:
            raise UsageError("--key and --map are of a feed", hint="Add --feed DIR.")
        return False
    if others:
        raise UsageError(
            "a feed is of whole countries, in its own form", hint="Leave out --network, --format, --language and -o."
        )
    feed(frame, open_store(frame), country, directory, key, with_map, at=at, reference=open_reference(frame))
    return True


def feed(
    frame: Frame,
    store: Store,
    country: str | None,
    directory: str,
    key: str | None,
    with_map: bool,
    *,
    at: str | None = None,
    reference: Reference | None = None,
) -> None:
    """Write the feed of one country, or of every one of the store."""
    from clampdown.pipeline.ways_feed import ways_feed
    from clampdown.publish.ways_check import signed
    from clampdown.publish.ways_feed import INDEX

    root = Path(directory)
    access_days.apart(frame, directory)
    private = _key(frame, root, key)
    with _spoken(root):
        finish(root)
        before = _before(root, private)
    last = _last_map(root, before, country, with_map)
    access_days.within(store, country, at)
    made = ways_feed(store, country, at=at, reference=reference, last=last, with_map=with_map)
    index = _index(made.files[INDEX])
    access_days.come(index.as_of, at)
    say_stale(frame, store, reference, detected=True)
    files = signed(made.files, private)
    gone = [] if before is None else [held.name for held in before.files if held.name not in files]
    with _spoken(root):
        written = put(root, files, gone)
    _say(frame, made, index, written)


def make_key(frame: Frame, file: str) -> None:
    """Make a key that signs feeds. A file that is there is never written over: it may be somebody's key."""
    from clampdown.publish.ways_check import new_key

    path = Path(file)
    with _spoken(path):
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except FileExistsError:
            raise UsageError("there is a file already, and it may be a key", where=file, hint="Name another.") from None
        with os.fdopen(number, "wb") as out:
            out.write(new_key())
    frame.notes.note(f"a new key is in {plain(file)}: keep it, and keep it to yourself; who has it can speak for you")


def check(frame: Frame, directory: str, key: str | None, *, as_json: bool = False) -> int:
    """Say step by step whether a feed holds."""
    from clampdown.publish.ways_check import INDEX, check, public_key
    from clampdown.publish.words import feed as words

    if key is None:
        hint = "Add --key PUBLIC.pem, had from whoever runs the feed by another way than the feed itself."
        raise UsageError("a feed is checked with a public key", hint=hint)
    try:
        public = public_key(_read(Path(key)))
    except InputError as fault:
        raise fault if fault.where else fault.at(key) from None
    root = Path(directory)
    with _spoken(root):
        files = dict(_files(root))
    if INDEX not in files:
        hint = "Name the folder that clampdown access --feed wrote."
        raise InputError(f"this is no feed: {INDEX} is not there", where=directory, hint=hint)
    steps = check(files, public)
    if as_json:
        import msgspec

        write_stdout(msgspec.json.format(msgspec.json.encode(steps), indent=2) + b"\n")
    else:
        for number, step in enumerate(steps, 1):
            wrong = f": {', '.join(map(plain, step.wrong[:5]))}" if step.wrong else ""
            more = f" and {len(step.wrong) - 5:,} more" if len(step.wrong) > 5 else ""
            held = "holds" if step.holds else "DOES NOT HOLD" if step.checked else "not checked"
            line = f"{number} {held}  {words.STEPS[step.step]}{wrong}{more}\n"
            write_stdout(line.encode("utf-8", "replace"))
    holds = all(step.holds for step in steps)
    if holds:
        index = _index(files[INDEX])
        if index.valid_until < access_days.today():
            frame.notes.warn(f"this feed was valid until {index.valid_until}: it says nothing of today")
    return DONE if holds else NO


# ---- what is there -----------------------------------------------------------------------------------------------


def _key(frame: Frame, root: Path, key: str | None) -> Ed25519PrivateKey:
    from clampdown.publish.ways_check import private_key

    if key is None:
        hint = "Add --key FILE; clampdown access --new-key FILE makes one."
        raise UsageError("a feed is signed, and no key is named", hint=hint)
    path = Path(key)
    for folder in (root, access_days.folder_of_store(frame)):
        if folder is not None and path.resolve().is_relative_to(folder.resolve()):
            raise UsageError("the key must not lie in a folder that is published or handed on", where=key)
    try:
        made = private_key(_read(path))
    except InputError as fault:
        raise fault if fault.where else fault.at(key) from None
    if os.name == "posix" and path.stat().st_mode & 0o077:
        frame.notes.warn(f"others on this machine can read the key: chmod 600 {plain(key)}")
    return made


def _before(root: Path, key: Ed25519PrivateKey) -> Index | None:
    """The index of the feed that is there; what this key did not sign is not built upon, nor written over."""
    from clampdown.publish.ways_check import INDEX, SIGNATURE, is_signed

    if not root.exists() or all(path.name.startswith(_STAGING) for path in root.iterdir()):
        return None
    index, signature = (p.read_bytes() if (p := root / name).is_file() else None for name in (INDEX, SIGNATURE))
    if index is None or not is_signed(index, signature, key.public_key()):
        hint = "Give an empty folder, or the key that signed what is there."
        raise InputError("the folder holds something else than a feed signed by this key", where=str(root), hint=hint)
    return _index(index)


def _last_map(root: Path, before: Index | None, country: str | None, with_map: bool) -> bytes | None:
    """The last map, as it was signed. A feed goes on as it was begun: of the same kind, and of no fewer countries."""
    from hashlib import sha256

    from clampdown.publish.ways_feed import MAP

    if before is None:
        return None
    if country is not None and {*before.countries} - {country.upper()}:
        text = f"the folder holds the feed of {len(before.countries):,} countries"
        raise UsageError(text, where=str(root), hint="Leave out COUNTRY, or give another folder.")
    held = {each.name: each for each in before.files}.get(MAP)
    if held is None:
        return None
    if not with_map:
        text = "this feed has a map, and what it last said must not be lost"
        raise UsageError(text, where=str(root), hint="Add --map, or give another folder.")
    data = _read(root / MAP)
    if sha256(data).hexdigest() != held.sha256:
        hint = "Bring back what was signed, or give an empty folder: what was advised last is then forgotten."
        raise InputError("the last map is not the one that was signed", where=str(root / MAP), hint=hint)
    return data


def _index(data: bytes) -> Index:
    import msgspec

    from clampdown.publish.ways_feed_document import Index

    try:
        return msgspec.json.decode(data, type=Index)
    except msgspec.DecodeError:
        hint = "Give an empty folder, or use the version that wrote it."
        raise InputError("the index is not one that this version can read", where="index.json", hint=hint) from None


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, whatever its name; a link is what it is called, and is not followed."""
    if not root.is_dir():
        raise InputError("this is no folder", where=str(root))
    for at, folders, names in os.walk(root):
        for name in sorted((*names, *(f for f in folders if (Path(at) / f).is_symlink()))):
            path = Path(at) / name
            whole = path.is_file() and not path.is_symlink() and path.stat().st_size <= _MOST
            yield path.relative_to(root).as_posix(), path.read_bytes() if whole else b""


# ---- writing -----------------------------------------------------------------------------------------------------


def put(root: Path, files: dict[str, bytes], gone: list[str]) -> int:
    """Put a feed in its place; how many files are new or changed."""
    root.mkdir(parents=True, exist_ok=True)
    for old in root.glob(f"{_STAGING}*"):
        shutil.rmtree(old)
    changed = {name: data for name, data in files.items() if not _same(root / name, data)}
    if not changed and not gone:
        return 0
    staging = root / f"{_STAGING}{os.getpid()}"
    for name, data in {**changed, _REMOVE: "\n".join(gone).encode()}.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    staging.rename(root / _STAGED)
    finish(root)
    return len(changed)


def _same(path: Path, data: bytes) -> bool:
    return path.is_file() and not path.is_symlink() and path.read_bytes() == data


def finish(root: Path) -> None:
    """Move what was decided to its place, the index last, and remove what the feed no longer names."""
    from clampdown.publish.ways_check import INDEX, SIGNATURE

    staged = root / _STAGED
    if staged.is_symlink() or not staged.is_dir():
        return
    names = sorted(p.relative_to(staged).as_posix() for p in staged.rglob("*") if p.is_file() and p.name != _REMOVE)
    for name in sorted(names, key=lambda one: (one in (INDEX, SIGNATURE), one == INDEX)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).replace(root / name)
    remove = staged / _REMOVE
    for name in remove.read_text("utf-8").splitlines() if remove.is_file() else ():
        if _NAME.fullmatch(name):
            (root / name).unlink(missing_ok=True)
    shutil.rmtree(staged)


@contextmanager
def _spoken(place: Path) -> Generator[None]:
    try:
        yield
    except OSError as fault:
        where = str(fault.filename or place)
        raise EnvironmentFault(f"cannot be read or written: {fault.strerror}", where=where) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise InputError(f"cannot be read: {fault.strerror}", where=str(path)) from None


def _say(frame: Frame, made: Feed, index: Index, written: int) -> None:
    from clampdown.publish.words import feed as words

    count = len(index.countries)
    what = "1 country" if count == 1 else f"{count:,} countries"
    frame.notes.note(f"feed of {what} as of {index.as_of}, valid until {index.valid_until}: {written:,} files written")
    for code, left_out in made.left_out.items():
        frame.notes.note(f"{code}: {left_out:,} ways are left out, as a source's terms do not allow passing them on")
    for code, entry in made.frozen.items():
        frame.notes.warn(f"{code}: the map is frozen since {entry.frozen_since}: {words.frozen(entry.why)}")
    frame.notes.note(words.WARNING)
    for line in index.terms.attribution if index.terms is not None else ():
        frame.notes.note(line)


__all__ = ["check", "done", "feed", "finish", "make_key", "options", "put"]
