"""Law: a machine that refuses, a stream that is gone, a person who interrupts: one line, the right exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clampdown.cli import group, run

sys.path.insert(0, str(Path(__file__).parent))
import given

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX streams, signals and permissions")
PROGRAM = f"exec {sys.executable} -m clampdown "
CONTAINERS = (
    "plain", "gzip members", "zstd frames", "lz4 cut", "a tar that climbs", "an array cut",
    "YAML that asks for a program", "empty",
)  # fmt: skip
WORDS = ("judge a.jsonl --format jsonl", "ingest a.jsonl --store s")
# Everything is imported and read once before the child gives up being root: its Python may lie in root's own folder.
# Each command then runs in a process forked from that one, with files for its streams.
GIVE_UP = """
import contextlib, io, json, os, sys
from clampdown.cli import group, main
from clampdown.cli.frame import run
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    for words in (["ingest", "a.jsonl", "--store", sys.argv[1]], ["judge", "a.jsonl", "--format", "jsonl"]):
        assert run(group, words) == 0
streams = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in sys.argv[2:4]]
told = []
for words in json.loads(sys.argv[4]):
    for stream in streams:
        os.ftruncate(stream, 0)
    child = os.fork()
    if child == 0:
        for number, stream in enumerate(streams, 1):
            os.dup2(stream, number)
        os.setgid(65534)
        os.setuid(65534)
        main(words)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told.append([code, *(open(path).read() for path in sys.argv[2:4])])
print(json.dumps(told))
"""


def shell(command: str, folder: Path, data: bytes = b"") -> tuple[int, str, str]:
    """A command line through a shell, so that streams can be closed and redirected."""
    done = subprocess.run(["bash", "-c", command], cwd=folder, input=data, capture_output=True, timeout=60, check=False)
    err = done.stderr.decode()
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    return done.returncode, done.stdout.decode("utf-8", "replace"), err


def many(count: int) -> bytes:
    return b"".join(given.lines(given.ONE.replace(b"0001a000", b"%08x" % n)) for n in range(count))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "a.jsonl").write_bytes(given.lines(*given.LINES))
    return tmp_path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system with /dev/full")
@pytest.mark.parametrize("words", [*WORDS, "judge a.jsonl --format table"])
def test_a_full_stdout(words: str, here: Path) -> None:
    assert shell(f"{PROGRAM}{words} > /dev/full", here) == (
        2, "", "clampdown: stdout: cannot be written: No space left on device\n"
    )  # fmt: skip


@pytest.mark.parametrize("words", [*WORDS, "--help"])
def test_a_closed_stdout_and_a_closed_stderr(words: str, here: Path) -> None:
    code, _, err = shell(f"{PROGRAM}{words} >&-", here)
    assert (code, err) == (2, "clampdown: stdout: it is closed. Redirect it to a file, or to /dev/null.\n")
    assert not (here / "s").exists()
    code, out, err = shell(f"{PROGRAM}{words} 2>&-", here)
    assert (code, err) == (0, "")
    assert out


def test_a_closed_stdin(here: Path) -> None:
    for words in ("judge -", "ingest - --store s"):
        code, out, err = shell(f"{PROGRAM}{words} <&-", here)
        assert (code, out) == (2, "")
        assert err == "clampdown: -: stdin is closed\n"


def test_a_reader_that_leaves(here: Path) -> None:
    (here / "b.jsonl").write_bytes(many(999))
    program = PROGRAM.removeprefix("exec ")
    code, out, err = shell(f"{program} judge b.jsonl --format jsonl | head -1; echo ${{PIPESTATUS[0]}}", here)
    assert (code, err) == (0, "")
    assert out.endswith("\n0\n")


@pytest.mark.parametrize("kind", CONTAINERS)
def test_stdin_with_every_container(kind: str, here: Path) -> None:
    file = given.FILES[kind]
    code, out, _ = shell(f"{PROGRAM}ingest - --store s --json", here, file.data)
    got = json.loads(out)
    assert code == 0
    assert got["measurements"] == file.measurements or file.measurements < 0
    assert sorted(p.name for p in here.iterdir()) == ["a.jsonl", "s"]
    assert not list(here.rglob(".tmp-*"))


def test_paths_that_are_no_files(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the process of this test, but for the last."""
    monkeypatch.chdir(here)
    folder = here / "in"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(here / "a.jsonl", folder)
    (folder / "deep" / "up").symlink_to("..")
    (folder / "self.jsonl").symlink_to("self.jsonl")
    (folder / "gone.jsonl").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.jsonl")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(here / "sock"))
        for path, says in (
            ("in/self.jsonl", "in/self.jsonl"), ("in/gone.jsonl", "no such file"), ("sock", "sock: it cannot be read"),
            ("/proc/self/mem", "/proc/self/mem: reading failed"), ("", "no such file"),
            ("*.nothing", "no such file"),
        ):  # fmt: skip
            if path.startswith("/proc") and not Path(path).exists():
                continue
            for words in (["ingest", path, "--store", "t"], ["judge", path]):
                code = run(group, words)
                out, err = capfd.readouterr()
                assert (code, out) == (2, "")
                assert says in err
                assert err.count("\n") == 1
    code, out, _ = shell(f"{PROGRAM}ingest in /dev/null --store s --json", here)
    got = json.loads(out)
    assert (code, got["files"], got["measurements"], got["rejects"]) == (0, 2, 4, {"empty": 1})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give up being root")
