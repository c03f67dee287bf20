"""Law: flag, then variable, then file, then default; an unknown name or a value of the wrong kind is an error."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.cli.settings import Settings, from_environment, from_toml, resolve, size
from clampdown.errors import UsageError


@given(st.lists(st.one_of(st.none(), st.integers(1, 99)), min_size=3, max_size=3))
def test_precedence(given_values: list[int | None]) -> None:
    flag, variable, file = given_values
    toml = b"" if file is None else f"workers = {file}".encode()
    environment = {} if variable is None else {"CLAMPDOWN_WORKERS": str(variable)}
    found = resolve({"workers": flag}, environment, toml, "clampdown.toml").workers
    assert found == next((v for v in given_values if v is not None), 0)


def test_every_setting_can_come_from_every_place() -> None:
    values = {"int": 7, "bool": True, "str": "json", "str | None": "x"}
    for field in fields(Settings):
        value = values[str(field.type)]
        text = f'"{value}"' if isinstance(value, str) else str(value).lower()
        for settings in (
            resolve({field.name: value}, {}, None),
            resolve({}, {f"CLAMPDOWN_{field.name.upper()}": str(value)}, None),
            resolve({}, {}, f"{field.name} = {text}".encode(), "f"),
        ):
            assert getattr(settings, field.name) == value


@pytest.mark.parametrize(
    ("text", "value"), [("7", 7), ("64M", 64 << 20), ("1 GiB", 1 << 30), ("2k", 2048), ("10mb", 10 << 20)]
)
def test_size(text: str, value: int) -> None:
    assert size(text) == value


@pytest.mark.parametrize(
    ("environment", "toml", "says"),
    [
        ({"CLAMPDOWN_WORKER": "2"}, None, "Did you mean 'CLAMPDOWN_WORKERS'"),
        ({"CLAMPDOWN_WORKERS": "many"}, None, "not a number"),
        ({"CLAMPDOWN_QUIET": "perhaps"}, None, "neither yes nor no"),
        ({"CLAMPDOWN_LOG_FORMAT": "xml"}, None, "Say text or json"),
        ({"CLAMPDOWN_LIMIT_RECORD": "0"}, None, "cannot be 0"),
        ({}, b"wokers = 2", "Did you mean 'workers'"),
        ({}, b"workers = -1", "negative"),
        ({}, b"workers = true", "workers must be a whole number, and true is no number"),
        ({}, b"workers = [1]", "workers must be a whole number, and it is a list"),
        ({}, b"workers = 'many'", "clampdown.toml, workers: 'many' is not a number"),
        ({}, b"store = 5", "store must be text, and 5 is a number"),
        ({}, b"raw_keep = 1.5", "raw_keep must be true or false, and 1.5 is a number"),
        ({}, b"raw_keep = 1979-05-27", "raw_keep must be true or false, and 1979-05-27 is a date or a time"),
        ({}, b"proxy = { host = 1 }", "proxy must be text, and it is a table"),
        ({}, b"store = ''", "store is empty"),
        ({}, b"mirror = ' '", "mirror is empty"),
        ({"CLAMPDOWN_STORE": "\udcc3\udcbf"}, None, "store holds letters that cannot be read in this locale"),
        ({}, b"workers", "not a TOML file"),
        ({}, b"\xff", "not a TOML file"),
    ],
)
def test_faults_are_said(environment: dict[str, str], toml: bytes | None, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve({}, environment, toml, "clampdown.toml")
    assert says in str(caught.value)
    assert caught.value.exit_code == 2
    if toml is not None:
        assert "clampdown.toml" in str(caught.value)


@pytest.mark.parametrize("value", ["", "  ", "\udcc3"])
@pytest.mark.parametrize("name", [field.name for field in fields(Settings) if str(field.type) == "str | None"])
def test_a_name_that_is_none(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"^the command line: {name} (is empty|holds letters)"):
        resolve({name: value}, {}, None)


def test_variables_that_are_not_settings_are_left_alone() -> None:
    assert from_environment({"CLAMPDOWN_REQUIRE": "all", "HOME": "x", "CLAMPDOWN_STORE": ""}) == {}
    assert from_toml(b"") == {}
