"""Law: one writer at a time, told by the object storage: who could not renew its lease in time writes no more.

The lease is one object, `lock`, that is only ever written under a condition (absent, or still the state last seen);
it is never deleted, since a deletion has no condition. How old it is follows from the object storage's own clock.
A paused machine counts: time that passes in its sleep is time.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from clampdown.errors import EnvironmentFault, Error, StoreError
from clampdown.store.bucket import Bucket, Version

LOCK: Final = "lock"
CLOCK: Final = "clock"  # written to learn the time, and removed
SECONDS: Final = 60.0  # a killed writer keeps others out for so long; a third of it is the beat
_SLACK: Final = 2.0  # object storages tell times in whole seconds
_FRESH: Final = 1.0  # a lease renewed so lately is not renewed for one more object
_TURNS: Final = 4


class _Held(msgspec.Struct, frozen=True):
    """What the lease says: to other writers, and to a person who looks."""

    owner: str
    token: str
    beat: int
    seconds: float
    until: str | None  # by the owner's clock; None: it is free


def now() -> float:
    """Seconds that go on while the machine sleeps, where the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def _read(data: bytes, where: str) -> _Held:
    try:
        return msgspec.json.decode(data, type=_Held)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        hint = "If no command is writing to the store, remove this object."
        raise StoreError("the lock of the store cannot be read", where=where, hint=hint) from None


def busy(bucket: Bucket) -> bool:
    """Is somebody writing, as far as this machine's clock can tell? Nothing is written to find out."""
    try:
        held = _read(bucket.get(LOCK)[0], bucket.where(LOCK))
    except FileNotFoundError:
        return False
    return held.until is not None and datetime.fromisoformat(held.until) > datetime.now(UTC)


class Lease:
    """The seat of the one writer of a store in a bucket."""

    def __init__(self, bucket: Bucket, seconds: float = SECONDS, slack: float = _SLACK) -> None:
        self._bucket, self._seconds, self._slack = bucket, seconds, slack
        self._owner = f"{socket.gethostname()}, process {os.getpid()}"
        self._token = secrets.token_hex(16)
        self._beat = 0
        self._etag = ""
        self._good = 0.0  # until when it is ours for certain
        self._lost: StoreError | None = None
        self._renewing = threading.Lock()
        self._end = threading.Event()
        self._take()
        self._check_conditions()
        self._thread = threading.Thread(target=self._beats, name="lease", daemon=True)
        self._thread.start()

    def _saying(self, *, free: bool = False) -> bytes:
        self._beat += 1
        until = datetime.now(UTC) + timedelta(seconds=self._seconds)
        end = None if free else until.strftime("%Y-%m-%dT%H:%M:%SZ")
        return msgspec.json.encode(_Held(self._owner, self._token, self._beat, self._seconds, end)) + b"\n"

    def _take(self) -> None:
        for _turn in range(_TURNS):
            started = now()
            etag = self._bucket.create(LOCK, self._saying())
            if etag is None:
                try:
                    data, version = self._bucket.get(LOCK)
                except FileNotFoundError:
                    continue  # somebody removed it by hand
                self._refuse_held(data, version)
                started = now()
                etag = self._bucket.replace(LOCK, self._saying(), version.etag)
            if etag is not None:
                self._etag, self._good = etag, started + self._seconds
                return
            # Another one was faster: whose is it now?
        raise self._busy(None)

    def _refuse_held(self, data: bytes, version: Version) -> None:
        """Say who holds it, unless it is free or ran out."""
        held = _read(data, self._bucket.where(LOCK))
        if held.until is None or self._age(version) > held.seconds + self._slack:
            return
        raise self._busy(held)

    def _busy(self, held: _Held | None) -> StoreError:
        hint = "Wait until it is done, then run the same command."
        if held is not None:
            hint = (
                f"It runs as {held.owner}. Wait until it is done, then run the same command; "
                f"if it was killed, its lock runs out {held.seconds:.0f} seconds after it last was renewed."
            )
        return StoreError("another command is writing to this store", where=self._bucket.where(), hint=hint)

    def _age(self, version: Version) -> float:
        """How long ago the lease was written, by the clock that wrote down when."""
        self._bucket.put(CLOCK, b"")
        try:
            return (self._bucket.head(CLOCK).modified - version.modified).total_seconds()
        except FileNotFoundError:
            return 0.0  # another one asked for the time as well, and has removed it: nobody's lease ends by that
        finally:
            with suppress(Error):
                self._bucket.delete([CLOCK])

    def _check_conditions(self) -> None:
        """An object storage that ignores conditions would let two writers in, and both would win."""
        etag = self._bucket.create(LOCK, self._saying())
        if etag is None:
            etag = self._bucket.replace(LOCK, self._saying(), '"0"')
        if etag is not None:
            what = "the object storage ignores conditions of writes (If-None-Match, If-Match), which keep a store whole"
            raise EnvironmentFault(what, where=self._bucket.where(), hint="Use a service that heeds them, or a folder.")

    def _beats(self) -> None:
        while not self._end.wait(self._seconds / 3):
            with suppress(Error, OSError):  # no answer: it is tried again, and `check` knows how long it is good
                self.renew()
            if self._lost is not None:
                return

    def renew(self) -> None:
        """Make the lease good for its whole time again; it is lost where another one took it."""
        with self._renewing:
            self._heed()
            started = now()
            etag = self._bucket.replace(LOCK, self._saying(), self._etag)
            if etag is None:
                self._lost = self._gone("another command has taken over the writing of this store")
                raise self._lost
            self._etag, self._good = etag, started + self._seconds

    def check(self) -> None:
        """Is it still ours, as far as this process can know without asking?"""
        self._heed()
        if now() >= self._good:
            raise self._gone("the lock of this store could not be renewed in time, and another command may write now")

    def confirm(self) -> None:
        """Is it still ours? The object storage is asked."""
        self.check()
        if now() - (self._good - self._seconds) > _FRESH:
            self.renew()
            self.check()

    def _heed(self) -> None:
        if self._lost is not None:
            raise StoreError(self._lost.what, where=self._lost.where, hint=self._lost.hint)

    def _gone(self, what: str) -> StoreError:
        hint = "What was committed is kept. Run the same command again."
        return StoreError(what, where=self._bucket.where(), hint=hint)

    def release(self) -> None:
        """Give it back; where that fails it runs out by itself."""
        if self._end.is_set():
            return
        self._end.set()
        self._thread.join(timeout=self._seconds / 6)
        if self._lost is None and self._renewing.acquire(timeout=self._seconds / 6):
            try:
                with suppress(Error, OSError):
                    self._bucket.replace(LOCK, self._saying(free=True), self._etag)
            finally:
                self._renewing.release()
