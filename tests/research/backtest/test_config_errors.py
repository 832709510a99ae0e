"""A wrong configuration ends with exit code 2 and says where and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from workspace import Workspace

GOOD = """
[run]
name = "x"
instruments = ["BTCUSD.BITFINEX"]
bar = "30-MINUTE"
start = "2018-01-01"
end = "2018-02-01"

[strategy]
name = "fused"

[strategy.params]
entry_strength = 0.3

[venue]
latency_ms = 50

[limits.position]
max = 0.02
"""


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("latency_ms = 50", "latency = 50", "venue", "unknown field `latency`"),
        ("latency_ms = 50", "latency_ms = 0", "venue.latency_ms", ">= 1"),
        ("latency_ms = 50", 'latency_ms = "50"', "venue.latency_ms", "Expected `int`"),
        ("max = 0.02", "max = nan", "limits.position", ""),
        ("max = 0.02", "max = 2.0", "limits.position.max", "<= 1.0"),
        ('name = "fused"', 'name = "os:system"', "strategy.name", "ema_cross, fused"),
        ("entry_strength = 0.3", "entry_strength = 3.0", "strategy.params", "<= 1.0"),
        ("entry_strength = 0.3", "entry_power = 0.3", "strategy.params", "unknown field"),
        ("entry_strength = 0.3", "leverage_max = 50.0", "x.toml", "may not set leverage_max"),
        ('start = "2018-01-01"', 'start = "yesterday"', "run", "ISO 8601"),
        ('start = "2018-01-01"', 'start = "2019-01-01"', "run", "before end"),
        ('name = "x"', 'name = "../x"', "run", "lower-case"),
        ('bar = "30-MINUTE"', 'bar = "30"', "run", "such as 1-HOUR"),
        ("[venue]", "[venue", "x.toml", "not valid TOML"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    space = Workspace(tmp_path)
    assert old in GOOD
    path = space.config("x.toml", GOOD.replace(old, new))

    result = space.call("backtest", "run", path)

    assert result.exit_code == 2, result.output
    assert where in result.stderr
    assert what in result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    result = Workspace(tmp_path).call("backtest", "run", tmp_path / "absent.toml")

    assert result.exit_code == 2
    assert "absent.toml" in result.stderr
    assert "not found" in result.stderr


def test_missing_data_is_a_precondition(tmp_path: Path) -> None:
    space = Workspace(tmp_path)

    result = space.call("backtest", "run", space.config("x.toml", GOOD))

    assert result.exit_code == 3
    assert "BTCUSD.BITFINEX" in result.stderr
