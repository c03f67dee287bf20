"""Law: a feed lies in its folder whole and signed, or as it was; who reads it can check each step without a store."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from feed_command import COMES, FAILS, LAST, command, everything, ingest, lines, record

from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.publish import ways_check
from clampdown.publish.ways_feed import INDEX, MAP


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A country where Snowflake comes through on two networks once a week, and one with a single test."""
    folder = tmp_path_factory.mktemp("feeds")
    every = [
        record(COMES, day, session, network, "XA")
        for day in range(0, LAST + 1, 7) for network in (64500, 64501) for session in (1, 2, 3)
    ]  # fmt: skip
    ingest(str(folder / "store"), folder / "records.jsonl", lines(*every, record(COMES, LAST, 9, 64510, "XB")))
    assert run(command, ["--new-key", str(folder / "key.pem"), "--quiet"]) == 0
    return folder


Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(capsysbinary: pytest.CaptureFixture[bytes], made: Path) -> Say:
    def say(directory: Path, *asked: str, key: str = "key.pem", store: str | None = None) -> tuple[int, str, str]:
        words = [*asked, "--feed", str(directory), "--key", str(made / key), "--store", store or str(made / "store")]
        code = run(command, words)
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return say


@pytest.fixture(scope="module")
def fed(made: Path) -> Path:
    words = [
        "--map",
        "--feed",
        str(made / "feed"),
        "--key",
        str(made / "key.pem"),
        "--store",
        str(made / "store"),
        "-q",
    ]
    assert run(command, words) == 0
    shutil.copy(made / "feed" / "public.pem", made / "public.pem")
    return made / "feed"


@pytest.fixture
def copy(fed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fed, tmp_path / "copy"))


def checked(directory: Path, made: Path, capsys: pytest.CaptureFixture[bytes]) -> tuple[int, list[str]]:
    code = run(group, ["verify", str(directory), "--key", str(made / "public.pem")])
    return code, capsys.readouterr().out.decode().splitlines()


def test_a_feed_and_its_map(fed: Path) -> None:
    files = everything(fed)
    assert files.keys() == {
        INDEX, "index.json.sig", "public.pem", MAP, "feed/v1/XA.json", "feed/v1/XB.json", "schema/country.json",
        "schema/index.json", "schema/map.json",
    }  # fmt: skip
    index = json.loads(files[INDEX])
    assert (index["as_of"], index["countries"]) == ("2024-03-11", ["XA", "XB"])
    entries = json.loads(files[MAP])
    assert [one["bridges"] for one in entries["xa"]["settings"]] == [{"type": "snowflake", "source": "builtin"}]
    assert entries["xa"]["valid_until"] == "2024-03-25"
    assert (entries["xb"]["settings"], entries["xb"]["no_evidence"]) == ([], True)
    states = {row["state"] for row in json.loads(files["feed/v1/XB.json"])["ways"]}
    assert states == {"no_evidence"}, "one test is no evidence"


def test_what_is_said_beside_it(said: Say, tmp_path: Path) -> None:
    code, out, err = said(tmp_path / "one", "xa")
    assert (code, out) == (0, "")
    assert "may be punished" in err
    assert "OONI" in err
    assert "feed of 1 country as of 2024-03-11, valid until 2024-03-25: 7 files written" in err
    assert (tmp_path / "one/feed/v1/XA.json").is_file()
    assert not (tmp_path / "one" / MAP).exists(), "no map without --map"


def test_again_is_the_same_and_writes_nothing(said: Say, copy: Path) -> None:
    before = everything(copy)
    times = {path: path.stat().st_mtime_ns for path in copy.rglob("*.json")}
    code, _, err = said(copy, "--map")
    assert code == 0
    assert "0 files written" in err
    assert everything(copy) == before
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*.json")} == times


