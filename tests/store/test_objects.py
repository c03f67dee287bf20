"""Law: an object is whole or not there; a write knows whether it was ours; refusals are words without a secret."""

from __future__ import annotations

import errno
import os
import pickle
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import buckets
from buckets import BUCKET, KEY, SECRET, Fault, World

from clampdown.errors import EnvironmentFault, Error, StoreError, UsageError
from clampdown.store.access import Access, access_of, folder_of, is_address, place_of
from clampdown.store.bucket import CHUNK, Patience
from clampdown.store.objects import ObjectStorage
from clampdown.store.refusals import told

HASTY = Patience(connect=1, silence=0.3, total=1, tries=1, first=0.01)


@pytest.fixture
def world() -> Generator[World, None, None]:
    with buckets.served() as made:
        yield made


def once(does: Fault, method: str, ending: str) -> Callable[[str, str, int], Fault | None]:
    """The first request of this kind meets it."""
    met: list[int] = []

    def fault(asked: str, key: str, number: int) -> Fault | None:
        if asked == method and key.endswith(ending) and not met:
            met.append(number)
            return does
        return None

    return fault


def test_a_large_object_comes_in_pieces_and_is_seen_when_whole(world: World) -> None:
    storage = world.storage()
    data = os.urandom(2 * CHUNK + 5)
    sink = storage.create("tables/t/x.parquet")
    for start in range(0, len(data), CHUNK):
        sink.file.write(data[start : start + CHUNK])
    seen: list[list[str]] = []
    world.fault = lambda *_: seen.append(list(world.kept)) or None  # type: ignore[func-returns-value]
    assert sink.close() == len(data)
    assert len(seen) == 5  # begun, three pieces, ended
    assert not any(seen)
    assert storage.read("tables/t/x.parquet") == data
    world.asked.clear()
    with storage.open("tables/t/x.parquet") as file:
        file.seek(-20, os.SEEK_END)
        assert file.read() == data[-20:]
        file.seek(CHUNK)
        assert file.read(100) == data[CHUNK : CHUNK + 100]
    assert len(world.asked) == 2  # its end, and one piece
    with pytest.raises(StoreError, match="twice"):
        sink.close()


def test_a_small_part_is_one_request_each_way(world: World) -> None:
    storage = world.storage()
    sink = storage.create("tables/t/x.parquet")
    sink.file.write(b"x" * 1000)
    sink.close()
    with storage.open("tables/t/x.parquet") as file:
        file.seek(-8, os.SEEK_END)
        file.read(8)
        file.seek(0)
        file.read(10)
    assert [method for method, _ in world.asked] == ["PUT", "GET"]


def test_a_listing_of_many_pages(world: World) -> None:
    world.page = 3
    storage = world.storage()
    names = [f"landing/day=2024-01-{n:02}/x.parquet" for n in range(1, 12)]
    for name in names:
        storage.write_new(name, b"")
    assert storage.list("landing") == names
    assert storage.strange() == []


@pytest.mark.parametrize("lost", [Fault(before=False), Fault(500, "InternalError", before=False)])
def test_a_write_whose_answer_got_lost_is_ours(world: World, lost: Fault) -> None:
    """The client asks again and is refused, by its own first write."""
    storage = world.storage()
    world.fault = once(lost, "PUT", "manifest/1.json")
    assert storage.write_new("manifest/1.json", b"a")
    assert not storage.write_new("manifest/1.json", b"a")  # equal bytes, and not ours
    assert [key for method, key in world.asked if method == "PUT"] == ["p/q/manifest/1.json"] * 3


def test_two_that_write_one_name_at_the_same_moment(world: World) -> None:
    """Real ones answer 409 while another write of that name is going on, which may yet fail."""
    storage = world.storage()
    world.fault = once(Fault(409, "ConditionalRequestConflict"), "PUT", "manifest/1.json")
    assert storage.write_new("manifest/1.json", b"a")


