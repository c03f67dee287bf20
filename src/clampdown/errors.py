"""Law: every failure a user can meet is one of these kinds, and speaks to the person.

The core raises without a path; the edge that knows the path completes it with `at()`. Nothing else crosses
the public API. `what` is what is wrong, `where` is the file, line or member, `hint` is what to do about it.
"""

from __future__ import annotations

from typing import Self


class Error(Exception):
    """Base of every error that Clampdown shows to a person; `exit_code` follows the contract (0, 1, 2, 70, 130)."""

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def at(self, where: str) -> Self:
        """Complete the error with its place; a place already known is kept in front of the new one."""
        self.where = where if self.where is None else f"{where}, {self.where}"
        return self

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        return text if self.hint is None else f"{text}. {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders in the pool; the default would lose the keywords.
        return (_rebuild, (type(self), self.what, self.where, self.hint))


def _rebuild(kind: type[Error], what: str, where: str | None, hint: str | None) -> Error:
    return kind(what, where=where, hint=hint)


class InputError(Error):
    """The material given cannot be read: missing, unreadable, of no known kind."""


class UsageError(Error):
    """The words of the command or the call do not fit."""


class EnvironmentFault(Error):
    """The machine refuses: no space, no permission, a missing program."""


class StoreError(Error):
    """The store is of another format, in use, or damaged."""


class RuleError(Error):
    """A rule, a table of targets or a snapshot of reference data is not well formed."""


class CheckFailed(Error):
    """A check said no (`verify`, `doctor`, `--strict`)."""

    exit_code = 1


class FetchError(EnvironmentFault):
    """A service, or the way to it, refuses: no answer, a wrong one, or one that may not be trusted. `status` is the
    HTTP status where there was one; `whole` says that everything else of the run would meet the same."""

    def __init__(
        self, what: str, *, where: str | None = None, hint: str | None = None, status: int | None = None,
        whole: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(what, where=where, hint=hint)
        self.status = status
        self.whole = whole


def amount(size: float) -> str:
    """Bytes as a person says them."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= one:
            return f"{size / one:,.1f} {unit}"
    return f"{size:,.0f} bytes"
