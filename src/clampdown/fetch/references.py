"""Law: an upstream is asked whether anything is new before it is asked for bytes; what it gives says of which day.

Nothing is believed here beyond that: whether the bytes are a table is checked by who takes them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import msgspec

from clampdown.errors import EnvironmentFault, FetchError, InputError
from clampdown.fetch.client import Answer
from clampdown.fetch.upstreams import Upstream
from clampdown.reference.load import day_in

_MD5: Final = re.compile(rb"\b([0-9a-fA-F]{32})\b")
_DAY: Final = re.compile(r"(20\d\d)-?([01]\d)-?([0-3]\d)")
_MOST_SMALL: Final = 1 << 20  # of a list of versions, of a digest
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Getter(Protocol):
    """What is needed of the client."""

    def get(
        self, url: str, *, most: int | None = None, etag: str | None = None, modified: str | None = None,
        leads_to: tuple[str, ...] = (),
    ) -> Answer: ...  # fmt: skip


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of an upstream, so that it need not be asked for what is here."""

    name: str  # of the snapshot in the store
    digest: str
    address: str  # that was asked
    public: str  # the upstream's own address of these bytes
    at: str  # when it was brought, RFC 3339
    etag: str | None = None
    modified: str | None = None
    version: str | None = None
    listing: str | None = None  # etag of the list of versions
    changed: str | None = None  # Last-Modified of it
    rows: int | None = None  # that the loader used
    fetched: bool = False  # its date is the day on which it was brought: nobody said another


@dataclass(frozen=True, slots=True)
class Brought:
    """One snapshot, as it came."""

    upstream: Upstream
    day: date
    data: bytes
    seen: Seen
    note: str = ""


class Mirror:
    """A copy of upstreams on another server or in a folder: by the whole address (as `wget -r` leaves it), by the last
    part of it, or by digest (as a store keeps it)."""

    def __init__(self, base: str, client: Getter | None) -> None:
        self.base = base.rstrip("/") if "://" in base else base
        self._client = client
        self._folder = None if "://" in base else Path(base)
        if self._folder is not None and not self._folder.is_dir():
            raise InputError("there is no such folder", where=base, hint="--from takes an address or a folder.")

    def get(self, places: tuple[str, ...], *, most: int, seen: Seen | None = None) -> Answer | None:
        """The first of these places that there is; None where there is none."""
        for place in places:
            if self._folder is not None:
                found = _file(self._folder / place, most)
            else:
                found = self._ask(f"{self.base}/{place}", most, seen)
            if found is not None:
                return found
        return None

    def _ask(self, url: str, most: int, seen: Seen | None) -> Answer | None:
        assert self._client is not None  # noqa: S101 - made with one where the base is an address
        known = seen if seen is not None and seen.address == url else None
        try:
            return self._client.get(
                url, most=most, etag=known.etag if known else None, modified=known.modified if known else None
            )
        except FetchError as fault:
            if fault.status in (403, 404, 410):  # object storages say 403 of what is not there
                return None
            raise


def _file(path: Path, most: int) -> Answer | None:
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > most:
            raise InputError(f"it has more than {most:,} bytes", where=str(path))
        stamp = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return Answer(200, {"last-modified": format_datetime(stamp, usegmt=True)}, path.read_bytes(), str(path))
    except OSError as fault:
        raise EnvironmentFault(f"cannot be read: {fault.strerror}", where=str(path)) from None


def places(address: str, digest: str = "") -> tuple[str, ...]:
    """Where a mirror may have what stands at an address, or has a digest."""
    parts = urlsplit(address)
    path = parts.path.lstrip("/")
    named = (f"{parts.netloc}/{path}", path.rpartition("/")[2]) if path else ()
    return (*((digest,) if _DIGEST.fullmatch(digest) else ()), *named)


def bring(
    upstream: Upstream, client: Getter | None, seen: Seen | None, mirror: Mirror | None, *, most: int, now: datetime
) -> Brought | None:
    """The newest edition of an upstream; None where the one that is remembered is the newest."""
    if mirror is not None:
        return _mirrored(upstream, seen, mirror, most, now)
    assert client is not None  # noqa: S101 - only a folder can do without
    found = _version(upstream, client, seen)
    if found is None:
        return None
    version, day, address, listing, note = found
    known = seen if seen is not None and seen.address == address else None
    for attempt in (1, 2):
        answer = client.get(
            address, most=most, leads_to=upstream.leads_to, etag=known.etag if known else None,
            modified=known.modified if known else None,
        )  # fmt: skip
        if answer.status == 304:
            return None
        said = _md5(client.get(upstream.md5, most=_MOST_SMALL).body, upstream.md5) if upstream.md5 else None
        if said is None or said == _sum(answer.body):
            break
        if attempt == 2:  # once may be a change between the two questions
            hint = "Run the same command again later; the snapshot that is here stays"
            raise FetchError("its MD5 is not the one that is published beside it", where=address, hint=hint)
        known = None
    return _brought(upstream, answer, address, version, day, listing, note, now)


