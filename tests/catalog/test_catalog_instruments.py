"""The facts of instruments: what is shipped, what a user may give, what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from nautilus_trader.accounting.margin_models import LeveragedMarginModel
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair

from catalog.instruments import Kind
from catalog.naming import instrument_for
from catalog.spec_files import brackets_from_steps, load_brackets, load_spec, shipped_spec, shipped_specs
from catalog.store.parquet import Catalog
from errors import ConfigError

SPEC = """
instrument_id = "BTCUSDT-LINEAR.BYBIT"
kind = "USDM_PERP"
base = "BTC"
quote = "USDT"
price_increment = "0.10"
size_increment = "0.001"
maker_fee = "0.0002"
taker_fee = "0.00055"
funding_interval_h = 8
brackets = [[2_000_000, 0.005, 100], [2_600_000, 0.0056, 90]]
"""


def written(folder: Path, text: str = SPEC) -> Path:
    path = folder / "spec.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("instrument_id", "kind"), list(shipped_specs()))
def test_every_shipped_spec_makes_an_engine_instrument(instrument_id: str, kind: Kind) -> None:
    spec = shipped_spec(instrument_id, kind)

    instrument = spec.instrument()

    assert str(instrument.id) == instrument_id
    assert isinstance(instrument, CryptoPerpetual if kind is Kind.USDM_PERP else CurrencyPair)
    assert instrument.price_precision == spec.price_precision
    assert instrument.price_increment.as_decimal() == Decimal(spec.price_increment)
    assert (instrument.maker_fee, instrument.taker_fee) == (Decimal(spec.maker_fee), Decimal(spec.taker_fee))
    assert str(instrument.make_qty(float(spec.size_min)))
    assert spec.source


def test_the_engine_locks_notional_over_leverage() -> None:
    perp = shipped_spec("BTCUSDT-PERP.BINANCE").instrument()

    margin = LeveragedMarginModel().calculate_margin_init(perp, perp.make_qty(2), perp.make_price(50_000), Decimal(10))

    assert margin.as_decimal() == Decimal(10_000)


def test_orders_round_to_the_tick_though_finer_prices_are_stored() -> None:
    perp = shipped_spec("BTCUSDT-PERP.BINANCE").instrument()

    assert str(perp.make_price(4_062.97)) == "4063.00"
    assert perp.price_precision == 2


def test_requirement_has_no_jump_where_brackets_meet() -> None:
    for spec in shipped_specs().values():
        for below, above in zip(spec.brackets, spec.brackets[1:], strict=False):
            at = below.notional_cap
            assert at * below.maintenance_rate - below.maintenance_amount == pytest.approx(
                at * above.maintenance_rate - above.maintenance_amount, rel=1e-12
            )


def test_shipped_brackets_are_the_venues(shared_data: Path) -> None:
    tiers = shared_data / "api" / "binance_usdm_leverage_tiers_2026-09.json.gz"

    perps = [spec for spec in shipped_specs().values() if spec.kind is Kind.USDM_PERP]

    assert len(perps) == 12
    for spec in perps:
        assert spec.brackets == load_brackets(tiers, spec.base, spec.quote)


def test_amounts_follow_from_caps_and_rates() -> None:
    brackets = brackets_from_steps([(300_000, 0.004, 150), (800_000, 0.005, 100), (3_000_000, 0.0065, 75)])

    assert [bracket.maintenance_amount for bracket in brackets] == [0.0, 300.0, 1_500.0]
    assert [bracket.notional_floor for bracket in brackets] == [0.0, 300_000.0, 800_000.0]


def test_an_unknown_instrument_may_be_given_as_a_file(tmp_path: Path) -> None:
    spec = load_spec(written(tmp_path))

    assert (spec.settlement, spec.size_min, spec.price_precision) == ("USDT", "0.001", 2)
    assert spec.brackets[1].maintenance_amount == 2_000_000 * 0.0006
    assert str(spec.instrument().id) == "BTCUSDT-LINEAR.BYBIT"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"0.10"', '"0"', "price_increment must be above 0"),
        ('"0.10"', '"ten cents"', "price_increment must be a decimal in quotes"),
        ('"0.10"', '"1e-1"', "price_increment must be a plain decimal"),
        ('"0.10"', "0.1", "Expected `str`, got `float`"),
        ('"0.00055"', '"5.5"', "taker_fee is a fraction of notional below 0.1"),
        ("funding_interval_h = 8", "", "funding_interval_h belongs to a USDM_PERP"),
        ("funding_interval_h = 8", "funding_interval_h = 48", "funding_interval_h must be 1 to 24"),
        ("brackets = ", "#", "a USDM_PERP needs its leverage brackets"),
        ("[2_600_000, 0.0056, 90]", "[1_000_000, 0.0056, 90]", "bracket 2 must begin at 2e\\+06 and end above it"),
        ("0.0056, 90", "1.5, 90", "bracket 2 needs 0 < maintenance_rate < 1"),
        ('"USDM_PERP"', '"SPOT"', "spot has no leverage brackets"),
        ('"USDM_PERP"', '"SWAP"', "Invalid enum value 'SWAP'"),
        ("BTCUSDT-LINEAR.BYBIT", "BTCUSDT", "instrument_id must be SYMBOL.VENUE"),
        ("base =", "bass =", "unknown field `bass`|missing required field `base`"),
    ],
)
def test_refuses_a_wrong_spec_with_file_and_reason(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in SPEC

    with pytest.raises(ConfigError, match=rf"spec.toml.*({complaint})"):
        load_spec(written(tmp_path, SPEC.replace(old, new)))


def test_brackets_may_come_from_a_venues_file(tmp_path: Path) -> None:
    tiers = tmp_path / "tiers.json"
    tiers.write_text(
        '{"BTC/USDT:USDT": [{"tier": 1, "minNotional": 0, "maxNotional": 5e4, "maintenanceMarginRate": 0.004,'
        ' "maxLeverage": 125, "info": {"cum": 0.0}}]}'
    )

    spec = load_spec(written(tmp_path), tiers)

    assert [bracket.leverage_max for bracket in spec.brackets] == [125.0]
    with pytest.raises(ConfigError, match="no tiers for ETH/USDT:USDT"):
        load_brackets(tiers, "ETH", "USDT")
    tiers.write_text("[]")
    with pytest.raises(ConfigError, match="not a leverage-tier JSON"):
        load_brackets(tiers, "BTC", "USDT")


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("DOTUSDT_1h.parquet", None, "DOTUSDT-PERP.BINANCE"),
        ("BTCUSDT.parquet", Kind.USDM_PERP, "BTCUSDT-PERP.BINANCE"),
        ("btcusdt.csv.gz", Kind.SPOT, "BTCUSDT.BINANCE"),
        ("EOSUSD.parquet", None, "EOSUSD.BITFINEX"),
        ("BTCUSDT.parquet", None, None),
        ("prices.csv", None, None),
    ],
)
def test_takes_the_instrument_from_the_name_only_where_one_fits(
    tmp_path: Path, name: str, kind: Kind | None, expected: str | None
) -> None:
    def named() -> str:
        return instrument_for(
            Catalog(tmp_path), Path(name), instrument_id=None, kind=kind, spec_file=None, brackets_file=None
        ).instrument_id

    if expected is None:
        with pytest.raises(ConfigError, match="which instrument is it"):
            named()
    else:
        assert named() == expected


def test_an_unknown_id_names_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"no facts are known for PEPEUSDT-PERP.BINANCE; give them with --spec FILE"):
        shipped_spec("PEPEUSDT-PERP.BINANCE")
    with pytest.raises(ConfigError, match=r"BTCUSDT.BINANCE as MARGIN"):
        shipped_spec("BTCUSDT.BINANCE", Kind.MARGIN)
