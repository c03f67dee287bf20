"""Law: settings are one typed record; a flag beats `CLAMPDOWN_*`, that beats `clampdown.toml`, that beats the default.

Everything here is a function of its arguments; `cli/frame.py` hands in the environment and the file's bytes.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from clampdown.errors import UsageError

PREFIX: Final = "CLAMPDOWN_"
JOBS: Final = "job"  # tables of the file that are no settings: cli/jobs.py reads them
# Read by the tests, by the frame itself, as a token or for reporting a fault; not settings of the river.
OTHER_VARIABLES: Final = frozenset(
    {"CLAMPDOWN_CONFIG", "CLAMPDOWN_RADAR_TOKEN", "CLAMPDOWN_REQUIRE", "CLAMPDOWN_SHARED"}
)
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; the names are those of `clampdown.toml`."""

    store: str | None = None  # folder of the store, or s3://bucket/prefix
    reference: str | None = None  # folder of further reference data: fingerprints, targets, roots
    workers: int = 0  # processes; 0 = every core
    limit_record: int = 64 << 20  # bytes of one record
    limit_nesting: int = 200  # levels inside one record
    limit_expansion: int = 200  # expanded : packed, once beyond limit_expansion_floor
    limit_expansion_floor: int = 1 << 30  # bytes
    limit_members: int = 10**6  # members of one tar
    raw: str | None = None  # folder of fetched files; default: the folder `raw` of the store
    raw_keep: bool = True  # keep fetched files after they are read
    raw_cap: int = 50 << 30  # bytes that fetched files may take on the disk
    mirror: str | None = None  # address or folder of a mirror that holds each service below its name
    proxy: str | None = None  # address of a proxy: http://, socks5h://
    fetch_parallel: int = 0  # connections at once; 0 = what each service is said to bear
    fetch_total: int = 0  # seconds that one run may take, with all of its jobs; 0 = no limit
    token_file: str | None = None  # file with the token of the service that is asked
    quiet: bool = False  # errors only
    verbose: int = 0  # 1: notes on what is done; 2: where a fault happened
    log_format: str = "text"  # text | json, of what goes to stderr


def size(given: str) -> int:
    """A number of bytes or of things, with an optional k, M or G (of 1024)."""
    found = re.fullmatch(r"\s*(\d+)\s*([kmg]?)i?b?\s*", given.lower())
    if found is None:
        raise UsageError(f"{given!r} is not a number", hint="Write a whole number, or one with k, M or G.")
    return int(found[1]) * _UNITS[found[2]]


def truth(given: str) -> bool:
    """yes or no, in the usual spellings."""
    low = given.strip().lower()
    if low in {"1", "true", "yes", "on"}:
        return True
    if low in {"", "0", "false", "no", "off"}:
        return False
    raise UsageError(f"{given!r} is neither yes nor no", hint="Write yes or no.")


# A field's type -> what a person is told that it takes.
_KINDS: Final = {"int": "a whole number", "bool": "true or false", "str": "text", "str | None": "text"}
_READERS: Final[dict[str, Callable[[str], Any]]] = {"int": size, "bool": truth, "str": str, "str | None": str}


def other_than(name: str, wanted: str, value: object) -> UsageError:
    """A value of another kind than its name takes, in the words of the file."""
    match value:
        case bool():
            said = f"{str(value).lower()} is no {wanted.split()[-1]}"
        case int() | float():
            said = f"{value} is a number"
        case str():
            said = f"{value!r} is text" if value.strip() else "it is empty"
        case list():
            said = "it is a list"
        case dict():
            said = "it is a table"
        case _:
            said = f"{value} is a date or a time"
    return UsageError(f"{name} must be {wanted}, and {said}")


def text(name: str, value: str) -> str:
    """A name of something, such as one that a file can have."""
    if not value.strip():
        raise UsageError(f"{name} is empty", hint="Name one, or leave it out.")
    try:
        value.encode()
    except UnicodeEncodeError:  # a name of bytes that are no text here is none to DuckDB or in JSON
        hint = "If the name looks right to you, say LC_ALL=C.UTF-8 before the command; else rename it."
        raise UsageError(f"{name} holds letters that cannot be read in this locale", hint=hint) from None
    return value


def _read(name: str, kind: str, value: object) -> Any:
    """A value from a flag, a variable or the file, as the field's type."""
    expected = {"int": int, "bool": bool}.get(kind, str)
    if isinstance(value, str):
        try:
            result = _READERS[kind](value) if expected is not str or name == "log_format" else text(name, value)
        except UsageError as fault:
            raise fault.at(name) if name not in fault.what else fault from None
    elif type(value) is expected:
        result = value
    else:
        raise other_than(name, _KINDS[kind], value)
    if name == "store" and isinstance(result, str) and "://" in result:
        from clampdown.store.access import address_of

        result = address_of(result)
    if isinstance(result, int) and result < 0:
        raise UsageError(f"{name} cannot be negative")
    if name.startswith("limit_") and result == 0:
        raise UsageError(f"{name} cannot be 0", hint="A limit of nothing lets nothing through.")
    if name == "log_format" and result not in ("text", "json"):
        raise UsageError(f"log_format cannot be {result!r}", hint="Say text or json.")
    return result


def _unknown(name: str, known: list[str]) -> UsageError:
    near = difflib.get_close_matches(name, known, 1)
    return UsageError(f"there is no setting {name!r}", hint=f"Did you mean {near[0]!r}?" if near else None)


def from_toml(data: bytes) -> dict[str, object]:
    """The settings that a `clampdown.toml` gives; an unknown name is an error, not a silence."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UsageError(f"not a TOML file: {fault}") from None
    known = [f.name for f in fields(Settings)]
    for name in table:
        if name not in (*known, JOBS):
            raise _unknown(name, [*known, JOBS])
    return {name: value for name, value in table.items() if name != JOBS}


def from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    """The settings that `CLAMPDOWN_*` gives; an empty variable counts as absent."""
    known = [PREFIX + f.name.upper() for f in fields(Settings)]
    found: dict[str, object] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES or value == "":
            continue
        if name not in known:
            raise _unknown(name, known)
        found[name.removeprefix(PREFIX).lower()] = value
    return found


def resolve(
    flags: Mapping[str, object | None], environment: Mapping[str, str], toml: bytes | None, toml_name: str = ""
) -> Settings:
    """One record from the three places; a flag that was not given is None."""
    sources: list[tuple[str, Mapping[str, object | None]]] = [("the command line", flags)]
    sources.append(("the environment", from_environment(environment)))
    if toml is not None:
        try:
            sources.append((toml_name, from_toml(toml)))
        except UsageError as fault:
            raise fault.at(toml_name) from None
    values: dict[str, Any] = {}
    for field in fields(Settings):
        for place, given in sources:
            value = given.get(field.name)
            if value is not None:
                try:
                    values[field.name] = _read(field.name, str(field.type), value)
                except UsageError as fault:
                    raise fault.at(place) from None
                break
    return Settings(**values)
