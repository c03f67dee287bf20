"""Law: stdout is data only; whatever speaks to a person goes to stderr, as words or as one JSON object a line.

Nothing said here comes from inside a record: counts, names of files and the words of `clampdown.errors` only.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from clampdown.errors import Error

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EVERY_SECONDS: Final = 5.0  # between two lines of progress where there is no terminal to draw a bar on
_CONTROL: Final = dict.fromkeys((*range(32), 127, *range(128, 160), *range(8234, 8239), *range(8294, 8298)), "?")


def plain(text: object) -> str:
    """Text that cannot steer a terminal: file names may hold escape sequences."""
    return str(text).translate(_CONTROL)


class Notes:
    """What is said beside the data."""

    def __init__(self, log_format: str = "text", *, quiet: bool = False, verbose: int = 0) -> None:
        self.json = log_format == "json"
        self.quiet = quiet
        self.verbose = verbose

    def _say(self, level: str, text: str, facts: dict[str, object]) -> None:
        if self.json:
            line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "message": text}
            said = json.dumps({**line, **facts}, ensure_ascii=True, default=str)
        else:
            prefix = "" if level == "info" else f"clampdown: {level}: " if level != "error" else "clampdown: "
            said = prefix + plain(text)
        sys.stderr.write(said + "\n")
        sys.stderr.flush()

    def note(self, text: str, **facts: object) -> None:
        """Something a person may want to know."""
        if not self.quiet:
            self._say("info", text, facts)

    def detail(self, text: str, **facts: object) -> None:
        """Something that only `-v` asks for."""
        if self.verbose and not self.quiet:
            self._say("info", text, facts)

    def warn(self, text: str, **facts: object) -> None:
        """Something a person should look at; `--quiet` keeps it back."""
        if not self.quiet:
            self._say("warning", text, facts)

    def error(self, fault: Error | str, *, exit_code: int = 2) -> None:
        """Why the command stops; always said."""
        facts: dict[str, object] = {"exit": exit_code}
        if isinstance(fault, Error):
            facts |= {"kind": type(fault).__name__, "what": fault.what, "where": fault.where, "hint": fault.hint}
        self._say("error", str(fault), facts)

    @contextmanager
    def progress(self, title: str) -> Generator[Callable[[Step], None]]:
        """A callback for steps of the work: a bar on a terminal, a line now and then elsewhere, nothing if quiet."""
        total = Total()
        if self.quiet:
            yield total.add
        elif self.json or not sys.stderr.isatty():
            yield self._lines(title, total)
        else:
            with _bar() as bar:
                yield _drawer(bar, total, bar.add_task(title, total=None, said=""))

    def _lines(self, title: str, total: Total) -> Callable[[Step], None]:
        begun = last = time.monotonic()

        def line(step: Step) -> None:
            nonlocal last
            total.add(step)
            now = time.monotonic()
            if now - last >= EVERY_SECONDS:
                last = now
                rate = total.records / max(now - begun, 1e-9)
                facts = {"read": total.read, "of": total.of, "records": total.records, "days": total.days}
                self.note(f"{title}: {total.said()}, {rate:,.0f} records a second", **facts)

        return line


class Step(Protocol):
    """What one step added (pipeline's Progress); totals are said once, when they are known."""

    @property
    def read(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def files(self) -> int: ...
    @property
    def days(self) -> int: ...
    @property
    def total_bytes(self) -> int | None: ...
    @property
    def total_days(self) -> int | None: ...


class Total:
    """Steps added up."""

    def __init__(self) -> None:
        self.read = self.records = self.files = self.days = self.of = self.of_days = 0

    def add(self, step: Step) -> None:
        self.read += step.read
        self.records += step.records
        self.files += step.files
        self.days += step.days
        self.of = self.of if step.total_bytes is None else step.total_bytes
        self.of_days = self.of_days if step.total_days is None else step.total_days

    def said(self) -> str:
        if self.of_days:
            return f"{self.days:,} of {self.of_days:,} days settled, {self.records:,} records"
        part = f"{self.read / 1e6:,.0f} of {self.of / 1e6:,.0f} MB" if self.of else f"{self.read / 1e6:,.0f} MB"
        return f"{part}, {self.records:,} records"


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _drawer(bar: Progress, total: Total, task: TaskID) -> Callable[[Step], None]:
    def draw(step: Step) -> None:
        total.add(step)
        done, of = (total.days, total.of_days) if total.of_days else (total.read, total.of)
        bar.update(task, completed=done, total=of or None, said=total.said())

    return draw
