"""Law: where a bucket lies and who asks for it follow from the address and the usual AWS names; no secret is printed.

The environment counts before the profile in the user's AWS files. What is in neither (the role of a machine, a web
identity) is left to the client, which asks for it itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from clampdown.errors import EnvironmentFault, UsageError

SCHEME: Final = "s3://"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_=.-]*(/[A-Za-z0-9_=-][A-Za-z0-9_=.-]*)*\Z")
# What a client can get credentials from by itself, where no key is named.
_OTHER_WAYS: Final = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and the part of it that is the store."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the object storage; what is None is left to the client. The secrets are not in its words."""

    endpoint: str | None = None
    region: str | None = None
    key_id: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint or "https://none")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            hint = "Write AWS_ENDPOINT_URL as https://host or https://host:port."
            raise UsageError(
                "the endpoint of the object storage is not an address", where="AWS_ENDPOINT_URL", hint=hint
            )

    @property
    def plain(self) -> bool:
        """Without TLS: only where the endpoint says so itself."""
        return (self.endpoint or "").startswith("http://")


def is_address(text: str) -> bool:
    """Does it name an object storage? A path object has lost one of the two slashes."""
    return text.startswith(("s3://", "s3:/"))


def address_of(text: str) -> str:
    """A store's address as it is used from here on: a bucket's, or a plain folder."""
    return str(place_of(text)) if is_address(text) else folder_of(text)


def folder_of(text: str) -> str:
    """The folder that a path, or an address of the form file:///path, names."""
    scheme, mark, rest = text.partition("://")
    if not mark or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) is None:
        return text
    if scheme.lower() != "file":
        raise UsageError(f"a store cannot lie at {scheme}://", hint="Name a folder, or s3://bucket/prefix.")
    if not rest.startswith("/"):
        raise UsageError(f"{text!r} names no folder of this machine", hint="Write file:///path.")
    return unquote(rest)


def place_of(text: str) -> Place:
    """s3://bucket/prefix, taken apart."""
    bucket, _, prefix = text.removeprefix("s3:").lstrip("/").partition("/")
    prefix = prefix.strip("/")
    if _BUCKET.match(bucket) is None or ".." in bucket:
        raise UsageError(f"{text!r} names no bucket", hint="Write s3://bucket/prefix.")
    if prefix and (_PREFIX.match(prefix) is None or ".." in prefix):
        hint = "Use letters, digits, and . _ = - between slashes."
        raise UsageError(f"{text!r} cannot be the address of a store", hint=hint)
    return Place(bucket, prefix)


def access_of(environment: Mapping[str, str]) -> Access:
    """What the environment says, then the profile of the user's AWS files."""

    def said(*names: str) -> str | None:
        return next((environment[name] for name in names if environment.get(name)), None)

    endpoint = said("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    region = said("AWS_REGION", "AWS_DEFAULT_REGION")
    key, secret = said("AWS_ACCESS_KEY_ID"), said("AWS_SECRET_ACCESS_KEY")
    if (key is None) != (secret is None):
        missing = "AWS_SECRET_ACCESS_KEY" if secret is None else "AWS_ACCESS_KEY_ID"
        raise UsageError("half of the credentials of the object storage is missing", where=missing, hint="Set both.")
    profile = _profile(environment, said("AWS_PROFILE"))
    if key is None and not any(environment.get(name) for name in _OTHER_WAYS):
        key, secret = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
        session = profile.get("aws_session_token")
    else:
        session = said("AWS_SESSION_TOKEN")
    return Access(
        endpoint=(endpoint or profile.get("endpoint_url") or "").rstrip("/") or None,
        region=region or profile.get("region"),
        key_id=key,
        secret=secret,
        session=session,
    )


def _profile(environment: Mapping[str, str], name: str | None) -> dict[str, str]:
    """The values of one profile; its credentials lie in one file, its region and endpoint in another."""
    import configparser  # not needed where the store is a folder

    home = Path(environment.get("HOME") or os.path.expanduser("~")) / ".aws"  # noqa: PTH111 - as the AWS tools do
    files = (
        (environment.get("AWS_CONFIG_FILE") or home / "config", f"profile {name}" if name else "default"),
        (environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials", name or "default"),
    )
    found: dict[str, str] = {}
    known = False
    for path, section in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            # Its text may be a secret, so the fault's own words are not shown.
            raise EnvironmentFault("a file of AWS settings cannot be read", where=str(path)) from None
        if parser.has_section(section):
            known = True
            found |= dict(parser.items(section))
    if name is not None and not known:
        raise UsageError(f"there is no profile {name!r} in the AWS files", where="AWS_PROFILE")
    return found
