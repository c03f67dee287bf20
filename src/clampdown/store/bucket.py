"""Law: one object, one answer: a write says whether it was ours, also where the answer to it got lost on the way.

The only file that knows the client (obstore), which is imported when a bucket is first asked for anything. A write
under a condition carries a mark in the object's metadata: if the client had to ask twice, the refusal of the second
time is told apart from the success of another writer.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from clampdown.errors import EnvironmentFault, Error
from clampdown.store.access import Access, Place, access_of, other_way
from clampdown.store.refusals import no_credentials, told

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode
    from obstore.store import BackoffConfig, ClientConfig, RetryConfig, S3Config, S3Store

CHUNK: Final = 8 << 20  # bytes of one request of an upload; what is larger goes in several
_AT_ONCE: Final = 4  # requests of one upload
_MARK: Final = "clampdown-mark"
LISTED: Final = "Check the address and AWS_ENDPOINT_URL."
_CONFLICTS: Final = 6  # times that a write is tried while another one of the same name is going on


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer is waited for. Seconds; provisional, except that uploads need more than reads."""

    connect: float = 10
    silence: float = 120  # without a byte
    total: float = 120  # after which nothing is asked again
    tries: int = 8
    first: float = 0.1  # wait before the second try; it doubles

    def client(self, *, plain: bool) -> ClientConfig:
        """Of one request. There is hardly a limit on a whole one: parts are large and lines may be slow."""
        return {
            "allow_http": plain,
            "connect_timeout": timedelta(seconds=self.connect),
            "read_timeout": timedelta(seconds=self.silence),
            "timeout": timedelta(hours=6),
        }

    def retries(self) -> RetryConfig:
        """Of one question."""
        backoff: BackoffConfig = {
            "init_backoff": timedelta(seconds=self.first),
            "max_backoff": timedelta(seconds=15),
            "base": 2,
        }
        return {"backoff": backoff, "max_retries": self.tries, "retry_timeout": timedelta(seconds=self.total)}


@dataclass(frozen=True, slots=True)
class Version:
    """One state of an object: `modified` is by the clock of the object storage."""

    etag: str
    size: int
    modified: datetime


