"""A feed's configuration refuses what would not be what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import settings
from errors import ConfigError
from live.feed_config import FeedConfig
from live.node_config import load

CAPTURE: dict[str, Any] = {"source": "capture", "instruments": ["BTCUSDT-PERP.BINANCE"], "paths": ["a.gz"]}
CATALOG: dict[str, Any] = {
    "source": "catalog",
    "instruments": ["BTCUSD.BITFINEX"],
    "bar": "30-MINUTE",
    "start": "2019-01-01",
    "end": "2019-01-02",
}
CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def feed(base: dict[str, Any], **changes: Any) -> FeedConfig:
    return settings.decode(base | changes, FeedConfig, where="t.toml", prefix="feed")


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_takes_the_speeds_at_the_borders(speed: float) -> None:
    assert feed(CAPTURE, speed=speed).pace == speed


@pytest.mark.parametrize("speed", [0.99, 20.01, 0.0, -1.0, float("nan"), float("inf")])
def test_refuses_other_speeds_and_says_why(speed: float) -> None:
    with pytest.raises(ConfigError, match="real latency"):
        feed(CAPTURE, speed=speed)


def test_seconds_a_bar_are_a_pace_of_their_own() -> None:
    assert feed(CATALOG, bar_seconds=0.5).pace == 3600.0


@pytest.mark.parametrize(
    ("base", "changes", "text"),
    [
        (CAPTURE, {"instruments": ["A.B", "C.D"]}, "one instrument"),
        (CAPTURE, {"paths": []}, "needs paths"),
        (CAPTURE, {"show": ["trades", "trades"]}, "at most once"),
        (CAPTURE, {"show": ["news"]}, "news"),
        (CAPTURE, {"bar_seconds": 1.0}, "belong to source"),
        (CAPTURE, {"surprise": 1}, "surprise"),
        (CATALOG, {"bar": None}, "needs bar, start and end"),
        (CATALOG, {"bar": "7-PARSEC"}, "PARSEC"),
        (CATALOG, {"paths": ["a"]}, "belong to source"),
        (CATALOG, {"start": "2019-02-01"}, "before end"),
        (CATALOG, {"speed": 2.0, "bar_seconds": 1.0}, "same thing"),
    ],
)
def test_refuses_what_does_not_go_together(base: dict[str, Any], changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        feed(base, **changes)


@pytest.mark.parametrize("name", ["paper-capture.toml", "paper-demo.toml"])
def test_the_shipped_configurations_are_in_order(name: str) -> None:
    assert load(CONFIGS / name).strategy


def test_a_strategy_that_is_not_allowed_is_named_with_its_file(tmp_path: Path) -> None:
    text = (CONFIGS / "paper-demo.toml").read_text(encoding="utf-8").replace('name = "fused"', 'name = "os"')
    (tmp_path / "node.toml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"node\.toml.*strategy 1.*must be one of"):
        load(tmp_path / "node.toml")


def test_a_strategy_may_not_set_what_the_mode_decides(tmp_path: Path) -> None:
    text = (CONFIGS / "paper-demo.toml").read_text(encoding="utf-8") + "use_model = true\n"
    (tmp_path / "node.toml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match="use_model"):
        load(tmp_path / "node.toml")
