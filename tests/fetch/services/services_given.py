"""Law: planners are asked as the command asks them, and what services answer is written here from their documents.

Answers are made up; their shapes are those of the services' own documentation or source.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from clampdown.fetch.client import Answer
from clampdown.fetch.wanted import Asked, Secret, Service, Wanted
from clampdown.intake.containers_bytes import DEFAULT
from clampdown.intake.features import Kit
from clampdown.model import Batch, Reject
from clampdown.pipeline.observe import kit_of, read_input
from clampdown.reference import load_reference

NOW = datetime(2024, 6, 15, 12, 34, 56, 789)
TOKEN = Secret("t0ken-that-nobody-sees")


def asked(since: str = "2022-09-01", until: str = "2022-09-15", country: str | None = "IR", **more: Any) -> Asked:
    options = {name: value if isinstance(value, tuple) else (value,) for name, value in more.pop("options", {}).items()}
    first, last = datetime.fromisoformat(since), datetime.fromisoformat(until)
    return Asked(first, last, more.pop("now", NOW), country=country, options=options, **more)


@dataclass
class Replies:
    """A client that answers from a function of path and query, and remembers what it was asked."""

    reply: Callable[[str, dict[str, str]], Any] = lambda _path, _query: {}
    urls: list[str] = field(default_factory=list[str])

    def get(self, url: str, **_: Any) -> Answer:
        self.urls.append(url)
        made = self.reply(urlsplit(url).path, query(url))
        body = made if isinstance(made, bytes) else json.dumps(made).encode()
        return Answer(200, {}, body, url)

    def queries(self) -> list[dict[str, str]]:
        return [query(url) for url in self.urls]


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def planned(service: Service, question: Asked, client: Replies | None = None) -> list[Wanted]:
    return list(service.plan(question, client or Replies()))  # type: ignore[arg-type]


def walked(first: Wanted, reply: Callable[[dict[str, str]], Any], folder: Path) -> Iterator[tuple[Wanted, Path]]:
    """A wanted file and all that follow from it, each answered, checked and written."""
    todo, number = [first], 0
    while todo:
        one = todo.pop(0)
        path = written(folder, f"{number}", reply(query(one.url)))
        number += 1
        if one.check is not None:
            one.check(path)
        yield one, path
        todo += list(one.follow(path)) if one.follow is not None else []


def written(folder: Path, name: str, answer: Any) -> Path:
    path = folder / name
    path.write_bytes(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
    return path


@cache
def kit() -> Kit:
    return kit_of(load_reference())


@dataclass
class Taken:
    """What intake made of one file."""

    series: list[dict[str, Any]]
    signals: list[dict[str, Any]]
    context: list[dict[str, Any]]
    measurements: list[dict[str, Any]]
    rejects: Sequence[Reject]


def ingested(name: str, answer: Any) -> Taken:
    """A file under the name that its planner gave it, read as any file is."""
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    batches: list[Batch] = list(read_input(io.BytesIO(data), name, kit(), DEFAULT))
    levels = [batch.levels for batch in batches if batch.levels is not None]
    return Taken(
        [row for each in levels for row in each.series.to_pylist()],
        [row for each in levels for row in each.signals.to_pylist()],
        [row for each in levels for row in each.context.to_pylist()],
        [row for batch in batches for row in batch.measurements.to_pylist()],
        [reject for batch in batches for reject in batch.rejects],
    )
