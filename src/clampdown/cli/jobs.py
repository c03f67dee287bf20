"""Law: what is fetched every day is written down once, and a word that means nothing is an error before any request.

Jobs are the tables `[[job]]` of `clampdown.toml`. Everything here is a function of the file's bytes; what a service
can be asked is handed in by the caller that knows the services.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from clampdown.cli.settings import JOBS, other_than
from clampdown.errors import Error, UsageError

_DAYS: Final = re.compile(r"(\d{1,5}) days?")
_HINT: Final = "docs/daily.md shows one"


@dataclass(frozen=True, slots=True)
class Job:
    """One question to one service, asked again on every run; without `until` it is open: until the time of the run."""

    source: str
    since: datetime
    until: datetime | None = None
    country: str | None = None
    networks: tuple[int, ...] = ()
    tests: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    base: str | None = None  # `from` in the file: a mirror, URL or folder

    @property
    def said(self) -> str:
        """What a person calls it."""
        return self.source if self.country is None else f"{self.source} {self.country}"


def load(
    data: bytes,
    *,
    services: Mapping[str, Iterable[str]] | None = None,
    where: str = "",
    now: datetime | None = None,
) -> tuple[Job, ...]:
    """The jobs of a settings file, in its order. `services`: name -> its own options; None takes any name. `now` is
    what "30 days" counts back from."""
    today = now or datetime.now(UTC).replace(tzinfo=None)
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise _at(UsageError(f"not a TOML file: {fault}"), where) from None
    given = table.get(JOBS, [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise _at(UsageError("`job` is not a list of tables", hint=f"Write [[job]] above each; {_HINT}."), where)
    made: list[Job] = []
    for number, one in enumerate(given, 1):
        try:
            made.append(_job(one, None if services is None else {k: tuple(v) for k, v in services.items()}, today))
        except Error as fault:
            raise _at(fault.at(f"job {number}"), where) from None
    return tuple(made)


def _at(fault: Error, where: str) -> Error:
    return fault.at(where) if where else fault


def _job(table: Mapping[str, Any], services: Mapping[str, tuple[str, ...]] | None, now: datetime) -> Job:
    for name in table:
        if name not in _WORDS:
            raise unknown(name, "word for a job", _WORDS)
    for name in ("source", "since"):
        if name not in table:
            raise UsageError(f"it says no {name}", hint=f"{name} is needed; {_HINT}.")
    back = _DAYS.fullmatch(str(table["since"]).strip())
    if back is not None:  # so many days before the run, from a midnight on
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        table = {**table, "since": (midnight - timedelta(days=int(back[1]))).isoformat()}
    read = {name: reader(name, table[name]) for name, reader in _WORDS.items() if name in table}
    if services is not None:
        _known(read["source"], read.get("options", {}), services)
    base = read.pop("from", None)
    job = Job(**read, base=base)
    if job.until is not None and job.until <= job.since:
        raise UsageError("the period is empty", hint="`until` is the first moment that is not asked for any more.")
    return job


def _known(source: str, options: Iterable[str], services: Mapping[str, tuple[str, ...]]) -> None:
    if source not in services:
        raise unknown(source, "source", services)
    for name in options:
        if name not in services[source]:
            raise unknown(name, f"option of {source}", services[source])


def unknown(name: str, what: str, known: Iterable[str]) -> UsageError:
    """An error that names what was probably meant."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    listed = f"There are: {', '.join(names)}." if names else "There are none."
    return UsageError(f"there is no {what} {name!r}", hint=f"Did you mean {near[0]!r}?" if near else listed)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise other_than(name, "text", value)
    return value.strip()


def _texts(name: str, value: object) -> tuple[str, ...]:
    """A text, or a list of them; in the order that the file gives."""
    values: list[object] = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(_text(name, str(one) if type(one) is int else one) for one in values))


def _tests(name: str, value: object) -> tuple[str, ...]:
    return tuple(sorted(one.lower() for one in _texts(name, value)))


def _moment(_name: str, value: object) -> datetime:
    from clampdown.store.store import moment

    made = moment(value if isinstance(value, date | str) else str(value))
    if made is None:
        raise UsageError("no time is given")
    return made


def _country(_name: str, value: object) -> str:
    from clampdown.store.store import country_code

    return country_code(value)


def _networks(_name: str, value: object) -> tuple[int, ...]:
    from clampdown.store.store import network_number

    values: list[object] = value if isinstance(value, list) else [value]
    return tuple(sorted({network_number(one) for one in values}))


def _options(name: str, value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        fault = other_than(name, "a table", value)
        fault.hint = 'Write it as: options = { layout = "hourly" }.'
        raise fault
    return {key: _texts(key, one) for key, one in sorted(value.items())}


_WORDS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "source": _text, "country": _country, "networks": _networks, "tests": _tests, "since": _moment,
    "until": _moment, "options": _options, "from": _text,
}  # fmt: skip
