"""The files of a run folder as types: manifest, summary, and the columns of its tables."""

from __future__ import annotations

import msgspec

type Figure = float | None
"""A measured number, or None where it is undefined; never NaN or infinite, so that JSON can hold it."""

ORDERS = (
    "ts_ns", "instrument", "strategy", "client_order_id", "role", "side", "type", "quantity", "price", "trigger_price",
    "reduce_only", "status", "filled_quantity", "average_price", "ts_last_ns", "reason", "tags",
)  # fmt: skip
FILLS = (
    "ts_ns", "instrument", "strategy", "client_order_id", "trade_id", "role", "side", "quantity", "price",
    "reference_price", "liquidity", "fee", "slippage",
)  # fmt: skip
POSITIONS = (
    "ts_opened_ns", "ts_closed_ns", "instrument", "strategy", "side", "quantity_peak", "entry_price", "exit_price",
    "realized_pnl", "fees", "funding", "exit_role",
)  # fmt: skip
EQUITY = ("ts_ns", "equity", "cash", "exposure_gross", "exposure_net", "liquidation_distance", "open_positions")
BASELINES = ("ts_ns", "buy_and_hold", "random_p05", "random_p25", "random_p50", "random_p75", "random_p95")

TABLES = {
    "orders.parquet": ORDERS,
    "fills.parquet": FILLS,
    "positions.parquet": POSITIONS,
    "equity.parquet": EQUITY,
    "baselines.parquet": BASELINES,
}
"""The columns each table must have; more are allowed and ignored."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a run was: everything needed to repeat it, and what was assumed.

    `start` and `end` are ISO 8601 UTC. `assumptions` is shown in the report as it stands, one row a key: engine,
    fills, fees, latency, funding, liquidation. `warnings` are shown at the report's top, such as uncertified data
    or funding taken as zero. `audit_head` is the hash of the last of the `audit_records` records of the audit log, by
    which a truncated log is recognised.
    """

    run_id: str
    strategy: str
    instruments: tuple[str, ...]
    bar: str
    start: str
    end: str
    mode: str
    currency: str
    start_equity: float
    bars: int
    code_version: str
    config_fingerprint: str
    data_fingerprint: str
    engine_version: str
    decision_hash: str
    seeds: dict[str, int] = {}
    assumptions: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    packages: dict[str, str] = {}
    created: str = ""
    audit_head: str = ""
    audit_records: int = 0
    simulated: bool = True
    schema_version: int = 1


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one equity curve; `docs/reports.md` defines each."""

    total_return: Figure = None
    cagr: Figure = None
    volatility: Figure = None
    sharpe: Figure = None
    sortino: Figure = None
    calmar: Figure = None
    max_drawdown: Figure = None
    fees: Figure = None
    funding: Figure = None
    slippage: Figure = None


class RandomEntries(msgspec.Struct, frozen=True, kw_only=True):
    """
    Figures of the random-entry baseline over its seeds.

    `total_return`, `sharpe` and `max_drawdown` are medians over the seeds. `percentile` is the share of seeds that
    earned less than the strategy did (ties count half).
    """

    seeds: int
    seed: int
    trades: int
    size: Figure = None
    total_return: Figure = None
    total_return_p05: Figure = None
    total_return_p95: Figure = None
    sharpe: Figure = None
    sharpe_p05: Figure = None
    sharpe_p95: Figure = None
    max_drawdown: Figure = None
    fees: Figure = None
    funding: Figure = None
    percentile: Figure = None


class Baselines(msgspec.Struct, frozen=True, kw_only=True):
    """What doing nothing clever would have given; None where it could not be computed."""

    buy_and_hold: Performance | None = None
    random: RandomEntries | None = None


class Supervision(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an operator's approval took: how requests ended, how long answers took, and how the price moved meanwhile.

    `requests` are those that ended, the sum of the five outcomes; `refused_at_recheck` are among the approved and
    amended. `cost` is the price's move against the order between request and answer x quantity, summed over what was
    sent, in the run's currency, plus for a loss; `cost_bps` is the same per `sent_notional` (at the request's price).
    `unpriced` requests were sent without a price at one of the two instants and are in neither.
    """

    requests: int
    approved: int
    amended: int
    rejected: int
    timed_out: int
    withdrawn: int
    refused_at_recheck: int
    approval_rate: Figure
    response_p50_s: Figure
    response_p90_s: Figure
    sent_notional: Figure
    cost: Figure
    cost_bps: Figure
    unpriced: int = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """
    The figures of a run, as `summary.json` holds them; `docs/reports.md` defines each.

    Money is in `currency`. `fees` and `slippage` are costs when positive; `funding` is received when positive and
    paid when negative, and so is `interest` on what was borrowed. `max_drawdown` is zero or negative. `rejections`
    counts refused intents by code. `supervision` is None where nothing waited for an operator.
    """

    run_id: str
    strategy: str
    instruments: tuple[str, ...]
    bar: str
    start: str
    end: str
    bars: int
    mode: str
    currency: str
    simulated: bool
    intents: int
    parked: int
    orders: int
    fills: int
    rejections: dict[str, int]
    start_equity: Figure
    final_equity: Figure
    total_return: Figure
    cagr: Figure
    volatility: Figure
    sharpe: Figure
    sortino: Figure
    calmar: Figure
    max_drawdown: Figure
    max_drawdown_days: Figure
    fees: Figure
    funding: Figure
    interest: Figure = 0.0
    slippage: Figure
    liquidations: int
    exposure: Figure
    leverage_mean: Figure
    leverage_max: Figure
    liquidation_distance_min: Figure
    turnover: Figure
    trades: int
    open_positions: int
    win_rate: Figure
    profit_factor: Figure
    trade_mean: Figure
    holding_hours_mean: Figure
    skewness: Figure
    kurtosis: Figure
    baselines: Baselines
    trials: int
    deflated_sharpe: Figure
    probabilistic_sharpe: Figure
    track_record_days: int
    track_record_days_min: Figure
    decision_hash: str
    data_fingerprint: str
    config_fingerprint: str
    code_version: str
    wall_seconds: Figure
    sane: bool
    warnings: tuple[str, ...]
    supervision: Supervision | None = None
    schema_version: int = 1
