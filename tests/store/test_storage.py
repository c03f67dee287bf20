"""Law: a file is whole or not there; refusals are words for a person; nothing is written beside the store."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Generator
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import buckets

from clampdown.errors import EnvironmentFault, StoreError
from clampdown.store import manifest as manifests
from clampdown.store.manifest import Manifest
from clampdown.store.storage import LocalStorage, MemoryStorage, Storage


@pytest.fixture(scope="module")
def places() -> Generator[Callable[[str], Storage], None, None]:
    """Storages in buckets: of a small server of our own, and of moto's."""
    number = count()
    with buckets.served() as world, buckets.moto() as other:
        access = {"object": world.access(), "moto": other}
        yield lambda kind: buckets.ObjectStorage(
            f"s3://{buckets.BUCKET}/{kind}/{next(number)}", access[kind], patience=buckets.QUICK
        )


@pytest.fixture(params=["local", "memory", "object", "moto"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, places: Callable[[str], Storage]) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "s")
    return MemoryStorage() if request.param == "memory" else places(request.param)


def test_a_name_is_given_once(storage: Storage) -> None:
    assert storage.write_new("manifest/1.json", b"a")
    assert not storage.write_new("manifest/1.json", b"b")
    assert storage.read("manifest/1.json") == b"a"
    assert storage.list("manifest") == ["manifest/1.json"]
    assert storage.size("manifest/1.json") == 1


def test_a_file_is_on_the_disk_before_it_has_its_name_and_so_is_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def synced(descriptor: int) -> None:
        at = os.fstat(descriptor)
        seen.append("folder" if stat.S_ISDIR(at.st_mode) else f"{at.st_size} bytes")

    monkeypatch.setattr(os, "fsync", synced)
    store = LocalStorage(tmp_path / "s", lambda step: seen.append(step.split()[0]))
    whole = ["begin", "written", "3 bytes", "synced", "named", "folder", "done"]
    assert store.write_new("manifest/1.json", b"abc")
    assert seen == whole
    seen.clear()
    sink = store.create("tables/x.parquet")
    sink.file.write(b"abc")
    sink.close()
    assert seen == whole


def test_a_sink_exists_when_it_is_closed(storage: Storage) -> None:
    sink = storage.create("tables/t/day=2024-01-01/x.parquet")
    sink.file.write(b"abc")
    assert storage.list("tables") == []
    assert sink.close() == 3
    sink.abandon()
    assert storage.list("tables") == ["tables/t/day=2024-01-01/x.parquet"]
    lost = storage.create("tables/t/day=2024-01-01/y.parquet")
    lost.abandon()
    assert len(storage.list("tables")) == 1
    storage.delete("tables/t/day=2024-01-01/x.parquet")
    storage.delete("tables/t/day=2024-01-01/x.parquet")
    with pytest.raises(FileNotFoundError):
        storage.read("tables/t/day=2024-01-01/x.parquet")


def test_what_is_opened_can_be_sought_in(storage: Storage) -> None:
    sink = storage.create("tables/t/day=2024-01-01/x.parquet")
    sink.file.write(bytes(range(100)))
    sink.close()
    with storage.open("tables/t/day=2024-01-01/x.parquet") as file:
        assert file.seek(-3, os.SEEK_END) == 97
        assert file.read() == bytes((97, 98, 99))
        assert file.seek(5) == 5
        assert file.read(2) == bytes((5, 6))
        assert file.tell() == 7
        assert file.read(0) == b""
        assert file.seek(1, os.SEEK_CUR) == 8
    for gone in (storage.open, storage.read, storage.size):
        with pytest.raises(FileNotFoundError):
            gone("tables/t/day=2024-01-01/y.parquet")


def test_several_are_deleted_and_only_those(storage: Storage) -> None:
    names = [f"landing/x/{n}" for n in range(7)]
    for name in (*names, "landing/x.y", "landing/xy/0"):
        assert storage.write_new(name, b"")
    assert storage.list("landing/x") == names
    storage.delete(*names[1:], "landing/x/none")
    storage.delete()
    assert storage.list("landing") == ["landing/x.y", "landing/x/0", "landing/xy/0"]
    assert storage.list("tables") == []


def test_what_no_store_would_have_put_there(storage: Storage) -> None:
    for name in ("manifest/1.json", "clampdown.json"):
        storage.write_new(name, b"{}")
    storage.lock().release()
    assert storage.strange() == []
    if not isinstance(storage, MemoryStorage):
        storage.write_new("holiday/1.jpg", b"")
        storage.write_new("notes.txt", b"")
        assert storage.strange() == ["holiday", "notes.txt"]


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//b", "", "a\nb", ".hidden", "a/.tmp-x"])
def test_only_names_of_a_store_are_written(path: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        LocalStorage(tmp_path / "s").write_new(path, b"")
    assert not (tmp_path / "x").exists()


def test_one_writer_at_a_time(storage: Storage) -> None:
    lock = storage.lock()
    with pytest.raises(StoreError, match="another command"):
        storage.lock()
    lock.release()
    storage.lock().release()


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    half = storage.create("landing/day=2024-01-01/x.parquet")
    half.file.write(b"half")
    half.file.close()
    storage.write_new("manifest/1.json", b"{}")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file() and p.name.startswith(".tmp-")]
    storage.sweep()
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["1.json"]
    assert not (tmp_path / "landing" / "day=2024-01-01").exists()


def test_a_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    storage = LocalStorage(tmp_path)
    assert storage.write_new("manifest/1.json", b"a")
    assert not storage.write_new("manifest/1.json", b"b")
    assert storage.read("manifest/1.json") == b"a"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EROFS, "only be read"),
        (errno.EIO, "refuses"),
    ],
)
def test_refusals_are_said(number: int, said: str, tmp_path: Path) -> None:
    def step(_name: str) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(EnvironmentFault, match=said) as caught:
        LocalStorage(tmp_path, step).write_new("manifest/1.json", b"a")
    assert caught.value.where is not None
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_the_newest_manifest_is_the_store(storage: Storage) -> None:
    assert manifests.newest(storage) == Manifest()
    one = manifests.commit(storage, Manifest())
    two = manifests.commit(storage, one)
    assert manifests.newest(storage) == two
    with pytest.raises(StoreError, match="meanwhile"):
        manifests.commit(storage, one)  # a second writer that read the store before
    assert manifests.newest(storage).number == 2


def test_damage_and_other_formats_are_named(storage: Storage) -> None:
    manifests.found(storage)
    manifests.check_format(storage)
    storage.write_new("manifest/1.json", b'{"format": 1, "surprise": 1}')
    with pytest.raises(StoreError, match="manifest 1"):
        manifests.newest(storage)
    for data, said in ((b'{"format": 2}', "format 2"), (b'{"format": 0}', "old format"), (b"{", "cannot be read")):
        storage.delete("clampdown.json")
        storage.write_new("clampdown.json", data)
        with pytest.raises(StoreError, match=said):
            manifests.check_format(storage)