def test_now_and_then_it_fails(world: World) -> None:
    storage = world.storage()
    kinds = (Fault(500, "InternalError"), Fault(503, "SlowDown"), Fault(), Fault(before=False))
    world.fault = lambda _m, _k, n: kinds[n // 3 % 4] if n % 3 == 0 else None
    for n in range(12):
        assert storage.write_new(f"manifest/{n}.json", b"%d" % n)
        assert storage.read(f"manifest/{n}.json") == b"%d" % n
    assert len(storage.list("manifest")) == 12
    storage.delete(*storage.list("manifest"))
    assert world.kept == {}


def test_a_slow_one_is_waited_for_and_a_silent_one_is_not(world: World) -> None:
    storage = world.storage(patience=HASTY)
    world.fault = lambda *_: Fault(wait=0.1)
    assert storage.write_new("manifest/1.json", b"a")
    assert storage.read("manifest/1.json") == b"a"
    world.fault = lambda *_: Fault(wait=0.6)
    with pytest.raises(EnvironmentFault, match="in time"):
        storage.read("manifest/1.json")


def shut(_world: World) -> Access:
    return Access(endpoint="http://127.0.0.1:9", region="us-east-1", key_id=KEY, secret=SECRET)


def odd(code: str, status: int = 403) -> Callable[[World], Access]:
    def misbehaving(world: World) -> Access:
        world.fault = lambda *_: Fault(status, code)
        return world.access()

    return misbehaving


@pytest.mark.parametrize(
    ("access", "said"),
    [
        (lambda world: world.access("SOMEBODYELSE"), "credentials are not known"),
        (odd("SignatureDoesNotMatch"), "secret key does not fit"),
        (odd("RequestTimeTooSkewed"), "clock of this machine"),
        (odd("AccessDenied"), "access denied"),
        (odd(""), "access denied"),
        (odd("ExpiredToken", 400), "session"),
        (odd("PermanentRedirect", 301), "another region"),
        (odd("NotImplemented", 501), "under a condition"),
        (odd("QuotaExceeded", 400), "no room"),
        (odd("SlowDown", 503), "overloaded, asked 2 times"),
        (odd("InternalError", 500), "out of order, asked 2 times"),
        (odd("Whatever", 418), "refuses: 418 Whatever"),
        (shut, "not reachable"),
    ],
)
def test_every_refusal_is_said_whatever_is_asked(world: World, access: Callable[[World], Access], said: str) -> None:
    storage = ObjectStorage(f"s3://{BUCKET}/p", access(world), patience=HASTY)
    acts: list[Callable[[], object]] = [
        lambda: storage.read("manifest/1.json"),
        lambda: storage.size("manifest/1.json"),
        lambda: storage.list("manifest"),
        lambda: storage.write_new("manifest/1.json", b""),
        storage.lock,
    ]
    for act in acts:
        with pytest.raises(Error, match=said) as caught:
            act()
        assert caught.value.exit_code == 2
        assert f"s3://{BUCKET}/p" in str(caught.value)
        hidden = repr(caught.value) + str(caught.value) + repr(storage) + repr(storage.bucket.access)
        assert not any(secret in hidden for secret in (KEY, SECRET, "SOMEBODYELSE", "Debug", "<"))
        assert caught.value.__cause__ is None
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_no_bucket_no_host_no_credentials(world: World) -> None:
    nowhere = ObjectStorage("s3://elsewhere/p", world.access(), patience=HASTY)
    for act in (nowhere.strange, lambda: nowhere.read("x"), lambda: nowhere.write_new("x", b"")):
        with pytest.raises(EnvironmentFault, match="no such bucket"):
            act()
    words = (
        ("PUT http://169.254.169.254/latest/api/token in 1ms - status code: 403 Forbidden", "no credentials"),
        ("error sending request ConnectError( dns error", "no such host"),
        ("invalid peer certificate: UnknownIssuer", "certificate"),
        ("quite another thing", "an answer that is none"),
    )
    for text, said in words:
        assert said in str(told(ValueError(text), "s3://b"))


def test_conditions_that_are_not_heeded_are_noticed(world: World) -> None:
    """Two writers would both win: no store there."""
    world.heeds = False
    with pytest.raises(EnvironmentFault, match="ignores conditions"):
        world.storage().lock()


def test_the_own_disk_is_told_apart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = world.storage().create("tables/t/x.parquet")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(type(sink.file), "seek", full)
    with pytest.raises(EnvironmentFault, match="no space left on the disk"):
        sink.close()
    sink.abandon()
    assert world.kept == {}


def test_it_crosses_processes_without_its_lease(world: World) -> None:
    storage = world.storage()
    lock = storage.lock()
    storage.write_new("manifest/1.json", b"a")
    there: ObjectStorage = pickle.loads(pickle.dumps(storage))
    assert there.read("manifest/1.json") == b"a"
    there.create("tables/x").abandon()
    lock.release()


def test_passing_files_lie_on_this_machine_and_are_swept(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    storage = world.storage()
    with storage.scratch() as file:
        file.write(b"from a pipe")
        file.flush()
        assert Path(file.name).read_bytes() == b"from a pipe"
    spill = Path(storage.spill())
    spill.mkdir()
    (spill / "duck.tmp").write_bytes(b"x")
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    storage.sweep()
    assert list(folder.iterdir()) == []
    assert world.asked == []
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(EnvironmentFault, match="another's"):
        storage.spill()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://bucket/a/b=c/", "s3://bucket/a/b=c"),
        ("s3://bucket", "s3://bucket"),
        (str(Path("s3://bucket/a")), "s3://bucket/a"),
        ("s3://UPPER/a", None),
        ("s3:///a", None),
        ("s3://bucket/../a", None),
        ("s3://bucket/a b", None),
        ("s3://bucket/a?x=1", None),
        ("s3://key:secret@bucket/a", None),
    ],
)
def test_addresses(text: str, place: str | None) -> None:
    assert is_address(text)
    if place is None:
        with pytest.raises(UsageError):
            place_of(text)
    else:
        assert str(place_of(text)) == place


