"""Law: a store in a bucket is held against the same store in a folder: same commands, same machine, same run.

python bench/in_a_bucket.py MATERIAL...   files and folders, such as `archive signals` of a `clampdown demo`
python bench/in_a_bucket.py --small       a few records, so that the benchmark itself cannot rot (CI)

The arms: a folder; moto's S3 in a process of its own; the small server of the tests with 20 ms before every answer,
as from a bucket in the same region. Each command is a process, as a person would call it; arms take turns, medians of
rounds. That moto and the commands share the machine's cores is a cost that a real bucket would not have.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "src"), str(ROOT / "tests/store"), str(ROOT / "tests/cli")]
import buckets  # noqa: E402 - the server of the tests
import made  # noqa: E402

LATENCY: Final = 0.02  # seconds
COMMANDS: Final = (
    ("ingest", lambda given: ["ingest", *given]),
    ("detect", lambda _: ["detect"]),
    ("report", lambda _: ["report", "XA", "-o", "report.html"]),
    ("verify", lambda _: ["verify", "report.json"]),
    ("status", lambda _: ["status"]),
)


def run(words: list[str], folder: Path, environment: dict[str, str]) -> float:
    """One command, in seconds."""
    path = {"PYTHONPATH": f"{ROOT / 'src'}"}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "clampdown", *words, "-q"], cwd=folder, env=os.environ | path | environment,
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return time.perf_counter() - started


def moto(stack: ExitStack) -> dict[str, str]:
    """moto's server as a process; its environment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(server.wait)
    stack.callback(server.terminate)
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urlopen(Request(f"{url}/{buckets.BUCKET}", method="PUT")).close()
            break
        except OSError:
            time.sleep(0.1)
    return {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": buckets.KEY, "AWS_SECRET_ACCESS_KEY": buckets.SECRET}


def measure(given: list[str], rounds: int, commands: Sequence[Any] = COMMANDS) -> dict[str, Any]:
    """Median seconds of each command in each arm, and the requests of the arm that counts them."""
    seconds: dict[str, dict[str, list[float]]] = {}
    asked: dict[str, int] = {}
    with ExitStack() as stack:
        world = stack.enter_context(buckets.served())
        world.page = 1000
        world.fault = lambda *_: buckets.Fault(wait=LATENCY)
        arms: dict[str, tuple[Callable[[int], str], dict[str, str]]] = {
            "folder": (lambda n: f"store{n}", {}),
            "moto": (lambda n: f"s3://{buckets.BUCKET}/store{n}", moto(stack)),
            "20 ms": (lambda n: f"s3://{buckets.BUCKET}/store{n}", world.environment()),
        }
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for n in range(rounds):
            for arm, (store, environment) in arms.items():
                for name, words in commands:
                    before = len(world.asked)
                    took = run([*words(given), "--store", store(n)], folder, environment)
                    seconds.setdefault(name, {}).setdefault(arm, []).append(took)
                    asked[name] = len(world.asked) - before
            shutil.rmtree(folder / f"store{n}")
        sizes = [len(kept.data) for key, kept in world.kept.items() if key.startswith("store0/")]
    medians = {name: {arm: statistics.median(took) for arm, took in arms.items()} for name, arms in seconds.items()}
    return {"seconds": medians, "requests": asked, "objects": len(sizes), "bytes": sum(sizes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("material", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given = [str(Path(path).resolve()) for path in asked.material] or [str(made.write(Path(folder)))]
        found = measure(given, 1, COMMANDS[:1]) if asked.small else measure(given, asked.rounds)
    for name, arms in found["seconds"].items():
        took = "   ".join(f"{arm} {seconds:6.2f} s" for arm, seconds in arms.items())
        print(f"{name:8} {took}   {found['requests'][name]:,} requests")
    print(f"{found['objects']:,} objects, {found['bytes'] / 1e6:,.1f} MB")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