def _mirrored(upstream: Upstream, seen: Seen | None, mirror: Mirror, most: int, now: datetime) -> Brought | None:
    answer = mirror.get(places(upstream.address), most=most, seen=seen)
    if answer is None:
        hint = f"Looked for {' and '.join(places(upstream.address))}."
        raise FetchError("the mirror has no such file", where=mirror.base, hint=hint, status=404)
    if answer.status == 304:
        return None
    if upstream.md5:
        beside = mirror.get(places(upstream.md5), most=_MOST_SMALL)
        if beside is not None and _md5(beside.body, beside.url) != _sum(answer.body):
            raise FetchError("its MD5 is not the one that lies beside it", where=answer.url)
    return _brought(upstream, answer, answer.url, None, None, (None, None), "", now)


def _brought(
    upstream: Upstream, answer: Answer, address: str, version: str | None, day: date | None,
    listing: tuple[str | None, str | None], note: str, now: datetime,
) -> Brought:  # fmt: skip
    said = day or (_inside(answer.body) if upstream.date == "inside" else None)
    said = said or _modified(answer.headers.get("last-modified")) or day_in(address.rpartition("/")[2])
    seen = Seen(
        name=upstream.called(said or now.date()),
        digest=hashlib.sha256(answer.body).hexdigest(),
        address=address,
        public=address if version is not None else upstream.address,
        at=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        etag=answer.headers.get("etag"),
        modified=answer.headers.get("last-modified"),
        version=version,
        listing=listing[0],
        changed=listing[1],
        fetched=said is None,
    )
    return Brought(upstream, said or now.date(), answer.body, seen, note)


_Found = tuple[str | None, date | None, str, tuple[str | None, str | None], str]


def _version(upstream: Upstream, client: Getter, seen: Seen | None) -> _Found | None:
    """(version, its day, its address, what to remember of the list, a note); None: no newer one than is remembered."""
    if not upstream.versions:
        return None, None, upstream.address, (None, None), ""
    known = seen if seen is not None and seen.version else None
    try:
        answer = client.get(
            upstream.versions, most=_MOST_SMALL, etag=known.listing if known else None,
            modified=known.changed if known else None,
        )  # fmt: skip
    except FetchError as fault:
        if fault.status is None:
            raise  # there is no way out at all
        note = f"its versions cannot be asked for ({fault.what}), so it was taken as it stands"
        return None, None, upstream.address, (None, None), note
    if answer.status == 304:
        return None
    version, day = _at(answer.body, upstream.version), _day(_at(answer.body, upstream.dated))
    if version is None or day is None or re.fullmatch(r"[\w.-]+", version) is None:
        return None, None, upstream.address, (None, None), "the list of its versions names none"
    if known is not None and known.version == version:
        return None
    listing = (answer.headers.get("etag"), answer.headers.get("last-modified"))
    return version, day, upstream.versioned.replace("{version}", version), listing, ""


def _at(data: bytes, place: str) -> str | None:
    """The text at a place of a JSON document, such as 0.commit.committer.date."""
    try:
        value: Any = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return None
    for step in place.split("."):
        if isinstance(value, list):
            items = cast("list[Any]", value)
            value = items[int(step)] if step.isdecimal() and int(step) < len(items) else None
        elif isinstance(value, dict):
            value = cast("Mapping[str, Any]", value).get(step)
        else:
            return None
    return value if isinstance(value, str) else None


def _day(text: str | None) -> date | None:
    found = _DAY.search(text or "")
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _inside(data: bytes) -> date | None:
    """The last day of a registry's statistics: `version|registry|serial|records|startdate|enddate|UTCoffset`."""
    for line in _heads(data):
        cells = line.split("|")
        if len(cells) >= 6 and cells[0].replace(".", "", 1).isdecimal():
            return _day(cells[5]) or _day(cells[2] if len(cells[2]) == 8 else "")
    return None


def _heads(data: bytes) -> Iterator[str]:
    for line in data[:4096].splitlines():
        text = line.decode("ascii", "replace").strip()
        if text and not text.startswith("#"):
            yield text


def _modified(text: str | None) -> date | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC).date() if text else None
    except (ValueError, TypeError):
        return None


def _md5(data: bytes, where: str) -> str:
    found = _MD5.search(data)
    if found is None:
        raise FetchError("this is no MD5", where=where)
    return found[1].decode().lower()


def _sum(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def same_bytes(
    digest: str, address: str, client: Getter | None, mirror: Mirror | None, *, most: int, leads_to: tuple[str, ...]
) -> tuple[bytes | None, str]:
    """(the bytes of this digest, or None; what was tried): from a mirror, else from the address that a lock names."""
    tried: list[str] = []
    if mirror is not None:
        for place in places(address, digest):
            answer = mirror.get((place,), most=most)
            if answer is not None and hashlib.sha256(answer.body).hexdigest() == digest:
                return answer.body, ""
        tried.append(f"{mirror.base} has other bytes or none")
    if client is not None and urlsplit(address).scheme in ("http", "https"):
        try:
            body = client.get(address, most=most, leads_to=leads_to).body
        except FetchError as fault:
            tried.append(f"{address}: {fault.what}")
        else:
            if hashlib.sha256(body).hexdigest() == digest:
                return body, ""
            tried.append(f"{address} serves other bytes now")
    return None, "; ".join(tried) or "no address is known for it"
