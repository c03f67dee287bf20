"""Law: stdout is data only; whatever speaks to a person goes to stderr, as words or as one JSON object a line.

Nothing said here comes from inside a record: counts, names of files and the words of `clampdown.errors` only.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

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
    def progress(self, title: str) -> Generator[Callable[[int, int, int], None]]:
        """A callback `(bytes done, bytes in all, records)`: a bar on a terminal, a line now and then elsewhere."""
        if self.quiet:
            yield lambda done, total, records: None
        elif self.json or not sys.stderr.isatty():
            yield self._lines(title)
        else:
            with _bar() as bar:
                yield _drawer(bar, bar.add_task(title, total=None, records=0))

    def _lines(self, title: str) -> Callable[[int, int, int], None]:
        begun = last = time.monotonic()

        def line(done: int, total: int, records: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < EVERY_SECONDS:
                return
            last = now
            rate = records / max(now - begun, 1e-9)
            share = f"{done / total:.0%} of {total / 1e6:,.0f} MB" if total else f"{done / 1e6:,.0f} MB"
            text = f"{title}: {share}, {records:,} records, {rate:,.0f} a second"
            self.note(text, done=done, total=total, records=records)

        return line


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[records]:,} records"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _drawer(bar: Progress, task: TaskID) -> Callable[[int, int, int], None]:
    def draw(done: int, total: int, records: int) -> None:
        bar.update(task, completed=done, total=total or None, records=records)

    return draw
