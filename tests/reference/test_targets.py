"""Law: hosts lead to one role each, addresses never become part of a target, tables are complete."""

from __future__ import annotations

import ipaddress
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.errors import RuleError
from clampdown.reference import Reference, load_reference
from clampdown.reference.targets import canonical_address, canonical_host


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference()


@pytest.mark.parametrize(
    ("host", "port", "target"),
    [
        ("www.facebook.com", None, "facebook/web"),
        ("WWW.Facebook.COM.", 443, "facebook/web"),
        ("x.com", 80, "twitter/web"),
        ("rr3---sn-a.googlevideo.com", None, "youtube/video"),
        ("notgooglevideo.com", None, "web/notgooglevideo.com"),
        ("fr.wikipedia.org", None, "web/fr.wikipedia.org"),
        ("www.facebook.com", 8443, "web/www.facebook.com:8443"),
        # A host of a role that has a test of its own is an ordinary site when it is visited.
        ("b-api.facebook.com", 443, "web/b-api.facebook.com"),
        ("bücher.example", 8080, "web/xn--bcher-kva.example:8080"),
        ("149.154.175.50", 443, "telegram/app"),
        ("b_log.example", None, "web/b_log.example"),
    ],
)
def test_target_of_host(reference: Reference, host: str, port: int | None, target: str) -> None:
    assert reference.targets.target_of_host(host, port) == target


@given(st.ip_addresses(), st.one_of(st.none(), st.integers(1, 65535)))
def test_an_address_is_never_part_of_a_target(address: ipaddress.IPv4Address, port: int | None) -> None:
    target = load_cached().targets.target_of_host(str(address), port)
    assert str(address) not in target
    assert target == load_cached().targets.target_of_host(
        f"[{address}]" if address.version == 6 else str(address), port
    )


@given(st.text(min_size=1, max_size=40))
def test_any_text_gives_a_target(host: str) -> None:
    assert "/" in load_cached().targets.target_of_host(host)


_cache: list[Reference] = []


def load_cached() -> Reference:
    if not _cache:
        _cache.append(load_reference())
    return _cache[0]


def test_published_endpoints(reference: Reference) -> None:
    targets = reference.targets
    assert targets.is_published("149.154.167.51", 80)
    assert not targets.is_published("149.154.167.51", 22)
    assert targets.target_of_endpoint("[2a0c:4d80:42:702:0::1]", 27015) == "tor/obfs4"
    assert targets.target_of_endpoint("e7.whatsapp.net", 5222) == "whatsapp/app"
    assert not targets.is_published("192.0.2.7", 443)
    assert targets.role_of("facebook_messenger", "stun.fbsbx.com") == "stun"
    assert targets.role_of("tor", "193.23.244.244", 80) == "dir_port"
    assert targets.role_of("tor", "193.23.244.244", 443) == "or_port_dirauth"
    assert targets.role_of("nobody", "stun.fbsbx.com") is None


def test_groups_and_display(reference: Reference) -> None:
    targets = reference.targets
    assert "facebook/web" in targets.group("social")
    assert {"telegram/app", "signal/app", "whatsapp/app"} <= set(targets.group("messaging"))
    assert targets.groups_of("tor/snowflake") == ("circumvention",)
    assert targets.display("facebook/web") == "Facebook"
    assert targets.display("telegram/app") == "Telegram (app)"
    assert targets.display("web/www.example.org") == "www.example.org"
    with pytest.raises(RuleError, match="no group"):
        targets.group("nothing")
    for name in targets.groups():
        assert targets.label_of_group(name)


def test_every_platform_has_a_source_and_its_key_roles(reference: Reference) -> None:
    for platform in reference.targets.platforms.values():
        assert platform.source, platform.id
        assert platform.groups, platform.id
        for role in platform.key_roles:
            assert role in platform.roles
        for role in platform.roles.values():
            assert set(role.optional) <= set(role.hosts)


def test_a_reader_extends_the_table() -> None:
    extra = b"""
    [[group]]
    id = "local"
    label = "Local"
    [[platform]]
    id = "bird"
    label = "Bird"
    groups = ["local"]
    source = "made up"
    works = { all_of = ["web"] }
    [[platform.role]]
    id = "web"
    hosts = ["bird.example"]
    """
    reference = load_reference({"targets-local.toml": extra})
    assert reference.targets.target_of_host("bird.example") == "bird/web"
    assert reference.targets.group("local") == ("bird/web",)
    assert reference.targets.target_of_host("www.facebook.com") == "facebook/web"
    assert pickle.loads(pickle.dumps(reference.targets)).target_of_host("bird.example") == "bird/web"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[[platform]]\nid = 3", "`id` must be a text"),
        (b"[[platform]]\nid = 'a'\nlabel='a'\nsource='s'\ngroups=['nope']", "not in the table"),
        (b"[[platform]]\nid = 'a'\nsource='s'\nworks={any_of=['web']}", "not there"),
        (b"[[platform]]\nid='a'\nsource='s'\n[[platform.role]]\nid='web'\nhosts=['x.com']", "belongs to both"),
        (b"[[platform]]\nid='a'\nsource='s'\n[[platform.role]]\nid='r'\nendpoints=['nope']", "not an endpoint"),
        (
            b"[[platform]]\nid='a'\nsource='s'\n[[platform.role]]\nid='r'\nrule='some'",
            "none of any_of, all_of, some_of",
        ),
        (b"not toml", "not well formed"),
        (b"\xff", "not well formed"),
    ],
)
def test_a_bad_table_says_what_is_wrong(text: bytes, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        load_reference({"targets.toml": text})


def test_canonical_forms() -> None:
    assert canonical_address("[2001:DB8:0::1]") == "2001:db8::1"
    assert canonical_address("::ffff:192.0.2.1") == "192.0.2.1"
    assert canonical_address("example.org") is None
    assert canonical_host("BÜCHER.example.") == "xn--bcher-kva.example"


def test_mechanisms(reference: Reference) -> None:
    tree = reference.mechanisms
    assert tree.valid("tls.reset.sni")
    assert not tree.valid("tls.reset.host")
    assert tree.parent("tls.reset.sni") == "tls.reset"
    assert tree.parent("tls") is None
    assert tree.layer("dns.nxdomain") == "dns"
    assert tree.layer("server.captcha") is None
    assert tree.deepest(["tls", "tls.reset", "tls.reset.sni", "tcp", "tls.eof"]) == ("tcp", "tls.eof", "tls.reset.sni")
    assert all(parent is None or tree.valid(parent) for parent in map(tree.parent, tree.ids))
    # The tree of the design: 4 ends x 3 in three layers, and so on, written out once more by count.
    assert len([i for i in tree.ids if i.startswith("tls.")]) == 6 + 6 * 3 + 3
    assert len([i for i in tree.ids if i.startswith("http.")]) == 4 + 3 + 4 * 3