def test_without_permission(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    here.chmod(0o755)
    for parent in here.parents[:2]:
        parent.chmod(0o755)
    (here / "closed").mkdir()
    shutil.copy(here / "a.jsonl", here / "closed/b.jsonl")
    shutil.copy(here / "a.jsonl", here / "secret.jsonl")
    (here / "closed").chmod(0)
    (here / "secret.jsonl").chmod(0)
    cases = (
        (["ingest", "secret.jsonl", "--store", "s"], "secret.jsonl: no permission to read it"),
        (["judge", "closed"], "closed: no permission to read it"),
        (["judge", "closed/b.jsonl"], "closed/b.jsonl: no permission to read it"),
        (["ingest", "a.jsonl", "--store", "s"], "s: no permission"),
        (["ingest", "a.jsonl", "--store", "closed/s"], "no permission"),
    )
    warm = tmp_path_factory.mktemp("warm")
    places = [str(warm / name) for name in ("s", "out", "err")]
    argv = [sys.executable, "-c", GIVE_UP, *places, json.dumps([words for words, _ in cases])]
    done = subprocess.run(argv, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for (_, says), (code, out, err) in zip(cases, json.loads(done.stdout), strict=True):
        assert (code, out) == (2, "")
        assert says in err.replace("Permission denied", "no permission")
        assert err.count("\n") == 1
    assert sorted(p.name for p in here.iterdir()) == ["a.jsonl", "closed", "secret.jsonl"]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("after", [0.2, 0.8])
def test_an_interruption_leaves_a_whole_store(after: float, workers: str, here: Path) -> None:
    (here / "b.jsonl").write_bytes(many(9000))
    words = [sys.executable, "-m", "clampdown", "ingest", "b.jsonl", "--store", "s", "--no-judge", "--workers", workers]
    child = subprocess.Popen(words, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    time.sleep(after)
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err
    assert (child.returncode, b"interrupted" in err) in ((130, True), (130, False), (0, False))
    code, out, _ = shell(f"{PROGRAM}ingest b.jsonl --store s --no-judge --json", here)
    assert (code, json.loads(out)["measurements"]) == (0, 9000)
    assert not list(here.rglob(".tmp-*"))


def test_several_at_once_on_one_store(here: Path) -> None:
    words = [sys.executable, "-m", "clampdown", "ingest", "a.jsonl", "--store", "s", "--json"]
    crew = [subprocess.Popen(words, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for one in crew:
        out, err = one.communicate(timeout=60)
        if one.returncode == 0:
            assert json.loads(out)["measurements"] == 4
        else:
            assert one.returncode == 2
            assert b"another command" in err
    assert any(one.returncode == 0 for one in crew)
    code, out, _ = shell(f"{PROGRAM}ingest a.jsonl --store s --json", here)
    assert (code, json.loads(out)["measurements"]) == (0, 4)
