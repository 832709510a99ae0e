"""The sanity band: what trips it, what does not, and exactly at its ends."""

from __future__ import annotations

import msgspec
import pytest

from research.integrity.sanity import SanityConfig, outside_band, too_short_remarks

BAND = SanityConfig()


def judge(
    sharpe: float | None = 1.0,
    cagr: float | None = 0.2,
    factor: float | None = 1.3,
    days: float = 365,
    trades: int = 99,
) -> list[str]:
    found = outside_band(BAND, sharpe=sharpe, cagr=cagr, profit_factor=factor, days=days, trades=trades)
    return [one.figure for one in found]


def test_ordinary_result_passes() -> None:
    assert judge() == []


@pytest.mark.parametrize("figure", ["sharpe", "cagr", "profit_factor"])
@pytest.mark.parametrize("end", ["min", "max"])
def test_ends_of_the_band_are_inside_and_a_step_past_them_is_not(figure: str, end: str) -> None:
    limit = getattr(BAND, f"{figure}_{end}")
    step = 1e-9 if end == "max" else -1e-9
    key = {"profit_factor": "factor"}.get(figure, figure)
    assert judge(**{key: limit}) == []
    assert judge(**{key: limit + step}) == [figure]


def test_undefined_figures_are_not_judged() -> None:
    assert judge(sharpe=None, cagr=None, factor=None) == []
    assert judge(sharpe=float("nan")) == []


def test_short_runs_get_a_remark_instead_of_a_failure() -> None:
    assert judge(sharpe=40.0, cagr=90.0, days=BAND.days_min - 0.1) == []
    assert judge(factor=40.0, trades=BAND.trades_min - 1) == []
    remarks = too_short_remarks(BAND, days=3.0, trades=2)
    assert len(remarks) == 2
    assert "3.0 days" in remarks[0]
    assert too_short_remarks(BAND, days=BAND.days_min, trades=BAND.trades_min) == []


def test_warning_names_figure_and_both_numbers() -> None:
    (high,) = outside_band(BAND, sharpe=7.25, cagr=0.1, profit_factor=1.0, days=400, trades=50)
    (low,) = outside_band(BAND, sharpe=0.0, cagr=-1.0, profit_factor=1.0, days=400, trades=50)
    assert "sharpe 7.25 is above the sanity band's 3.5" in str(high)
    assert "growth a year -1 is below the sanity band's -0.99" in str(low)


def test_band_upside_down_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="sharpe_min must be below sharpe_max"):
        msgspec.convert({"sharpe_min": 4.0}, SanityConfig)
    with pytest.raises(msgspec.ValidationError, match="unknown"):
        msgspec.convert({"sharp_max": 4.0}, SanityConfig)
