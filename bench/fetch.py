"""Law: our download is held against `curl --parallel` on the same objects, from the same server, in the same run.

python bench/fetch.py            arms of small, mixed and large objects, medians of interleaved rounds; peak memory
python bench/fetch.py --small    a few objects, so that the benchmark itself cannot rot (CI)

The server is nginx where it is installed, else the replay server of the tests in a process of its own. Sizes are
lognormal, as those of OONI's archive; bytes are random, so that nobody packs them. Ours checks sizes and MD5, hashes
with SHA-256, syncs every file to the disk and writes the ledger; curl does none of that. Listing is no part of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import math
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

HERE: Final = Path(__file__).resolve().parent
MB: Final = 1_000_000
LINE: Final = "/line"  # below it, nginx gives no more than
LINE_RATE: Final = 125_000_000  # bytes a second over all connections: a line of 1 Gbit/s
PARALLEL: Final = 8  # as `Manners.parallel`, for both


@dataclass(frozen=True)
class Arm:
    """Objects of one kind."""

    name: str
    count: int
    median: float  # bytes
    spread: float  # sigma of the logarithm


ARMS: Final = (
    Arm("small", 3000, 30e3, 1.0),
    Arm("mixed", 1200, 150e3, 1.5),
    Arm("large", 120, 4e6, 0.7),
)
SMALL_ARMS: Final = (Arm("small", 60, 8e3, 1.0), Arm("large", 4, 3e5, 0.5))
MEMORY: Final = (1_000, 20_000)  # objects of 4 KB: what grows with their number would show


def make(folder: Path, arm: Arm, seed: int = 7) -> list[dict[str, Any]]:
    """The arm's objects on the disk, and what a listing would say of them."""
    dice = random.Random(f"{arm} {seed}")
    block = dice.randbytes(1 << 20)
    found: list[dict[str, Any]] = []
    for number in range(arm.count):
        size = max(1, min(64 << 20, int(dice.lognormvariate(math.log(arm.median), arm.spread))))
        at = dice.randrange(1 << 19)
        body = number.to_bytes(8, "big") + (block[at:] * (size // (1 << 19) + 1))
        body = body[:size] if size > 8 else body[8 - size : 8]
        key = f"{arm.name}/{number % 97:02}/{number}.jsonl.gz"
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        found.append({"key": key, "size": size, "md5": hashlib.md5(body, usedforsecurity=False).hexdigest()})
    return found


# Servers


@contextmanager
def nginx(folder: Path, work: Path) -> Iterator[str]:
    """nginx on a free port of loopback, with nothing but what it needs."""
    port = _free_port()
    conf = work / "nginx.conf"
    temporary = "".join(
        f"{name}_temp_path {work}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf.write_text(
        f"daemon off; worker_processes 1; pid {work}/pid; error_log {work}/error.log;"
        f"{'user root;' if os.geteuid() == 0 else ''} events {{ worker_connections 512; }}"
        f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; {temporary}"
        f"server {{ listen 127.0.0.1:{port}; root {folder}; "
        f"location {LINE}/ {{ alias {folder}/; limit_rate {LINE_RATE // PARALLEL}; }} }} }}\n"
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with _running([program, "-p", str(work), "-c", str(conf), "-e", str(work / "error.log")], port) as url:
        yield url


@contextmanager
def replayed(folder: Path, work: Path) -> Iterator[str]:
    """The replay server of the tests."""
    port = _free_port()
    with _running([sys.executable, str(HERE / "fetch.py"), "--serve", str(folder), "--port", str(port)], port) as url:
        yield url


@contextmanager
def _running(words: list[str], port: int) -> Iterator[str]:
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(400):
            try:
                urlopen(f"{url}/", timeout=5).close()
            except OSError as fault:
                if getattr(fault, "code", None) is not None:
                    break
                time.sleep(0.05)
            else:
                break
        yield url
    finally:
        server.terminate()
        server.wait(20)


def _free_port() -> int:
    import socket

    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def serve(folder: Path, port: int) -> None:
    """Run the replay server until this process is ended."""
    sys.path.append(str(HERE.parent / "tests/fetch"))
    from replay.server import Asked, Replay, Reply

    def answer(asked: Asked) -> Reply | None:
        path = folder / asked.path.lstrip("/")
        return Reply(path.read_bytes()) if path.is_file() else None

    with Replay(port=port) as server:
        server.mount("/", answer)
        while True:
            time.sleep(1)


# Clients: each a process of its own; seconds, of the process and of the transfers where it can tell


def ours(url: str, listing: Path, folder: Path, *more: str) -> dict[str, float]:
    words = [
        sys.executable,
        str(HERE / "fetch.py"),
        "--bring",
        str(listing),
        "--url",
        url,
        "--into",
        str(folder),
        *more,
    ]
    path = os.pathsep.join([str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")])
    done, seconds, cpu = _timed(words, {**os.environ, "PYTHONPATH": path})
    return {**json.loads(done), "process": seconds, "cpu": cpu}


def unsynced(url: str, listing: Path, folder: Path) -> dict[str, float]:
    """Ours, with a system that says of every file that it is on the disk: what syncing costs."""
    return ours(url, listing, folder, "--unsynced")


def curl(url: str, listing: Path, folder: Path) -> dict[str, float]:
    folder.mkdir(parents=True)
    config = folder.with_suffix(".curl")
    lines = [
        f'url = "{url}/{one["key"]}"\noutput = "{folder}/{n}"' for n, one in enumerate(json.loads(listing.read_text()))
    ]
    config.write_text("\n".join(lines))
    words = ["curl", "--parallel", "--parallel-max", str(PARALLEL), "--silent", "--show-error", "--fail"]
    _, seconds, cpu = _timed([*words, "-K", str(config)], dict(os.environ))
    return {"seconds": seconds, "process": seconds, "cpu": cpu}


def _timed(words: list[str], environment: dict[str, str]) -> tuple[str, float, float]:
    """What a program prints, its seconds, and the seconds of CPU that it took."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"bench: {words[0]} failed\n{done.stderr}")
    return done.stdout, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


CLIENTS: Final[dict[str, Callable[[str, Path, Path], dict[str, float]]]] = {
    "ours": ours,
    "curl": curl,
    "unsynced": unsynced,
}


def bring(listing: Path, url: str, folder: Path, *, unsynced: bool = False) -> None:
    """Our side, in this process: bring what is listed, and say how long it took and how much memory."""
    from clampdown.fetch.client import Client
    from clampdown.fetch.haul import Haul
    from clampdown.fetch.ledger import Ledger
    from clampdown.fetch.manners import Manners
    from clampdown.fetch.wanted import Wanted

    rows = json.loads(listing.read_text())
    wanted = [
        Wanted("bench", one["key"], f"{url}/{one['key']}", one["key"].rpartition("/")[2], one["size"], one["md5"])
        for one in rows
    ]
    del rows
    if unsynced:
        os.fsync = os.fdatasync = os.sync = lambda *_: None
    before = _peak()
    begun = time.perf_counter()
    with Client(Manners(parallel=PARALLEL)) as client:
        haul = Haul(client, Ledger(folder))
        count = sum(one.new for one in haul.bring(wanted))
    seconds = time.perf_counter() - begun
    peak = _peak()
    if count != len(wanted) or haul.tally.failed:
        sys.exit(f"bench: {count} of {len(wanted)} files came")
    print(json.dumps({"seconds": seconds, "peak": peak, "before": before}))


def _peak() -> int:
    """Most bytes that this process held. Where the system tells, of this program alone: `ru_maxrss` remembers the
    process that it was forked from."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# The benchmark


def compare(arm: Arm, url: str, rows: list[dict[str, Any]], work: Path, rounds: int) -> dict[str, Any]:
    """Rounds of both, in turns; each writes to a folder of its own. What it wrote is emptied before the next and
    removed at the end: a file system that has just removed thousands of files (ext4) is slow to make new ones."""
    listing = work / f"{arm.name}.json"
    listing.write_text(json.dumps(rows))
    size = sum(one["size"] for one in rows)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
    for number in range(rounds):
        for name in list(CLIENTS)[:: -1 if number % 2 else 1]:
            folder = work / f"into-{arm.name}-{name}-{number}"
            os.sync()  # what the one before left to be written is not this one's
            runs[name].append(CLIENTS[name](url, listing, folder))
            _empty(folder)
    found: dict[str, Any] = {"objects": len(rows), "bytes": size, "runs": runs}
    for name, each in runs.items():
        for what in ("seconds", "process", "cpu"):
            found[f"{name}_{what}"] = statistics.median(run[what] for run in each)
    found["peak"] = max(run["peak"] for run in runs["ours"])
    found["share"] = found["curl_seconds"] / found["ours_seconds"]
    found["share_unsynced"] = found["curl_seconds"] / found["unsynced_seconds"]
    found["share_process"] = found["curl_process"] / found["ours_process"]
    return found


def _empty(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)


def memory(counts: tuple[int, ...], url: str, served: Path, work: Path) -> dict[str, dict[str, float]]:
    """Peak memory of our process by the number of objects."""
    found: dict[str, dict[str, float]] = {}
    for count in counts:
        rows = make(served, Arm(f"memory{count}", count, 4e3, 0.0))
        listing = work / f"memory{count}.json"
        listing.write_text(json.dumps(rows))
        found[str(count)] = ours(url, listing, work / f"into-{count}")
    return found


def _say(arm: Arm, one: dict[str, Any]) -> None:
    print(f"\n{arm.name}: {one['objects']:,} objects, {one['bytes'] / MB:,.0f} MB, median {arm.median / 1e3:,.0f} KB")
    for name in CLIENTS:
        spread = ", ".join(f"{run['seconds']:.2f}" for run in one["runs"][name])
        rate, cpu = one["bytes"] / MB / one[f"{name}_seconds"], one[f"{name}_cpu"]
        print(f"  {name:10}{one[f'{name}_seconds']:8.2f} s{rate:9,.0f} MB/s{cpu:8.2f} s CPU   rounds {spread}")
    shares = f"{one['share_unsynced']:.2f} without syncing, {one['share_process']:.2f} with the start of Python"
    print(f"  ours reaches {one['share']:.2f} of curl ({shares}); peak memory {one['peak'] / MB:.0f} MB")


def main() -> None:
    words = argparse.ArgumentParser(description="our download beside curl --parallel, and its memory")
    words.add_argument("--small", action="store_true", help="a few objects: checks the benchmark, measures little")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--server", choices=("nginx", "replay"), help="default: nginx where it is installed")
    words.add_argument("--disk", action="store_true", help="on the disk, also where there is room in memory")
    words.add_argument("--json", type=Path, help="write the figures to this file as well")
    for hidden in ("--serve", "--bring", "--into"):
        words.add_argument(hidden, type=Path, help=argparse.SUPPRESS)
    words.add_argument("--unsynced", action="store_true", help=argparse.SUPPRESS)
    words.add_argument("--url", help=argparse.SUPPRESS)
    words.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.serve:
        serve(asked.serve, asked.port)
    elif asked.bring:
        bring(asked.bring, asked.url, asked.into, unsynced=asked.unsynced)
    else:
        measure(asked)


def measure(asked: argparse.Namespace) -> None:
    has = shutil.which("nginx") or Path("/usr/sbin/nginx").exists()
    server = asked.server or ("nginx" if has else "replay")
    rounds = 1 if asked.small else asked.rounds
    print(
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, served by {server}, {PARALLEL} connections", end=""
    )
    print(f", {rounds} rounds in turns, medians")
    results: dict[str, Any] = {"server": server, "arms": {}}
    # In memory where there is room: a disk of many users measures itself.
    memory_fs = Path("/dev/shm")
    room = not asked.disk and memory_fs.is_dir() and shutil.disk_usage(memory_fs).free > 16e9
    print(f"files lie {'in memory' if room else 'on the disk'}")
    with tempfile.TemporaryDirectory(dir=memory_fs if room else None) as top:
        served, work = Path(top) / "served", Path(top) / "work"
        served.mkdir()
        work.mkdir()
        os.chmod(top, 0o755)  # noqa: PTH101 - nginx's worker may be another user
        with {"nginx": nginx, "replay": replayed}[server](served, work) as url:
            for arm in SMALL_ARMS if asked.small else ARMS:
                results["arms"][arm.name] = compare(arm, url, make(served, arm), work, rounds)
                _say(arm, results["arms"][arm.name])
            if server == "nginx":
                arm = SMALL_ARMS[-1] if asked.small else ARMS[-1]
                rows = json.loads((work / f"{arm.name}.json").read_text())
                line = dataclasses.replace(arm, name="line")
                results["arms"]["line"] = compare(line, url + LINE, rows, work, rounds)
                print("\nthe same large objects over a line of 1 Gbit/s", end="")
                _say(line, results["arms"]["line"])
            results["memory"] = memory((20, 200) if asked.small else MEMORY, url, served, work)
    print("\npeak memory of our process")
    for count, one in results["memory"].items():
        print(f"  {int(count):7,} objects {one['peak'] / MB:8.1f} MB ({one['before'] / MB:.1f} MB before the first)")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