def test_a_forger_freezes_the_map_and_it_is_said(said: Say, made: Path, copy: Path, tmp_path: Path) -> None:
    store = str(shutil.copytree(made / "store", tmp_path / "store"))
    many = [record(FAILS, LAST + 1, n, network, "XA") for n in range(40, 59) for network in (64500, 64501)]
    ingest(store, tmp_path / "more.jsonl", lines(*many))
    code, _, err = said(copy, "--map", store=store)
    assert code == 0
    assert "XA: the map is frozen since 2024-03-12" in err
    entry = json.loads((copy / MAP).read_bytes())["xa"]
    assert [one["bridges"]["type"] for one in entry["settings"]] == ["snowflake"]
    assert (entry["valid_until"], entry["as_of"]) == ("2024-03-25", "2024-03-11")
    assert "surge:snowflake" in entry["why"]
    assert checked_ok(copy, made)


def checked_ok(directory: Path, made: Path) -> bool:
    key = ways_check.public_key((made / "public.pem").read_bytes())
    return all(step.holds for step in ways_check.check(everything(directory), key))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--map"], "are of a feed"),
        (["--key", "x"], "are of a feed"),
        (["--feed", "x"], "no key is named"),
        (["--feed", "x", "--key", "none.pem"], "cannot be read"),
        (["--feed", "x", "--key", "y", "--network", "AS64500"], "whole countries"),
        (["--new-key", "x", "--feed", "y"], "a key is made, or a feed is written"),
        (["--new-key", "x", "XA"], "--new-key FILE alone"),
        (["--new-key", "x"], "--new-key FILE alone"),
        (["--feed", "x", "--key", "y", "--network", "AS64500"], "--language"),
    ],
)
def test_words_that_do_not_fit(
    words: list[str], says: str, made: Path, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(command, [*words, "--store", str(made / "store")]) == 2
    assert says in capsysbinary.readouterr().err.decode()
    assert not list(tmp_path.iterdir())


def test_a_key_is_made_where_one_can_write(capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    assert run(command, ["--new-key", str(tmp_path / "none/x")]) == 2
    assert b"cannot be read or written" in capsysbinary.readouterr().err


def test_off_by_default(made: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(command, ["XA", "--store", str(made / "store")]) == 0
    assert capsysbinary.readouterr().err == b"an answer\n"


# ---- the key -----------------------------------------------------------------------------------------------------


def test_a_key_is_ones_own(made: Path, fed: Path, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    data = (made / "key.pem").read_bytes()
    assert stat.S_IMODE((made / "key.pem").stat().st_mode) == 0o600
    assert data.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert run(command, ["--new-key", str(made / "key.pem")]) == 2
    assert (made / "key.pem").read_bytes() == data, "never written over"
    assert run(command, ["--new-key", str(tmp_path / "other.pem")]) == 0
    out, err = capsysbinary.readouterr()
    for text in (out, err, *everything(fed).values(), *everything(made / "store").values()):
        assert data.splitlines()[1] not in text
        assert b"PRIVATE" not in text


@pytest.mark.parametrize(
    ("text", "says"),
    [(b"", "no private key"), (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
     (b"rsa", "not of Ed25519"), (b"locked", "encrypted")],
)  # fmt: skip
def test_keys_that_do_not_sign(text: bytes, says: str, said: Say, made: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric import ec

    if text in (b"rsa", b"locked"):
        lock = pem.NoEncryption() if text == b"rsa" else pem.BestAvailableEncryption(b"secret")
        key = ec.generate_private_key(ec.SECP256R1())
        text = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, lock)
    (made / "bad.pem").write_bytes(text)
    code, _, err = said(tmp_path / "feed", key="bad.pem")
    assert code == 2
    assert says in err
    assert not (tmp_path / "feed").exists()


def test_a_key_that_others_read_is_said_and_one_that_is_published_refused(
    said: Say, made: Path, tmp_path: Path
) -> None:
    shutil.copy(made / "key.pem", made / "open.pem")
    (made / "open.pem").chmod(0o644)
    assert "others on this machine can read the key" in said(tmp_path / "feed", "XA", key="open.pem")[2]
    shutil.copy(made / "key.pem", tmp_path / "feed/key.pem")
    code, _, err = said(tmp_path / "feed", "XA", key=str(tmp_path / "feed/key.pem"))
    assert (code, "must not lie in a folder that is published" in err) == (2, True)


def test_openssl_checks_and_makes_the_same(made: Path, fed: Path, said: Say, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    words = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(made / "public.pem")]
    sign = ["-sigfile", str(fed / "index.json.sig"), "-in"]
    assert subprocess.run([*words, *sign, str(fed / INDEX)], capture_output=True, check=False).returncode == 0
    assert subprocess.run([*words, *sign, str(fed / MAP)], capture_output=True, check=False).returncode != 0
    own = made / "openssl.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(own)], capture_output=True, check=True)
    assert said(tmp_path / "feed", "XA", key="openssl.pem")[0] == 0


# ---- checking ----------------------------------------------------------------------------------------------------


def test_steps_are_numbered_and_hold(fed: Path, made: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code = run(group, ["verify", str(fed), "--key", str(made / "public.pem")])
    out, err = capsysbinary.readouterr()
    assert code == 0
    assert [line[:7] for line in out.decode().splitlines()] == [f"{n} holds" for n in range(1, 7)]
    assert b"was valid until 2024-03-25: it says nothing of today" in err
    assert run(group, ["verify", str(fed), "--key", str(made / "public.pem"), "--json"]) == 0
    steps = json.loads(capsysbinary.readouterr().out)
    assert [(step["step"], step["holds"]) for step in steps] == [(name, True) for name in ways_check.STEPS]


def resigned(folder: Path, made: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """An index that was changed by whoever has the key."""
    index = json.loads((folder / INDEX).read_bytes())
    change(index)
    data = json.dumps(index, indent=2).encode() + b"\n"
    key = ways_check.private_key((made / "key.pem").read_bytes())
    (folder / INDEX).write_bytes(data)
    (folder / "index.json.sig").write_bytes(key.sign(data))


def spoil(folder: Path, made: Path, case: str) -> None:
    file = folder / "feed/v1/XA.json"
    match case:
        case "index":
            (folder / INDEX).write_bytes((folder / INDEX).read_bytes().replace(b"2024-03-25", b"2034-03-25"))
        case "signature":
            (folder / "index.json.sig").write_bytes(b"x" * 64)
        case "no signature":
            (folder / "index.json.sig").unlink()
        case "file":
            file.write_bytes(file.read_bytes().replace(b'"no_evidence"', b'"works"', 1))
        case "missing":
            file.unlink()
        case "extra":
            (folder / "feed/v1/XC.json").write_bytes(b"{}")
        case "hidden":
            (folder / ".staged").mkdir()
            (folder / ".staged/x").write_bytes(b"")
        case "other public key":
            (folder / "public.pem").write_bytes(b"-----BEGIN PUBLIC KEY-----\n")
        case "link":
            data = file.read_bytes()
            (made / "elsewhere.json").write_bytes(data)
            file.unlink()
            file.symlink_to(made / "elsewhere.json")
        case "empty index":
            resigned(folder, made, lambda index: index.update(files=[]))
        case "more in the index":
            resigned(folder, made, lambda index: index.update(address="192.0.2.1"))
        case "signed form":
            _resign_file(folder, made, file, b'"n": null', b'"n": 9')
        case "signed settings":
            _resign_file(folder, made, folder / MAP, b'"no_evidence": true', b'"no_evidence": false')


def _resign_file(folder: Path, made: Path, file: Path, old: bytes, new: bytes) -> None:
    from hashlib import sha256

    data = file.read_bytes().replace(old, new, 1)
    assert data != file.read_bytes()
    file.write_bytes(data)

    def change(index: dict[str, Any]) -> None:
        for held in index["files"]:
            if held["name"] == file.relative_to(folder).as_posix():
                held.update(sha256=sha256(data).hexdigest(), size=len(data))

    resigned(folder, made, change)


@pytest.mark.parametrize(
    ("case", "fails"),
    [
        ("index", {1}), ("signature", {1}), ("no signature", {1}),
        ("file", {4, 6}), ("missing", {3, 6}), ("extra", {5}), ("hidden", {5}), ("other public key", {5}),
        ("link", {4, 6}), ("empty index", {2}), ("more in the index", {2}),
        ("signed form", {6}), ("signed settings", {6}),
    ],
)  # fmt: skip
def test_each_step_can_fail(
    case: str, fails: set[int], copy: Path, made: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    spoil(copy, made, case)
    code, out = checked(copy, made, capsysbinary)
    assert code == 1
    assert {int(line[0]) for line in out if "DOES NOT HOLD" in line} == fails
    after = range(min(fails) + 1, 7) if min(fails) < 3 else ()
    assert {int(line[0]) for line in out if line[2:].startswith("not checked  ")} == set(after)


def test_what_cannot_be_checked_says_what_to_do(
    fed: Path, made: Path, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    for words, says in (
        (["verify", str(fed)], "checked with a public key"),
        (["verify", str(fed), "--key", str(made / "key.pem")], "no public key in PEM"),
        (["verify", str(fed), "--key", str(tmp_path / "none.pem")], "cannot be read"),
        (["verify", str(tmp_path / "none"), "--key", str(made / "public.pem")], "no folder"),
        (["verify", str(tmp_path), "--key", str(made / "public.pem")], "this is no feed"),
        (["verify", str(fed / INDEX), "--key", str(made / "public.pem")], "--key is of a feed"),
    ):
        assert run(group, words) == 2
        assert says in capsysbinary.readouterr().err.decode()


# ---- writing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "spoiled", "says"),
    [
        ((), None, "this feed has a map"),
        (("XA", "--map"), None, "the feed of 2 countries"),
        (("--map",), "signature", "something else than a feed signed by this key"),
        (("--map",), "map", "not the one that was signed"),
        (("XC", "--map"), "all", "the store holds no test and no count of XC"),
    ],
)
def test_a_folder_that_holds_something_else_stays_as_it_is(
    asked: tuple[str, ...], spoiled: str | None, says: str, said: Say, copy: Path
) -> None:
    if spoiled == "signature":
        (copy / "index.json.sig").unlink()
    elif spoiled == "map":
        (copy / MAP).write_bytes(b"{}")
    elif spoiled == "all":
        shutil.rmtree(copy)
        copy.mkdir()
    before = everything(copy)
    code, out, err = said(copy, *asked)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
    assert everything(copy) == before


def test_files_that_are_no_feed_are_left_alone(said: Say, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter.txt").write_text("dear")
    assert said(tmp_path / "home")[0] == 2
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["letter.txt"]


def test_a_country_that_is_gone_goes_from_the_feed(said: Say, made: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "other")
    ingest(store, tmp_path / "r.jsonl", lines(*[record(COMES, LAST, n, 64500, "XA") for n in (1, 2, 3)]))
    assert said(tmp_path / "feed", store=str(made / "store"))[0] == 0
    assert (tmp_path / "feed/feed/v1/XB.json").exists()
    assert said(tmp_path / "feed", store=store)[0] == 0
    assert not (tmp_path / "feed/feed/v1/XB.json").exists()
    assert checked_ok(tmp_path / "feed", made)


def test_a_day_that_has_not_come_is_not_believed(said: Say, tmp_path: Path) -> None:
    code, _, err = said(tmp_path / "feed", "--at", "2099-01-01")
    assert (code, "has not come yet" in err, "--at" in err) == (2, True, True)
    assert "newest day of the store" not in err
    assert not (tmp_path / "feed").exists()