class Bucket:
    """The objects below one prefix. Crosses process borders; each process has connections of its own."""

    def __init__(self, place: Place, access: Access | None = None, patience: Patience | None = None) -> None:
        self.place = place
        self.access = access  # None: that of the environment, of each process
        self.patience = patience or Patience()
        self._made: S3Store | None = None

    def __repr__(self) -> str:
        return f"Bucket({str(self.place)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Bucket, (self.place, self.access, self.patience))

    def where(self, path: str = "") -> str:
        """The address of an object, for a person."""
        return f"{self.place}/{path}".rstrip("/")

    @property
    def _store(self) -> S3Store:
        if self._made is None:
            from obstore.store import S3Store

            access = self.access or access_of(os.environ)
            if access.key_id is None and not other_way(os.environ):
                raise no_credentials(str(self.place))
            # This name for the endpoint, because no variable that the client reads itself overrules it.
            config: S3Config = {"region": access.region or "us-east-1"}
            if access.endpoint is not None:
                config["aws_endpoint_url_s3"] = access.endpoint
            if access.key_id is not None and access.secret is not None:
                config["access_key_id"], config["secret_access_key"] = access.key_id, access.secret
            if access.session is not None:
                config["session_token"] = access.session
            self._made = S3Store(
                self.place.bucket,
                prefix=self.place.prefix or None,
                config=config,
                client_options=self.patience.client(plain=access.plain),
                retry_config=self.patience.retries(),
            )
        return self._made

    @contextmanager
    def _told(self, path: str = "", *, conditions: bool = False) -> Generator[None, None, None]:
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        try:
            yield
        except Error:
            raise
        except (AlreadyExistsError, PreconditionError) as fault:
            if conditions:
                raise
            raise told(fault, self.where(path)) from None
        except FileNotFoundError as fault:
            if "NoSuchBucket" in str(fault):
                raise told(fault, str(self.place)) from None
            raise FileNotFoundError(path) from None
        except (BaseError, OSError, ValueError) as fault:
            if isinstance(fault, OSError) and fault.errno is not None:
                raise  # this machine's own disk
            raise told(fault, self.where(path)) from None
        except BaseException as fault:
            if type(fault).__name__ != "PanicException":
                raise
            raise told(fault, self.where(path)) from None  # the client gave up on what it never expected

    def get(self, path: str) -> tuple[bytes, Version]:
        """The whole object and its state."""
        data, version, _ = self._get(path)
        return data, version

    def _get(self, path: str) -> tuple[bytes, Version, str | None]:
        import obstore

        with self._told(path):
            answer = obstore.get(self._store, path)
            mark = dict(answer.attributes).get(_MARK)
            return answer.bytes().to_bytes(), _version(answer.meta), mark

    def tail(self, path: str, size: int) -> tuple[bytes, int]:
        """The last bytes of an object (all of a small one), and how long it is; one question."""
        import obstore

        with self._told(path):
            answer = obstore.get(self._store, path, options={"range": {"suffix": size}})
            return answer.bytes().to_bytes(), answer.meta["size"]

    def span(self, path: str, start: int, end: int) -> bytes:
        """The bytes from start to before end."""
        import obstore

        with self._told(path):
            return obstore.get_range(self._store, path, start=start, end=end).to_bytes()

    def head(self, path: str) -> Version:
        """The state of an object."""
        import obstore

        try:
            with self._told(path):
                return _version(obstore.head(self._store, path))
        except EnvironmentFault:
            self.tail(path, 1)  # a refusal of HEAD gives no reasons; this one's does
            raise

    def put(self, path: str, data: bytes | BinaryIO) -> None:
        """Write an object, over what may be there; a file in several requests, seen only once it is whole."""
        import obstore

        with self._told(path):
            if isinstance(data, bytes):
                obstore.put(self._store, path, data, use_multipart=False)
            else:
                obstore.put(
                    self._store, path, data, use_multipart=True, chunk_size=CHUNK, max_concurrency=_AT_ONCE
                )  # fmt: skip

    def create(self, path: str, data: bytes) -> str | None:
        """Write an object where there is none; its state, or None where the name is taken."""
        return self._put(path, data, "create")

    def replace(self, path: str, data: bytes, etag: str) -> str | None:
        """Write an object over this state of it; its new state, or None where it is another one by now."""
        return self._put(path, data, {"e_tag": etag})

    def _put(self, path: str, data: bytes, mode: PutMode) -> str | None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mark = secrets.token_hex(16)
        for attempt in range(_CONFLICTS):
            try:
                with self._told(path, conditions=True):
                    made = obstore.put(
                        self._store, path, data, mode=mode, attributes={_MARK: mark}, use_multipart=False
                    )  # fmt: skip
                    return made["e_tag"] or ""
            except (AlreadyExistsError, PreconditionError):
                try:
                    _, version, found = self._get(path)
                except FileNotFoundError:
                    if mode != "create":
                        return None
                    # Two writers at the same moment: the object storage refused both, or neither is done yet.
                    time.sleep(self.patience.first * (1 + secrets.randbelow(1000) / 1000) * 2**attempt)
                    continue
                return version.etag if found == mark else None
        return None

    def list(self, prefix: str) -> dict[str, str]:
        """Every object below a folder, and its state. Where nothing was found because nothing was answered, it is an
        error: what is not listed may be deleted."""
        import obstore

        try:
            with self._told(prefix):
                pages = obstore.list(self._store, prefix, chunk_size=1000)
                return {one["path"]: one["e_tag"] or "" for page in pages for one in page}
        except FileNotFoundError:
            raise self._unlisted(prefix) from None

    def _unlisted(self, prefix: str) -> EnvironmentFault:
        return EnvironmentFault("it cannot be listed: 404 Not Found", where=self.where(prefix), hint=LISTED)

    def names(self) -> list[str]:
        """What lies at the top: objects and folders."""
        import obstore

        try:
            with self._told():
                found = obstore.list_with_delimiter(self._store)
                return sorted([one["path"] for one in found["objects"]] + list(found["common_prefixes"]))
        except FileNotFoundError:
            raise self._unlisted("") from None

    def delete(self, paths: Sequence[str]) -> None:
        """Remove objects; one that is not there is removed already."""
        import obstore

        if paths:
            with self._told(paths[0] if len(paths) == 1 else ""):
                obstore.delete(self._store, list(paths))


def _version(meta: ObjectMeta) -> Version:
    return Version(meta["e_tag"] or "", meta["size"], meta["last_modified"])
