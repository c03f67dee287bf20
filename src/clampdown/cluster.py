"""Law: a task gives the same result wherever it runs; a worker never outlives the command that started it.

Tasks run in this process, or in processes of their own that are started afresh (nothing is inherited, the caller's
main module is never imported again) and that end when the pipe to their parent does.
"""

from __future__ import annotations

import gc
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import Any, BinaryIO, Final, TypeVar

from clampdown.errors import EnvironmentFault, Error

State = TypeVar("State")
Task = TypeVar("Task")
Result = TypeVar("Result")
Tell = Callable[[Any], None]

_HEAD: Final = struct.Struct("<Q")
_START: Final = "import sys; sys.path[:] = {path!r}; from clampdown.cluster import serve; serve()"


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    function: Callable[[State, Task, Tell], Result],
    tasks: Iterable[Task],
    *,
    setup: Callable[..., State],
    given: tuple[Any, ...] = (),
    workers: int = 1,
    tell: Tell = lambda _: None,
) -> Generator[Result, None, None]:
    """Results as they are done, in no promised order. `setup(*given)` is called once per process.

    Tasks are taken from their iterator one at a time, as workers become free, so that a long list costs nothing.
    """
    if workers <= 1 or not sys.executable:
        state = setup(*given)
        for task in tasks:
            yield function(state, task, tell)
        return
    yield from _Crew(function, setup, given, workers).work(tasks, tell)


class _Crew:
    """The workers of one run; one thread each carries tasks to it and results back."""

    def __init__(self, function: Any, setup: Any, given: tuple[Any, ...], workers: int) -> None:
        self._hello = pickle.dumps((function, setup, given), protocol=5)
        self._workers = workers
        self._inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen[bytes]] = []

    def work(self, tasks: Iterable[Any], tell: Tell) -> Generator[Any, None, None]:
        waiting = iter(tasks)
        running = 0
        try:
            for task in waiting:  # a worker starts only where there is work for it
                self._outbox.put(pickle.dumps(task, protocol=5))
                running += 1
                if len(self._processes) < self._workers:
                    self._hire()
                # One task more than workers waits, so that nobody idles while the next one is prepared.
                while running > self._workers or (running and not self._inbox.empty()):
                    done = self._next(tell)
                    if done is not None:
                        running -= 1
                        yield done[0]
            while running:
                done = self._next(tell)
                if done is not None:
                    running -= 1
                    yield done[0]
        finally:
            self._dismiss()

    def _next(self, tell: Tell) -> tuple[Any] | None:
        kind, value = self._inbox.get()
        if kind == "tell":
            tell(value)
            return None
        if kind == "error":
            raise value
        return (value,)

    def _hire(self) -> None:
        command = [sys.executable, "-c", _START.format(path=[p or os.getcwd() for p in sys.path])]  # noqa: PTH109
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ourselves
        self._processes.append(process)
        threading.Thread(target=self._carry, args=(process,), daemon=True).start()

    def _carry(self, process: subprocess.Popen[bytes]) -> None:
        """Hand tasks to one worker until there are no more."""
        there, back = process.stdin, process.stdout
        if there is None or back is None:  # both were asked for
            return
        try:
            _send(there, self._hello)
            while (task := self._outbox.get()) is not None:
                _send(there, task)
                while True:
                    kind, value = pickle.loads(_receive(back))  # noqa: S301 - our own worker
                    self._inbox.put((kind, value))
                    if kind != "tell":
                        break
        except (EOFError, OSError):
            hint = "Was it killed for want of memory? Run the same command with fewer --workers."
            self._inbox.put(("error", EnvironmentFault("a worker process ended before its time", hint=hint)))

    def _dismiss(self) -> None:
        for process in self._processes:
            self._outbox.put(None)
            process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what a killed worker did not take
                        pipe.close()


def _send(pipe: BinaryIO | Any, data: bytes) -> None:
    pipe.write(_HEAD.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: BinaryIO | Any) -> bytes:
    (size,) = _HEAD.unpack(_exactly(pipe, _HEAD.size))
    return _exactly(pipe, size)


def _exactly(pipe: BinaryIO | Any, size: int) -> bytes:
    data: bytes = pipe.read(size)
    if len(data) != size:
        raise EOFError
    return data


def steady() -> None:
    """Make this process one that reads records for as long as it lives: hardly anything in it is ever garbage.

    Records are structs and tuples without cycles; with the usual thresholds the collector walks all rows of a batch
    again and again (some percent of the time) and finds nothing.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def serve() -> None:
    """A worker: tasks come on stdin, results leave on what was stdout; prints go to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and ends its workers
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    inlet = sys.stdin.buffer
    steady()
    import pyarrow as pa

    pa.set_cpu_count(1)  # one worker, one core

    def answer(kind: str, value: Any) -> None:
        _send(out, pickle.dumps((kind, value), protocol=5))

    with suppress(EOFError, BrokenPipeError):  # the parent is gone: so are we
        function, setup, given = pickle.loads(_receive(inlet))  # noqa: S301 - our own parent
        state: Any = None
        ready = False
        while True:
            task = pickle.loads(_receive(inlet))  # noqa: S301
            try:
                if not ready:
                    state, ready = setup(*given), True
                result = function(state, task, lambda value: answer("tell", value))
            except Error as fault:
                answer("error", fault)
            except Exception:
                answer("error", RuntimeError(f"in a worker:\n{traceback.format_exc()}"))
            else:
                answer("done", result)
