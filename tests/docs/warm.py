"""Law: a command of a page runs as a process of its own, with its own streams, folder and environment; what it imports
was imported once, by the process that it is forked from.

As a program this file is both ends. `warm.py serve SOCKET` imports Clampdown and waits; `warm.py SOCKET WORDS...` hands
words, folder, environment and streams to it, and ends with the exit code of the command.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

SIZE = struct.Struct("<Q")
IMPORTED = (
    "clampdown.cli", "clampdown.cli.fetch", "clampdown.demo.run", "clampdown.fetch.client", "clampdown.pipeline",
    "clampdown.pipeline.answers", "clampdown.pipeline.doctor", "clampdown.pipeline.fetching",
    "clampdown.pipeline.found", "clampdown.pipeline.keeping", "clampdown.publish.page",
)  # fmt: skip


def ask(place: str, words: list[str]) -> int:
    """Have the command run; its exit code."""
    asked = json.dumps({"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ)}).encode()
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(place)
        socket.send_fds(one, [SIZE.pack(len(asked))], [0, 1, 2])
        one.sendall(asked)
        answer = one.recv(1)
    return answer[0] if answer else 70


def read(one: socket.socket) -> tuple[dict[str, object], list[int]]:
    """What is asked, and the streams."""
    head, streams, _, _ = socket.recv_fds(one, SIZE.size, 3)
    wanted, data = SIZE.unpack(head)[0], b""
    while len(data) < wanted and (more := one.recv(wanted - len(data))):
        data += more
    return json.loads(data), list(streams)


def serve(place: str) -> None:
    """Until the process that started this one ends, which its stdin tells."""
    import importlib
    import select

    for name in IMPORTED:
        importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen(8)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        print("ready", flush=True)
        while 0 not in select.select([door, 0], [], [])[0]:
            one, _ = door.accept()
            if os.fork() == 0:
                door.close()
                attend(one)
            one.close()


def attend(one: socket.socket) -> None:
    """In a process of its own: run one command in another, and say how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked, streams = read(one)
    command = os.fork()
    if command == 0:
        one.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        begin(asked)
    for stream in streams:
        os.close(stream)
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    one.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def begin(asked: dict[str, object]) -> None:
    from clampdown.cli import main

    os.chdir(str(asked["folder"]))
    os.environ.clear()
    os.environ.update(asked["environment"])  # type: ignore[call-overload]
    try:
        main(list(asked["words"]))  # type: ignore[call-overload]
    finally:
        os._exit(70)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        os._exit(ask(sys.argv[1], sys.argv[2:]))
