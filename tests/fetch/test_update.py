"""Law: a new snapshot is adopted whole, or the old one stays and it is said why; unchanged ones cost one 304."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import served as play
from served import Served, fingerprints, sites, statistics

from clampdown.errors import Error, FetchError, InputError, UsageError
from clampdown.fetch.client import Client
from clampdown.fetch.manners import Manners
from clampdown.pipeline import open_storage
from clampdown.pipeline.references import given_of, present_digest, remembered, snapshots
from clampdown.pipeline.updating import Updated, update
from clampdown.store.storage import MemoryStorage
from clampdown.store.store import Store

NOW = datetime(2024, 2, 1, 6, 30, tzinfo=UTC)
HTTP, DNS = "fingerprints_http-2024-01-10.csv", "fingerprints_dns-2024-01-10.csv"
GLOBAL = "test-lists/2024-01-11/global.csv"


@pytest.fixture
def server() -> Iterator[Served]:
    with play.serving() as served:
        served.all()
        yield served


@pytest.fixture
def store() -> Store:
    return open_storage(MemoryStorage(), "memory", create=True)


def run(store: Store, server: Served, **words: Any) -> Updated:
    server.sent.clear()
    with Client(Manners(tries=1)) as client:
        return update(store, **({"client": client, "now": NOW, "table": server.table()} | words))


def states(made: Updated) -> dict[str, str]:
    return {step.upstream: step.state for step in made.steps}


def test_all_is_brought_named_by_its_date_and_used(store: Store, server: Served) -> None:
    made = run(store, server)
    assert states(made) == {"fingerprints-http": "new", "fingerprints-dns": "new", "test-list-global": "new"}
    assert set(given_of(store)) == {HTTP, DNS, GLOBAL}
    assert made.adopted
    assert made.after == present_digest(store) == store.manifest().reference
    row = next(row for row in snapshots(store) if row.name == HTTP)
    assert (row.kind, row.date, row.licence, row.rows) == ("fingerprints", "2024-01-10", "none stated", 30)
    assert (row.adopted, row.upstream, row.dated) == ("2024-02-01T06:30:00Z", "fingerprints-http", True)
    assert row.digest == hashlib.sha256(given_of(store)[HTTP]).hexdigest()


def test_unchanged_upstreams_cost_one_304_each_and_no_commit(store: Store, server: Served) -> None:
    run(store, server)
    before = store.manifest().number
    made = run(store, server)
    assert set(states(made).values()) == {"same"}
    assert server.sent == {304: 3}
    assert (made.adopted, store.manifest().number) == (False, before)


def test_a_changed_file_replaces_the_old_one_and_says_what_changed(store: Store, server: Served) -> None:
    first = run(store, server)
    server.fingerprints(fingerprints(32) + b"made.more,isp,,body,full,x,5,XA,made,,\n", "a9", "2024-01-20")
    made = run(store, server)
    step = next(step for step in made.steps if step.upstream == "fingerprints-http")
    assert (step.state, step.was, step.name) == ("changed", HTTP, "fingerprints_http-2024-01-20.csv")
    assert (step.rows, step.added, step.removed) == (33, 3, 0)
    assert set(given_of(store)) == {"fingerprints_http-2024-01-20.csv", DNS, GLOBAL}
    assert made.before == first.after != made.after
    assert not made.bodies, "nothing was read with the old ones"
    assert HTTP in (store.pinned_names(first.after) or {}), "the old set stays, by digest"


def test_the_same_bytes_under_a_newer_date_keep_their_name(store: Store, server: Served) -> None:
    first = run(store, server)
    server.fingerprints(fingerprints(30), "a9", "2024-01-25")
    made = run(store, server)
    assert (made.after, made.adopted) == (first.after, False)
    run(store, server)
    assert server.sent == {304: 3}, "what was learned of the newer version is remembered"


REFUSED: dict[str, tuple[bytes, str]] = {
    "html": (b"<!DOCTYPE html><html><title>Sign in</title></html>", "a page came"),
    "an error told as JSON": (b'{"message": "Not Found"}', "a page came"),
    "empty": (b"\n \n", "empty"),
    "another table": (b"a,b,c\n1,2,3\n", "not one row of fingerprints"),
    "shrunk": (fingerprints(23), "23 rows where it had 30"),
    "broken": (fingerprints(30, broken=5), "5 of 35 rows cannot be read"),
    "not text": (bytes(range(256)) * 9, "not one row"),
}


def test_what_is_no_such_table_is_refused_and_the_old_one_stays(store: Store, server: Served) -> None:
    first = run(store, server)
    for n, (case, (data, says)) in enumerate(REFUSED.items()):
        server.fingerprints(data, f"a{n}x", "2024-01-20")
        (refused,) = run(store, server).refused
        assert refused.upstream == "fingerprints-http"
        assert says in refused.why, case
        assert given_of(store)[HTTP] == fingerprints(30)
        assert store.manifest().reference == first.after
    server.sites(sites(("denied.example", "HUMR")), "b9", "2024-01-21")
    made = run(store, server)
    assert states(made) == {"fingerprints-http": "refused", "fingerprints-dns": "same", "test-list-global": "changed"}
    assert made.after != first.after, "the others are adopted"


def test_an_older_edition_is_no_update(store: Store, server: Served) -> None:
    run(store, server)
    server.fingerprints(fingerprints(31), "a0", "2024-01-02")
    (refused,) = run(store, server).refused
    assert "older than the one that is here (2024-01-10)" in refused.why


@pytest.mark.parametrize("status", [404, 500])
def test_what_is_gone_stays_here(status: int, store: Store, server: Served) -> None:
    run(store, server)
    server.sites(sites(("denied.example", "HUMR")), "b9", "2024-01-21")
    server.status[f"/{play.RAW}/citizenlab/test-lists/b9/lists/global.csv"] = status
    made = run(store, server)
    assert [step.upstream for step in made.refused] == ["test-list-global"]
    assert set(given_of(store)) == {HTTP, DNS, GLOBAL}


def test_without_a_list_of_versions_the_branch_is_taken_and_that_is_said(store: Store, server: Served) -> None:
    for path in list(server.files):
        if path.startswith(play.COMMITS):
            server.status[path] = 403  # 60 questions an hour
    made = run(store, server)
    step = made.steps[0]
    assert (step.state, step.name) == ("new", "fingerprints_http-2024-02-01.csv")
    assert "its versions cannot be asked for" in step.note
    row = next(row for row in snapshots(store) if row.name == step.name)
    assert not row.dated
    server.status.clear()
    made = run(store, server)
    assert (states(made)["fingerprints-http"], made.adopted) == ("same", False), "the same bytes are the same snapshot"


def test_lists_of_countries(store: Store, server: Served) -> None:
    server.sites(sites(("bank.example", "ECON")), "c1", "2024-01-12", cc="xa")
    made = run(store, server, countries=["XA", "xb"])
    assert states(made) | {"test-list-xa": "new", "test-list-xb": "none"} == states(made)
    assert not made.refused, "a country without a list is no fault"
    assert [row.country for row in store_lists(store)] == ["XA"]
    assert states(run(store, server))["test-list-xa"] == "same", "what the store has is kept up to date"
    server.status[f"{play.COMMITS}citizenlab/test-lists/commits?path=lists/xa.csv&per_page=1"] = 404
    server.status[f"/{play.RAW}/citizenlab/test-lists/master/lists/xa.csv"] = 404
    assert [step.upstream for step in run(store, server).refused] == ["test-list-xa"]
    with pytest.raises(UsageError):
        run(store, server, countries=["Iran"])


def store_lists(store: Store) -> list[Any]:
    from clampdown.pipeline import reference_of

    return [row for row in reference_of(store, None).test_list if row.country]


def test_only_some_kinds(store: Store, server: Served) -> None:
    server.statistics(statistics("20240131", 40))
    made = run(store, server, only=["delegated"])
    assert states(made)["delegated-ripencc"] == "new"
    assert "delegated-ripencc-extended-2024-01-31" in given_of(store)
    assert len(made.refused) == 4, "the other registries have nothing on this server"
    assert not {"fingerprints-http", "test-list-global"} & set(states(made))
    with pytest.raises(UsageError, match="no kind"):
        run(store, server, only=["delegations"])


def test_new_ids_of_holders_are_no_change_of_rows(store: Store, server: Served) -> None:
    server.statistics(statistics("20240130", 40, salt="a"))
    run(store, server, only=["delegated"])
    server.statistics(statistics("20240131", 41, salt="b"))
    made = run(store, server)
    step = next(step for step in made.steps if step.upstream == "delegated-ripencc")
    assert (step.state, step.added, step.removed) == ("changed", 1, 0)


def test_a_wrong_md5_is_refused(store: Store, server: Served) -> None:
    server.statistics(statistics("20240130", 40))
    run(store, server, only=["delegated"])
    server.statistics(statistics("20240131", 41), said=b"something else")
    made = run(store, server)
    (refused,) = made.refused
    assert "MD5 is not the one" in refused.why
    assert "delegated-ripencc-extended-2024-01-30" in given_of(store)


def test_offline_nothing_changes(store: Store, server: Served) -> None:
    run(store, server)
    before, table = store.manifest(), server.table()
    from clampdown.fetch.upstreams import Upstreams

    dead = play.Served("http://127.0.0.1:9")
    made = run(store, server, table=dead.table())
    assert isinstance(table, Upstreams)
    assert set(states(made).values()) == {"refused"}
    assert len({step.why for step in made.refused}) == 1, "one host that is gone is asked once"
    assert store.manifest() == before


def test_the_readers_own_files_stay_beside(store: Store, server: Served) -> None:
    mine = {"users.csv": b"country,asn,share\nXA,64500,0.5\n"}
    run(store, server, extra=mine)
    server.fingerprints(fingerprints(31), "a9", "2024-01-20")
    run(store, server)
    assert given_of(store)["users.csv"] == mine["users.csv"]
    row = next(row for row in snapshots(store) if row.name == "users.csv")
    assert (row.upstream, row.adopted, row.licence) == ("", None, "unknown")


def test_a_dry_run_changes_nothing(store: Store, server: Served) -> None:
    made = run(store, server, dry=True)
    assert set(states(made).values()) == {"new"}
    assert (made.adopted, store.manifest().reference, given_of(store)) == (False, None, {})
    assert not remembered(store).seen


def test_a_file_that_the_loader_refuses_costs_itself(store: Store, server: Served, monkeypatch: Any) -> None:
    from clampdown.errors import RuleError
    from clampdown.pipeline import updating

    load = updating.load_reference

    def fussy(files: dict[str, bytes]) -> Any:
        if any(name.startswith("test-lists") for name in files):
            raise RuleError("this cannot be", where="test-lists")
        return load(files)

    monkeypatch.setattr(updating, "load_reference", fussy)
    made = run(store, server)
    assert states(made) == {"fingerprints-http": "new", "fingerprints-dns": "new", "test-list-global": "refused"}
    assert "this cannot be" in made.refused[0].why
    assert set(given_of(store)) == {HTTP, DNS}


def test_another_writer_meanwhile(store: Store, server: Served, monkeypatch: Any) -> None:
    from clampdown.pipeline import updating

    finish: Callable[..., Any] = updating._finish

    def late(*given: Any, **words: Any) -> Any:
        run(store, server, only=["test-list"])
        monkeypatch.setattr(updating, "_finish", finish)
        return finish(*given, **words)

    monkeypatch.setattr(
        updating, "_finish", lambda *a, **w: (monkeypatch.setattr(updating, "_finish", finish), late(*a, **w))[1]
    )
    with pytest.raises(Error, match="meanwhile"):
        run(store, server)


# ---- mirrors ---------------------------------------------------------------------------------------------------


def mirrored(folder: Path, layout: str) -> str:
    files = {
        "fingerprints_http.csv": fingerprints(30),
        "fingerprints_dns.csv": fingerprints(25, word="answer"),
        "global.csv": sites(("denied.example", "NEWS")),
    }
    for name, data in files.items():
        row = next(r for r in play.upstreams().rows if r.address.endswith(f"/{name}"))
        at = folder / (name if layout == "flat" else row.address.partition("://")[2])
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(data)
    return str(folder)


@pytest.mark.parametrize("layout", ["flat", "whole"])
def test_a_folder_in_place_of_the_network(layout: str, store: Store, tmp_path: Path) -> None:
    made = update(store, base=mirrored(tmp_path, layout), now=NOW)
    assert set(states(made).values()) == {"new"}
    assert all(str(tmp_path) not in row.name for row in snapshots(store))
    assert not made.refused
    again = update(store, base=str(tmp_path), now=NOW)
    assert set(states(again).values()) == {"same"}


def test_a_mirror_by_address(store: Store, server: Served) -> None:
    table = server.table()
    for row in play.upstreams().rows[:3]:
        name = row.address.rpartition("/")[2]
        data = server.files[next(path for path in server.files if path.endswith(f"/{name}"))][0]
        server.put(f"/mirror/{name}", data, Last_Modified="Sat, 06 Jan 2024 10:00:00 GMT")
    made = run(store, server, base=f"{server.base}/mirror", table=table)
    assert {step.name for step in made.steps} == {
        "fingerprints_http-2024-01-06.csv", "fingerprints_dns-2024-01-06.csv", "test-lists/2024-01-06/global.csv",
    }  # fmt: skip
    assert set(states(run(store, server, base=f"{server.base}/mirror", table=table)).values()) == {"same"}
    assert server.sent[304] == 3


def test_a_mirror_that_has_not_all(store: Store, tmp_path: Path) -> None:
    base = mirrored(tmp_path, "flat")
    (tmp_path / "global.csv").unlink()
    made = update(store, base=base, now=NOW)
    assert [step.upstream for step in made.refused] == ["test-list-global"]
    assert "the mirror has no such file" in made.refused[0].why
    with pytest.raises(InputError, match="no such folder"):
        update(store, base=str(tmp_path / "nowhere"), now=NOW)


def test_redirects_go_to_named_hosts_only() -> None:
    """Releases lead elsewhere; the client follows by https to what the table names, and nowhere else."""
    from clampdown.fetch.client import Transfer
    from clampdown.fetch.sinks import Memory
    from clampdown.fetch.wanted import Secret

    client = Client()
    for target, hosts, token, follows in (
        ("https://other.example/x", ("other.example",), None, True),
        ("https://other.example/x", (), None, False),
        ("https://evil.example/x", ("other.example",), None, False),
        ("http://other.example/x", ("other.example",), None, False),
        ("https://other.example:8443/x", ("other.example",), None, False),
        ("https://other.example/x", ("other.example",), Secret("t"), False),
    ):
        one = Transfer("https://first.example/x", Memory(), leads_to=hosts, token=token)
        one.headers, one.status = {"location": target}, 302
        fault = client._redirect(one)
        assert (fault is None, one.moved) == (follows, follows)
        assert fault is None or isinstance(fault, FetchError)
    client.close()
