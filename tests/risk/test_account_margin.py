"""Distances are held against their definition, found by bisection on the price: balance less maintenance is zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.account_margin import AccountMargin, Holding, fraction_to_keep, isolated_margin, margin_to_add
from risk.margin import maintenance_margin
from tests.risk.world import BTC, ETH, Step

STEPS = (
    Step(0.0, 300_000.0, 0.004, 0.0, 150.0),
    Step(300_000.0, 800_000.0, 0.005, 300.0, 100.0),
    Step(800_000.0, 3_000_000.0, 0.0065, 1_500.0, 75.0),
    Step(3_000_000.0, 12_000_000.0, 0.05, 132_000.0, 20.0),
)
SMALL = (
    Step(0.0, 5_000.0, 0.01, 0.0, 75.0),
    Step(5_000.0, 25_000.0, 0.025, 75.0, 40.0),
    Step(25_000.0, 600_000.0, 0.1, 1_950.0, 5.0),
)
FLAT = (Step(0.0, math.inf, 0.01, 0.0, 125.0),)


def hold(quantity: float, entry: float = 100.0, mark: float = 100.0, **changes: object) -> Holding:
    given: dict[str, object] = {"instrument": BTC, "brackets": FLAT, "margin": None}
    return Holding(signed_quantity=quantity, entry_price=entry, mark=mark, **(given | changes))


def left_after(account: AccountMargin, moved: dict[int, float]) -> float:
    """Return the balance less the maintenance of the cross account once marks have moved against their positions."""
    wallet = account.free
    for number, holding in enumerate(account.cross):
        mark = holding.mark * (1.0 - holding.side * moved.get(number, 0.0))
        wallet += holding.signed_quantity * (mark - holding.entry_price)
        wallet -= maintenance_margin(abs(holding.signed_quantity) * mark, holding.brackets)
    return wallet


def bisect(left: Callable[[float], float], highest: float) -> float:
    """Return where `left`, falling, passes zero; 0 where it starts below, infinite where it ends above."""
    if left(0.0) <= 0.0:
        return 0.0
    if left(highest) > 0.0:
        return math.inf
    low, high = 0.0, highest
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle) > 0.0 else (low, middle)
    return high


def agree(found: float, expected: float, rel: float) -> bool:
    """Tell whether two distances are the same; where a price of 0 liquidates, 1 and infinity are neighbours."""
    if min(found, expected) > 1.0 - 1e-6 and math.inf in {found, expected}:
        return True
    return found == pytest.approx(expected, rel=rel, abs=1e-9, nan_ok=True)


@st.composite
def holdings(draw: st.DrawFn, most: int = 5) -> list[Holding]:
    found = []
    for number in range(draw(st.integers(1, most))):
        mark = draw(st.floats(1.0, 50_000.0))
        notional = draw(st.floats(10.0, 4_000_000.0))
        found.append(
            Holding(
                instrument=f"X{number}-PERP.BINANCE",
                signed_quantity=draw(st.sampled_from([1.0, -1.0])) * notional / mark,
                entry_price=mark * draw(st.floats(0.8, 1.25)),
                mark=mark,
                brackets=draw(st.sampled_from([STEPS, SMALL, FLAT])),
            )
        )
    return found


@st.composite
def accounts(draw: st.DrawFn) -> AccountMargin:
    held = draw(holdings())
    gross = math.fsum(holding.notional for holding in held)
    return AccountMargin(gross * draw(st.floats(0.0, 2.0)), held)


@given(account=accounts())
def test_alone_is_where_bisection_on_one_price_finds_it(account: AccountMargin) -> None:
    for number, holding in enumerate(account.cross):
        most = 1.0 if holding.signed_quantity > 0.0 else 1e9

        def left(move: float, number: int = number) -> float:
            return left_after(account, {number: move})

        assert agree(account.distance_alone(holding), bisect(left, most), rel=1e-6)


@given(account=accounts())
def test_together_is_where_bisection_on_one_fraction_finds_it(account: AccountMargin) -> None:
    expected = bisect(lambda move: left_after(account, dict.fromkeys(range(len(account.cross)), move)), 1.0)

    assert agree(account.distance_together(), expected, rel=1e-6)


@given(account=accounts())
def test_together_is_never_further_than_alone(account: AccountMargin) -> None:
    together = account.distance_together()
    for holding in account.holdings:
        distance = account.distance(holding)
        assert distance <= account.distance_alone(holding)
        if together < 1.0:
            assert distance == pytest.approx(together, rel=1e-9, abs=1e-9)
    assert account.distance_min() == min(account.distance(holding) for holding in account.holdings)


@given(held=holdings(1), leverage=st.floats(1.0, 50.0), added=st.floats(-0.5, 2.0))
def test_an_isolated_distance_is_where_bisection_finds_it(held: list[Holding], leverage: float, added: float) -> None:
    (bare,) = held
    initial = abs(bare.signed_quantity) * bare.entry_price / leverage
    backed = Holding(
        bare.instrument, bare.signed_quantity, bare.entry_price, bare.mark, bare.brackets, initial * (1 + added)
    )
    alike = AccountMargin(initial * (1 + added), [bare])
    account = AccountMargin(1e9, [backed])

    expected = bisect(lambda move: left_after(alike, {0: move}), 1.0 if bare.signed_quantity > 0 else 1e9)
    assert agree(account.distance(backed), expected, rel=1e-6)
    assert account.distance_together() == math.inf


def test_isolated_long_by_hand() -> None:
    # 10 at 100 with 100 behind it: 100 + 10 (P - 100) = 0.1 P, so P = 900 / 9.9 = 90.909
    position = hold(10.0, margin=100.0)
    assert AccountMargin(10_000.0, [position]).distance(position) == pytest.approx(1 - 90.9090909 / 100)


def test_a_hedge_helps_alone_but_not_together() -> None:
    # 10,000 of cash behind 500 long and 500 short at 100: gross 100,000, maintenance 1,000
    long, short = hold(500.0), hold(-500.0, instrument=ETH)
    account = AccountMargin(10_000.0, [long, short])

    # alone: 10,000 - 500 (short's maintenance) = 50,000 d + 500 (1 - d)
    assert account.distance_alone(long) == pytest.approx(9_000 / 49_500)
    # together: 10,000 = 100,000 d + 500 (1 - d) + 500 (1 + d)
    assert account.distance_together() == pytest.approx(0.09)
    assert account.distance(long) == account.distance(short) == pytest.approx(0.09)


def test_what_no_loss_can_reach_is_infinitely_far() -> None:
    assert AccountMargin(200.0, [hold(1.0)]).distance_min() == math.inf
    # a short has its own distance beyond 1, where longs would be worthless: 500 = 100 d + 1 + d
    short = hold(-1.0)
    assert AccountMargin(500.0, [short]).distance(short) == pytest.approx(499 / 101)


def test_an_account_under_water_is_at_distance_zero() -> None:
    account = AccountMargin(100.0, [hold(10.0, mark=80.0)])

    assert account.distance_min() == 0.0
    assert account.margin_ratio() < 0.0


def test_no_position_has_no_distance_and_any_ratio() -> None:
    empty = AccountMargin(100.0, [])

    assert math.isnan(empty.distance_min())
    assert empty.margin_ratio() == math.inf


def test_an_unknown_mark_hides_the_cross_account_but_not_isolated_positions() -> None:
    lost, other, apart = hold(1.0, mark=math.nan), hold(1.0, instrument=ETH), hold(10.0, margin=100.0)
    account = AccountMargin(10_000.0, [lost, other, apart])

    assert math.isnan(account.distance(lost))
    assert math.isnan(account.distance(other))
    assert account.distance(apart) == pytest.approx(1 - 900 / 990)
    assert math.isnan(account.distance_min())
    assert math.isnan(account.margin_ratio())


def test_an_unknown_wallet_hides_the_cross_account() -> None:
    assert math.isnan(AccountMargin(math.nan, [hold(1.0)]).distance_min())


def test_isolated_margins_do_not_back_the_cross_account() -> None:
    crossed = hold(10.0)
    alone = AccountMargin(150.0, [crossed])
    shared = AccountMargin(250.0, [crossed, hold(1.0, instrument=ETH, margin=100.0)])

    assert shared.distance(crossed) == pytest.approx(alone.distance(crossed))
    assert shared.free == 150.0


def test_margin_ratio_is_the_smallest_of_cross_and_isolated() -> None:
    # cross: 20 of 10 needed; isolated: (12 - 1) of 10 * 99 * 0.01 = 9.9
    account = AccountMargin(32.0, [hold(10.0), hold(10.0, mark=99.9, instrument=ETH, margin=12.0)])

    assert account.margin_ratio() == pytest.approx(11.0 / 9.99)


def test_isolated_margin_is_the_initial_margin_and_what_was_added_within_the_wallet() -> None:
    assert isolated_margin(10.0, 100.0, 10.0, FLAT, 0.0, 10_000.0) == 100.0
    assert isolated_margin(10.0, 100.0, 10.0, FLAT, 25.0, 10_000.0) == 125.0
    assert isolated_margin(10.0, 100.0, 10.0, FLAT, 25.0, 110.0) == 110.0
    assert isolated_margin(10.0, 100.0, 200.0, FLAT, 0.0, 10_000.0) == 8.0  # the bracket allows 125


@given(held=holdings(1), behind=st.floats(0.01, 0.3), target=st.floats(0.02, 0.5))
def test_margin_added_brings_the_distance_to_the_target(held: list[Holding], behind: float, target: float) -> None:
    (bare,) = held
    margin = behind * bare.notional - bare.profit
    position = Holding(bare.instrument, bare.signed_quantity, bare.entry_price, bare.mark, bare.brackets, margin)
    lacking = margin_to_add(position, target)
    after = Holding(bare.instrument, bare.signed_quantity, bare.entry_price, bare.mark, bare.brackets, margin + lacking)

    before, then = (AccountMargin(1e9, [held]).distance(held) for held in (position, after))
    if lacking == 0.0:
        assert before >= target - 1e-9
    else:
        assert then == pytest.approx(target, rel=1e-6)


def test_margin_can_not_be_added_to_a_cross_margined_position() -> None:
    with pytest.raises(ValueError, match="cross-margined"):
        margin_to_add(hold(1.0), 0.1)


@given(account=accounts(), target=st.floats(0.05, 0.5), fee=st.floats(0.0, 0.01))
def test_keeping_the_fraction_brings_the_account_to_the_target(
    account: AccountMargin, target: float, fee: float
) -> None:
    kept = fraction_to_keep(account.balance, account.holdings, target, fee)

    def after(fraction: float) -> AccountMargin:
        gross = math.fsum(holding.notional for holding in account.holdings)
        # what is closed at mark turns its profit into cash
        cash = account.balance - fee * gross * (1.0 - fraction)
        rest = [
            Holding(h.instrument, h.signed_quantity * fraction, h.mark, h.mark, h.brackets) for h in account.holdings
        ]
        return AccountMargin(cash, rest)

    assert 0.0 <= kept <= 1.0
    if kept == 1.0:
        assert account.distance_together() >= target - 1e-9
    elif kept > 1e-6:
        assert after(kept).distance_together() == pytest.approx(target, rel=1e-6)


def test_half_an_account_is_kept_where_half_brings_it_to_the_target() -> None:
    # 1,000 behind 10,000 at a maintenance of 0.01: k (0.1 + 0.009) 10,000 = 1,000
    assert fraction_to_keep(1_000.0, [hold(100.0)], 0.1, 0.0) == pytest.approx(1 / 1.09)
    assert fraction_to_keep(5_000.0, [hold(100.0)], 0.1, 0.0) == 1.0
    assert fraction_to_keep(-5.0, [hold(100.0)], 0.1, 0.0) == 0.0