def test_folders() -> None:
    assert not is_address("s3")
    assert folder_of("/a b/c") == folder_of("file:///a%20b/c") == "/a b/c"
    for text in ("gs://bucket/a", "https://host/a", "file://host/a"):
        with pytest.raises(UsageError):
            folder_of(text)


def test_access_from_the_environment_and_the_users_files(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    home = {"HOME": str(tmp_path)}
    assert access_of(home) == Access()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = D\naws_secret_access_key = d%d\n"
        "[lab]\naws_access_key_id = L\naws_secret_access_key = l\naws_session_token = t\n"
    )
    (tmp_path / ".aws" / "config").write_text(
        "[default]\nregion = eu-west-1\n[profile lab]\nendpoint_url = https://lab.example/\n"
    )
    assert access_of(home) == Access(region="eu-west-1", key_id="D", secret="d%d")
    assert access_of(home | {"AWS_PROFILE": "lab"}) == Access("https://lab.example", None, "L", "l", "t")
    own = {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_REGION": "x-1"}
    assert access_of(home | own) == Access(region="x-1", key_id="E", secret="e")
    assert access_of(home | {"AWS_WEB_IDENTITY_TOKEN_FILE": "f"}) == Access(region="eu-west-1")
    assert not any(word in repr(access_of(home | own)) for word in ("'E'", "'e'"))
    for wrong in (
        {"AWS_ACCESS_KEY_ID": "E"},
        {"AWS_PROFILE": "none"},
        {"AWS_ENDPOINT_URL": "lab.example"},
        {"AWS_REGION": "eu west"},
        own | {"AWS_SECRET_ACCESS_KEY": "line\n"},
        own | {"AWS_SESSION_TOKEN": "blank blank"},
        {"AWS_ENDPOINT_URL": "ftp://lab.example"},
        {"AWS_ENDPOINT_URL": "https://user:pass@lab.example"},
    ):
        with pytest.raises(UsageError):
            access_of(home | wrong)
    (tmp_path / ".aws" / "credentials").write_text("aws_secret_access_key = hush\n")
    with pytest.raises(EnvironmentFault) as caught:
        access_of(home)
    assert "hush" not in str(caught.value)


def test_the_client_is_loaded_for_buckets_only() -> None:
    import subprocess

    code = (
        "import sys; from clampdown.pipeline import api; from clampdown.store.objects import ObjectStorage;"
        "ObjectStorage('s3://bucket/a'); print('obstore' in sys.modules)"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert time.monotonic() - started < 60
