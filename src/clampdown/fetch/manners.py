"""Law: we ask as a guest: few connections at a time, no request twice without a pause, and never longer than is said.

A failed request waits a random time that doubles (full jitter), or as long as the service says; the retries of a run
come out of one budget, so that a service that is down is left alone. Times are seconds.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from clampdown.errors import UsageError

_PROXIES: Final = ("http", "https", "socks4a", "socks5", "socks5h")


def agent() -> str:
    """How we present ourselves; services ask for a name and a way to reach who runs it."""
    try:
        return f"clampdown/{version('clampdown')}"
    except PackageNotFoundError:
        return "clampdown"


@dataclass(frozen=True, slots=True)
class Manners:
    """How one run behaves. All numbers are provisional: chosen to be polite, not measured against the services."""

    parallel: int = 8  # connections at once
    pause: float = 0.0  # between the beginnings of two requests
    tries: int = 6  # of one request
    budget: float = 40.0  # retries that a run begins with; each success gives back a tenth
    first_wait: float = 0.5  # upper end of the first pause; doubles
    most_wait: float = 60.0  # of a pause that we choose
    patience: float = 300.0  # of a pause that the service asks for; longer ends the run, to be taken up later
    connect: float = 30.0
    stall: float = 60.0  # without a kilobyte a second
    answer: float = 300.0  # for one small answer
    total: float = 0.0  # for the whole run; 0: no limit
    spent: float = 0.0  # of it, before this client: a run may need several
    most_answer: int = 64 << 20  # bytes of a small answer
    most_file: int = 16 << 30  # bytes of a file whose size nobody said
    hops: int = 5  # redirects, within one host
    proxy: str | None = None
    roots: str | None = None  # file of roots trusted beside the system's; certifi's where none is named
    agent: str = field(default_factory=agent)

    def __post_init__(self) -> None:
        if self.proxy is not None and not re.match(rf"({'|'.join(_PROXIES)})://[^\s/]+", self.proxy):
            hint = f"Write it as an address: socks5h://127.0.0.1:9050. It may begin with {', '.join(_PROXIES)}."
            raise UsageError("the proxy is no address of a proxy", where="proxy", hint=hint)


class Budget:
    """What is left of a run's retries."""

    def __init__(self, manners: Manners, dice: random.Random | None = None) -> None:
        self._manners = manners
        self._left = manners.budget
        self._dice = dice or random.Random()  # noqa: S311 - spreads requests over time, guards nothing

    def success(self) -> None:
        """A request went well."""
        self._left = min(self._manners.budget, self._left + 0.1)

    def spend(self) -> bool:
        """Take one retry; False: none is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def wait(self, tries: int) -> float:
        """Seconds before the next try, after so many."""
        return self._dice.uniform(0, min(self._manners.most_wait, self._manners.first_wait * 2 ** (tries - 1)))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks for: a number, or a date (RFC 9110, 10.2.3); None where it says nothing."""
    if not value:
        return None
    text = value.strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())
