"""Law: a task gives the same wherever it runs, and what goes wrong in a worker is said, not lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from clampdown import cluster
from clampdown.errors import EnvironmentFault, Error, InputError
from clampdown.pipeline.inputs import Input, find, is_measurement_file, printable


def test_results_do_not_depend_on_the_workers() -> None:
    told: list[object] = []
    for workers in (1, 2):
        results = cluster.run(_scaled, range(9), setup=int, given=("10",), workers=workers, tell=told.append)
        assert sorted(results) == [n * 10 for n in range(9)]
    assert len(told) == 18


def _scaled(state: int, task: int, tell: cluster.Tell) -> int:
    tell(task)
    return state * task


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_cross_the_border(workers: int) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        list(cluster.run(_named, ["/no/such/file"], setup=str, workers=workers))


def _named(_state: str, task: str, _tell: cluster.Tell) -> object:
    return find([task])


def test_a_worker_that_is_killed_is_said() -> None:
    with pytest.raises(EnvironmentFault, match="worker"):
        list(cluster.run(_dies, [1, 2, 3], setup=str, workers=2))


def _dies(_state: str, _task: int, _tell: cluster.Tell) -> None:
    import os

    os._exit(9)


def test_bugs_in_a_worker_keep_their_story() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        list(cluster.run(_divides, [0, 1], setup=str, workers=2))


def _divides(_state: str, task: int, _tell: cluster.Tell) -> float:
    return 1 / task


def test_workers_need_no_guard_in_the_caller_s_script(tmp_path: object) -> None:
    code = (
        "from clampdown import cluster\n"
        "from clampdown.pipeline.inputs import printable\n"
        "import operator\n"
        "print(sorted(cluster.run(max, [3, 1], setup=int, given=('2',), workers=2, tell=print))[0:0])\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    # `max(state, task, tell)` cannot compare: the fault comes back once, and no worker starts the script again.
    assert "TypeError" in made.stderr
    assert made.stderr.count("Traceback (most recent call last)") <= 2


def test_errors_keep_their_words() -> None:
    fault = Error("what", where="here", hint="Do that.")
    assert str(fault) == "here: what. Do that."
    assert Input("p", "n", "s", 1) == Input("p", "n", "s", 1)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("a.jsonl.gz", True),
        ("A.JSON", True),
        ("x.tar.lz4", True),
        ("r.yaml", True),
        ("updates.20240101.0000.bz2", True),
        ("bview.mrt", True),
        ("notes.txt", False),
        ("README.md", False),
        ("gz", False),
    ],
)
def test_what_a_folder_is_searched_for(name: str, taken: bool) -> None:
    assert is_measurement_file(name) is taken


def test_hostile_names_become_printable() -> None:
    assert printable("a\nb\x1b[31m\u202ec\udcff") == "a\ufffdb\ufffd[31m\ufffdc\ufffd"
