"""Law: without a store each record is judged alone: what lies beside it in the file never changes its verdict.

Records of several files are judged in one run of the rules, because that costs the same as judging one; they share
nothing but the run. Two records under one id never share a run, so that neither's observations reach the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown import cluster
from clampdown.engine import Engine
from clampdown.intake.containers import Limits
from clampdown.judge.rules import Rules, load_rules
from clampdown.judge.verdicts import judge_records
from clampdown.model import FIRED, MATCHES, MEASUREMENTS, OBSERVATIONS, VERDICTS, Batch, Reject
from clampdown.pipeline.inputs import Counted, Input, Progress, find, open_input
from clampdown.pipeline.observe import Read, kit_of, read_alone
from clampdown.reference import Reference, load_reference

_ROWS: Final = 4000  # measurements judged in one run
_BYTES: Final = 96 << 20
_INLINE: Final = 4 << 20
_TOGETHER: Final = 8 << 20
_AT_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Alone:
    """Records that were judged in one run, in the order in which they were found."""

    measurements: pa.Table
    verdicts: pa.Table
    fired: pa.Table
    files: tuple[str, ...]  # for each measurement the file that it came from, as the person named it
    rejects: tuple[Reject, ...]


@dataclass(frozen=True)
class _State:
    rules: Rules
    reference: Reference
    kit: Any
    limits: Limits
    engine: Engine
    read: Read


@dataclass(frozen=True, slots=True)
class _Task:
    number: int
    inputs: tuple[Input, ...]


def judge_files(
    paths: Iterable[str | PathLike[str]],
    *,
    reference: Reference | None = None,
    rules: Rules | None = None,
    workers: int = 0,
    progress: Callable[[Progress], None] = lambda _: None,
    limits: Limits | None = None,
    read: Read = read_alone,
) -> Iterator[Alone]:
    """Judge every record of these files alone; the same files give the same tables in the same order."""
    inputs = find([paths] if isinstance(paths, str | PathLike) else paths)
    size = sum(one.size for one in inputs)
    progress(Progress(total_bytes=size))
    piped = any(one.piped for one in inputs)  # a pipe belongs to this process
    crew = 1 if piped or (not workers and size < _INLINE) else workers or cluster.cores()
    results = cluster.run(
        _judge,
        _tasks(inputs),
        setup=_state,
        given=(rules or load_rules(), reference or load_reference(), limits or Limits(), read),
        workers=crew,
        tell=progress,
    )
    held: dict[int, list[Alone]] = {}
    following = 0
    for number, found in results:
        held[number] = found
        while following in held:
            yield from held.pop(following)
            following += 1


def _state(rules: Rules, reference: Reference, limits: Limits, read: Read) -> _State:
    return _State(rules, reference, kit_of(reference), limits, Engine(threads=1, memory="1500MB"), read)


def _tasks(inputs: Sequence[Input]) -> Iterator[_Task]:
    """Neighbours together, so that results come in the order of the inputs."""
    number, held, size = 0, list[Input](), 0
    for one in inputs:
        held.append(one)
        size += one.size
        if len(held) >= _AT_MOST or size >= _TOGETHER:
            yield _Task(number, tuple(held))
            number, held, size = number + 1, [], 0
    if held:
        yield _Task(number, tuple(held))


def _judge(state: _State, task: _Task, tell: Callable[[Any], None]) -> tuple[int, list[Alone]]:
    made: list[Alone] = []
    run = _Run()
    for one in task.inputs:
        with open_input(one) as file:
            stream = Counted(file, tell, one.shown)
            for batch in state.read(stream, one.name, state.kit, state.limits):
                run.add(batch, one.shown)
                tell(Progress(records=batch.measurements.num_rows + len(batch.rejects)))
                if run.full():
                    made.extend(run.judged(state))
                    run = _Run()
            stream.say()
        tell(Progress(files=1))
    made.extend(run.judged(state))
    return task.number, made


class _Run:
    """Records that wait to be judged together; each id once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._batches: list[Batch] = []
        self._files: list[str] = []
        self._rejects: list[Reject] = []
        self._later: list[tuple[Batch, str]] = []  # further records under an id that is taken
        self._bytes = 0

    def full(self) -> bool:
        return len(self._files) >= _ROWS or self._bytes >= _BYTES

    def add(self, batch: Batch, file: str) -> None:
        self._rejects.extend(replace(reject, file=file) for reject in batch.rejects)
        ids: list[str] = batch.measurements["measurement"].to_pylist()
        free: list[int] = []
        taken: list[int] = []
        for row, one in enumerate(ids):
            (taken if one in self._seen else free).append(row)
            self._seen.add(one)
        if taken:
            self._later.append((_only(batch, taken), file))
            batch = _only(batch, free)
        self._batches.append(batch)
        self._files.extend([file] * len(free))
        self._bytes += batch.observations.nbytes + batch.measurements.nbytes

    def judged(self, state: _State) -> Iterator[Alone]:
        """Judge what is held; then, in runs of their own, what could not be held with it."""
        if self._files or self._rejects:
            yield self._run(state)
        if self._later:
            rest = _Run()
            for batch, file in self._later:
                rest.add(batch, file)
            yield from rest.judged(state)

    def _run(self, state: _State) -> Alone:
        m = pa.concat_tables([MEASUREMENTS.empty_table(), *(b.measurements for b in self._batches)])
        o = pa.concat_tables([OBSERVATIONS.empty_table(), *(b.observations for b in self._batches)])
        x = pa.concat_tables([MATCHES.empty_table(), *(b.matches for b in self._batches)])
        verdicts, fired = VERDICTS.empty_table(), FIRED.empty_table()
        if m.num_rows:
            found = judge_records(state.engine, m, o, x, rules=state.rules, reference=state.reference, pooled=False)
            verdicts, fired = found.verdicts, found.fired
        return Alone(m, verdicts, fired, tuple(self._files), tuple(self._rejects))


def _only(batch: Batch, rows: list[int]) -> Batch:
    """Some measurements of a batch with what belongs to them, each observation once."""
    m = batch.measurements.take(pa.array(rows, pa.int64()))
    contents = set(zip(m["measurement"].to_pylist(), m["digest"].to_pylist(), strict=True))
    return Batch(m, _theirs(batch.observations, contents), _theirs(batch.matches, contents))


def _theirs(table: pa.Table, contents: set[tuple[str, str]]) -> pa.Table:
    """The rows of these contents. A content that stood in the batch twice has its rows twice: equal ones go."""
    keys = ["measurement", "digest", "seq", *(["fingerprint", "place"] if "fingerprint" in table.column_names else [])]
    columns = [table[key].to_pylist() for key in keys]
    kept: dict[tuple[Any, ...], int] = {}
    for at, row in enumerate(zip(*columns, strict=True)):
        if row[:2] in contents:
            kept.setdefault(row, at)
    return table.take(pa.array(kept.values(), pa.int64()))


def rejects_of(found: Iterable[Alone]) -> dict[str, int]:
    """Rejects by reason."""
    reasons = pa.array([reject.reason for one in found for reject in one.rejects], pa.string())
    counts = pc.call_function("value_counts", [reasons]).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(counts, key=lambda row: row["values"])}
