"""Law: a mirror is a folder that is read wholly, or an address to which keys can be added; else it is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from clampdown.errors import InputError, UsageError
from clampdown.fetch.bucket import Bucket, Object, folder_of
from clampdown.fetch.client import Client


def listed(folder: Path, prefix: str = "") -> list[str]:
    with Client() as client:
        return [one.key for one in Bucket(client, str(folder)).list([prefix]) if isinstance(one, Object)]


def put(top: Path, *keys: str) -> None:
    for key in keys:
        (top / key).parent.mkdir(parents=True, exist_ok=True)
        (top / key).write_bytes(b"x")


def test_folders_behind_links_are_read_and_each_once(tmp_path: Path) -> None:
    put(tmp_path / "far", "b/2")
    put(tmp_path / "top", "a/1")
    (tmp_path / "top/c").symlink_to(tmp_path / "far/b")
    (tmp_path / "top/a/round").symlink_to(tmp_path / "top")
    (tmp_path / "top/gone").symlink_to(tmp_path / "nowhere")
    assert listed(tmp_path / "top") == ["a/1", "c/2"]


def test_a_folder_that_is_not_there_holds_nothing_of_it(tmp_path: Path) -> None:
    put(tmp_path, "raw/1")
    assert listed(tmp_path, "jsonl/x") == []
    assert listed(tmp_path, "raw/1/2/") == []


def test_a_folder_that_cannot_be_read_is_no_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it holds would be missing from a period that is said to be answered whole."""
    put(tmp_path, "raw/a/1", "raw/b/2")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match="cannot be read: Permission denied") as told:
        listed(tmp_path)
    assert (told.value.where, bool(told.value.hint)) == (str(tmp_path / "raw/b"), True)


@pytest.mark.parametrize(
    "base",
    ["http://[::1", "http://", "https:///x", "http://mirror.example:x/", "http://mirror.example:0/",
     "https://mirror.example/ooni?k=v", "https://mirror.example/ooni#x", "HTTP://"],
)  # fmt: skip
def test_what_is_no_address_of_a_mirror(base: str) -> None:
    with pytest.raises(UsageError, match="not the address of a mirror"):
        folder_of(base)


@pytest.mark.parametrize("base", ["https://mirror.example/ooni", "http://127.0.0.1:9000", "http://[::1]:9000/x/"])
def test_what_is_one(base: str) -> None:
    assert folder_of(base) is None


@pytest.mark.parametrize("base", ["data", "/data/x", "//[x", "a:b", "http"])
def test_what_is_a_folder(base: str) -> None:
    assert folder_of(base) == Path(base).absolute()
