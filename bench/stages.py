"""Law: a stage is measured in a process of its own that does nothing else; it prints one JSON object.

`floor`: gunzip, then a parse-only pass over each line by simdjson, nothing kept. `parts`: gunzip, and what the
libraries alone take for decoding, digests and fingerprints, nothing kept: what no reader built on them can beat.
`observe`: containers, decoding, digests, features, Arrow batches; one process. `river`: everything, from files to
judged days, all cores. What a process does once, whatever it reads (imports, compiling fingerprints), is left out of
the first three and part of the river.
"""

from __future__ import annotations

import gzip
import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Counts = dict[str, float]


def floor(paths: list[Path]) -> Counts:
    start = time.perf_counter()
    import simdjson
    from isal import igzip

    parser = simdjson.Parser()
    setup = time.perf_counter() - start
    size = count = 0
    for path in paths:
        with igzip.open(path, "rb") as lines:
            for line in lines:
                parser.parse(line)
                size += len(line)
                count += 1
    return {"bytes": size, "measurements": count, "setup": setup}


def parts(paths: list[Path]) -> Counts:
    start = time.perf_counter()
    import hashlib

    import msgspec
    from isal import igzip

    from clampdown.intake.sources.ooni.web_connectivity import WebRecord
    from clampdown.pipeline.observe import kit_of
    from clampdown.reference import load_reference

    bodies = kit_of(load_reference()).bodies
    assert bodies is not None
    bodies.match(b"compiles the fingerprints")
    decoder = msgspec.json.Decoder(WebRecord)
    setup = time.perf_counter() - start
    size = count = 0
    for path in paths:
        with igzip.open(path, "rb") as lines:
            for line in lines:
                hashlib.sha256(line).hexdigest()
                keys = decoder.decode(line).test_keys
                for request in (keys.requests if keys else None) or ():
                    body = request.response.body.encode() if request.response else b""
                    hashlib.sha256(body).hexdigest()
                    bodies.match(body)
                size += len(line)
                count += 1
    return {"bytes": size, "measurements": count, "setup": setup}


def observe(paths: list[Path]) -> Counts:
    start = time.perf_counter()
    from clampdown.cluster import steady
    from clampdown.intake.containers import Limits
    from clampdown.pipeline.observe import kit_of, read_input
    from clampdown.reference import load_reference

    steady()  # as in every worker
    kit = kit_of(load_reference())
    with gzip.open(paths[0]) as lines:
        list(read_input(io.BytesIO(lines.readline()), "first", kit, Limits()))  # compiles the fingerprints
    setup = time.perf_counter() - start
    count = rows = rejects = 0
    for path in paths:
        with path.open("rb") as stream:
            for batch in read_input(stream, path.name, kit, Limits()):
                count += batch.measurements.num_rows
                rows += batch.observations.num_rows
                rejects += len(batch.rejects)
    return {"measurements": count, "observations": rows, "rejects": rejects, "setup": setup}


def river(paths: list[Path]) -> Counts:
    from clampdown.pipeline import ingest, open_storage
    from clampdown.store.storage import LocalStorage

    with tempfile.TemporaryDirectory() as folder:
        store = open_storage(LocalStorage(Path(folder) / "store"), "store", create=True)
        summary = ingest(paths, store)
    return {
        "measurements": summary.measurements,
        "observations": summary.observations,
        "rejects": summary.rejected,
    }


STAGES: dict[str, Callable[[list[Path]], Counts]] = {"floor": floor, "parts": parts, "observe": observe, "river": river}


def peak() -> int:
    """Bytes that the largest process of this stage held at once: this one, or one of its workers."""
    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    status = Path("/proc/self/status")
    if status.is_file():  # a child begins with its parent's maximum in ru_maxrss; VmHWM is its own
        own = next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit)


def main() -> None:
    stage, *names = sys.argv[1:]
    paths = [Path(name) for name in names]
    start = time.perf_counter()
    counts = STAGES[stage](paths)
    seconds = time.perf_counter() - start - counts.pop("setup", 0)
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in spent)
    print(json.dumps({**counts, "seconds": seconds, "cpu": cpu, "peak": peak()}))


if __name__ == "__main__":
    main()
