"""Law: an S3-compatible server that we did not write lists and gives the same as our own, read without a key.

The server is moto's (https://docs.getmoto.org), on loopback, with pages of three keys.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from replay.archive import Archive
from replay.bucket import Bucket as Replayed
from replay.server import Replay

from clampdown.fetch.bucket import Bucket
from clampdown.fetch.client import Client
from clampdown.pipeline import api

Say = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
STRANGE = {"odd/a b+c%2F&é.txt": b"1", "odd/<x>/y": b"22", "odd/\u202dz": b""}


@pytest.fixture(scope="module")
def storage(tiny: Archive) -> Iterator[str]:
    """Address of a bucket in path style, filled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
        server: Any = pytest.importorskip("moto.server").ThreadedMotoServer(
            ip_address="127.0.0.1", port=0, verbose=False
        )
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server.start()
        try:
            host, port = server.get_host_and_port()
            base = f"http://{host}:{port}/ooni-data"
            _put(base, b"")
            for key, body in {**tiny.objects, **STRANGE}.items():
                _put(f"{base}/{quote(key)}", body)
            yield base
        finally:
            server.stop()


def _put(url: str, body: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream", "x-amz-acl": "public-read"}
    with urlopen(Request(url, data=body, method="PUT", headers=headers), timeout=20) as done:
        assert done.status == 200


CASES: list[tuple[tuple[str, ...], dict[str, str]]] = [
    (("",), {}),
    (("raw/20201020/03/XA/", "raw/20201020/20/XA/"), {}),
    (("raw/",), {"delimiter": "/"}),
    (("canned/2020-10-20/",), {}),
    (("raw/",), {"after": "raw/20201020/20/XA/"}),
    (("raw/",), {"until": "raw/20201021"}),
    (("nothing/",), {}),
    (("odd/",), {}),
    (("odd/",), {"delimiter": "/"}),
]


@pytest.mark.parametrize(("prefixes", "how"), CASES)
def test_listings_are_the_same(storage: str, tiny: Archive, prefixes: tuple[str, ...], how: dict[str, str]) -> None:
    with Replay() as server, Client() as client:
        server.mount("/", Replayed({**tiny.objects, **STRANGE}, most=3))

        def listed(base: str) -> list[Any]:
            found = Bucket(client, base).list(prefixes, **how)  # type: ignore[arg-type]
            return sorted((one, 0, "") if isinstance(one, str) else (one.key, one.size, one.md5) for one in found)

        found = listed(storage)
        assert found == listed(server.url)
        assert bool(found) == (prefixes != ("nothing/",))


def test_a_fetch_from_it(storage: str, tiny: Archive, say: Say, tmp_path: Any) -> None:
    period = ("--since", "2020-10-20", "--until", "2020-10-22", "--option", "layout=hourly,daily,cans")
    words = ("fetch", "ooni", "XA", *period, "--from", storage, "--workers", "1", "--no-judge", "--json")
    code, out, err = say(*words)
    assert code == 0, err
    keys = [key for key in tiny.keys("XA") if not key.endswith(".tar.gz")]
    assert json.loads(out)["brought"] == len(keys)
    held = api.open_store(tmp_path / "store")
    assert held.table("measurements").num_rows == len(tiny.measurements(keys))
    assert json.loads(say(*words)[1])["brought"] == 0


def test_a_bucket_that_is_not_there_is_said(storage: str, say: Say) -> None:
    period = ("--since", "2020-10-20", "--until", "2020-10-22")
    code, _, err = say("fetch", "ooni", "XA", *period, "--from", storage + "-other", "--dry-run")
    assert code == 2
    assert "404" in err
