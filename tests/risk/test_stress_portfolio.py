"""A portfolio from plain data: what is read, what is refused, and where."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from errors import ConfigError
from risk.modes.table import Mode
from risk.stress_portfolio import StressPortfolio, StressPosition, asset_of, read_portfolio

JSON = """{"cash": 1000, "mode": "Manual", "positions": [
  {"instrument": "BTCUSDT-PERP.BINANCE", "signed_quantity": -0.5, "entry_price": 60000, "mark": 61000}]}"""
TOML = """
cash = 1000.0
mode = "Manual"
[[positions]]
instrument = "BTCUSDT-PERP.BINANCE"
signed_quantity = -0.5
entry_price = 60000
mark = 61000
"""


@pytest.mark.parametrize(("name", "text"), [("p.json", JSON), ("p.toml", TOML)])
def test_json_and_toml_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    portfolio = read_portfolio(tmp_path / name)

    assert portfolio.equity == pytest.approx(500.0)
    assert portfolio.exposure == pytest.approx(30_500.0)
    assert portfolio.mode is Mode.MANUAL
    assert portfolio.venues == ("BINANCE",)
    assert msgspec.json.decode(msgspec.json.encode(portfolio), type=StressPortfolio) == portfolio


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{", "not a readable"),
        ("[]", "Expected `object`"),
        (JSON.replace('"cash"', '"cach"'), "cach"),
        (JSON.replace("60000", "-1"), "entry_price"),
        (JSON.replace("60000", "1e999"), "out of range"),
        (JSON.replace("BTCUSDT-PERP.BINANCE", "BTCUSDT"), "SYMBOL.VENUE"),
        (JSON.replace('"mark"', '"spot": true, "mark"'), "spot can't be short"),
        (JSON.replace('"cash": 1000', '"cash": 1000, "balances": {"BINANCE": 900}'), "add up to cash"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)

    with pytest.raises(ConfigError) as raised:
        read_portfolio(path)

    assert where in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="file not found"):
        read_portfolio(tmp_path / "none.json")


def test_two_venues_need_to_say_where_the_cash_is() -> None:
    positions = tuple(
        StressPosition(instrument=f"BTCUSDT.{venue}", signed_quantity=1.0, entry_price=1.0, mark=1.0, spot=True)
        for venue in ("A", "B")
    )

    with pytest.raises(ValueError, match="balances must say"):
        StressPortfolio(cash=1.0, positions=positions)
    assert StressPortfolio(cash=1.0, positions=positions, balances={"A": 1.0}).balance_at("B") == 0.0


@pytest.mark.parametrize(
    ("instrument", "asset"),
    [
        ("BTCUSDT-PERP.BINANCE", "BTC"), ("BTCUSD.BITFINEX", "BTC"), ("XBTUSD.KRAKEN", "BTC"),
        ("ETH-USDT-SWAP.OKX", "ETH"), ("ETH/USDC.X", "ETH"), ("1000PEPEUSDT-LINEAR.BYBIT", "PEPE"),
        ("ETHBTC.BINANCE", "ETH"), ("BTC-PERP.FTX", "BTC"), ("USDT.X", "USDT"), ("BTCUSD_PERP.BINANCE", "BTC"),
    ],
)  # fmt: skip
def test_the_asset_is_read_from_the_symbol(instrument: str, asset: str) -> None:
    assert asset_of(instrument) == asset


def test_the_pages_example_is_a_portfolio(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "stress.md").read_text()
    (tmp_path / "example.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])

    assert read_portfolio(tmp_path / "example.toml").equity == pytest.approx(101_500.0)
