"""Law: whatever happens inside a command, it ends in one of five exit codes, data on stdout, words on stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from clampdown.cli.frame import common, open_frame, run, setting, write_file
from clampdown.errors import CheckFailed, EnvironmentFault, InputError

SECRET = "198.51.100.77"


def fail_with(fault: BaseException) -> click.Command:
    @click.command("x")
    def command() -> None:
        raise fault

    return common(command)


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (CheckFailed("3 numbers differ"), 1, "3 numbers differ"),
        (InputError("is empty", where="a.jsonl", hint="Nothing to do"), 2, "a.jsonl: is empty. Nothing to do"),
        (PermissionError(13, "Permission denied", "a.gz"), 2, "a.gz: Permission denied"),
        (MemoryError(), 2, "memory"),
        (KeyError(SECRET), 70, "a fault in Clampdown itself: KeyError"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_exit_codes(fault: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--log-format", "json"], ["--quiet"]):
        assert run(fail_with(fault), words) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert says in err
        assert "Traceback" not in err
        assert SECRET not in err, "a fault must not print values: they come from records"
        if "json" in words:
            assert json.loads(err)["exit"] == code


def test_the_way_there_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fail_with(ZeroDivisionError("x")), ["-vv"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_success_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command("x")
    @setting("--store")
    @click.pass_context
    def command(context: click.Context) -> None:
        click.echo(open_frame(context).settings.store)

    assert run(command, ["--store", "s"]) == 0
    assert capsys.readouterr() == ("s\n", "")
    assert run(command, ["--stroe", "s"]) == 2
    assert "--store" in capsys.readouterr().err


def test_a_terminal_cannot_be_steered(capsys: pytest.CaptureFixture[str]) -> None:
    run(fail_with(InputError("is empty", where="\x1b[2Ja\u202eb\n")), [])
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\u202e" not in err
    assert err.count("\n") == 1


def test_flags_before_and_after_the_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clampdown.toml").write_text('store = "from-file"\nquiet = true\nworkers = 3\n')

    @click.group()
    def group() -> None:
        pass

    @group.command("x")
    @setting("--store")
    @click.pass_context
    def command(context: click.Context) -> None:
        s = open_frame(context).settings
        click.echo(f"{s.store} {s.quiet} {s.workers} {s.verbose} {s.log_format}")

    monkeypatch.setenv("CLAMPDOWN_WORKERS", "4")
    common(group)
    common(command)
    assert run(group, ["--log-format", "json", "x", "--store", "s"]) == 0
    assert run(group, ["x", "-v", "--log-format", "json"]) == 0
    assert capsys.readouterr().out == "s True 4 0 json\nfrom-file True 4 1 json\n"
    assert run(group, ["x", "--config", "absent.toml"]) == 2
    assert "absent.toml" in capsys.readouterr().err


def test_write_file_is_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "report.html"
    write_file(target, b"one")
    write_file(target, b"two")
    assert [p.read_bytes() for p in target.parent.iterdir()] == [b"two"]
    (tmp_path / "dir").mkdir()
    with pytest.raises(EnvironmentFault, match="dir"):
        write_file(tmp_path / "dir", b"x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "dir"]


def program(*words: str, **more: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "clampdown", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )  # type: ignore[call-overload,no-any-return]


@pytest.mark.skipif(os.name == "nt", reason="POSIX resource usage")
def test_help_answers_at_once() -> None:
    """Under 150 ms of processor time: that is what it takes on an idle machine, and other load does not change it."""
    best = min(_cpu_seconds("--help") for _ in range(5))
    assert best < 0.15, f"{best:.3f} s"


def _cpu_seconds(*words: str) -> float:
    before = os.times()
    done = program(*words)
    out, err = done.communicate()
    assert done.returncode == 0, err
    assert b"ingest" in out
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_help_imports_nothing_heavy() -> None:
    heavy = {"pyarrow", "duckdb", "rich", "cryptography", "jinja2"}
    code = f"import sys, clampdown.cli; print(*({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    "body",
    [
        "    time.sleep(30)",
        "    try:\n        time.sleep(30)\n    except KeyboardInterrupt:\n        raise ImportError from None",
    ],
    ids=["our own", "made a fault by a library"],
)
def test_interrupt_is_130(body: str) -> None:
    code = (
        "import sys, time, click; from clampdown.cli.frame import heed_interruption, run\n"
        "heed_interruption()\n"
        "@click.command()\n"
        f"def x():\n    print('ready', flush=True)\n{body}\n"
        "sys.exit(run(x, []))"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=10)
    assert child.returncode == 130
    assert b"interrupted" in err
    assert b"Traceback" not in err


def test_a_reader_that_leaves_is_no_fault() -> None:
    code = (
        "import sys, click; from clampdown.cli.frame import run, write_stdout\n"
        "@click.command()\n"
        "def x():\n    [write_stdout(b'x' * 65536) for _ in range(99)]\n"
        "sys.exit(run(x, []))"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read(10)
    child.stdout.close()
    assert child.stderr is not None
    assert child.stderr.read() == b""
    assert child.wait(timeout=10) == 0
    child.stderr.close()


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_pipe_or_a_device_takes_the_bytes_and_stays(tmp_path: Path) -> None:
    """Written as root beside /dev/null and then moved, a file would take the device's place."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, [b"o", b"ne"])
    assert os.read(reader, 10) == b"one"
    os.close(reader)
    assert pipe.is_fifo()
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]
    write_file(Path(os.devnull), b"one")
    assert Path(os.devnull).is_char_device()
