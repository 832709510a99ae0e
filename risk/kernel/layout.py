"""How one order, its instrument, the account and the limits lie in memory for the compiled kernel."""

from __future__ import annotations

import numpy as np

from risk.verdict import Basis, Reason

CODES: tuple[Basis | Reason, ...] = (*Basis, *Reason)
"""What each code of a verdict means; a code is a place in here."""

BRACKETS_MAX = 20
"""Leverage brackets an instrument may have; venues have a dozen."""

NEVER = np.iinfo(np.int64).min
"""Stands for "no such order was sent" where an age in ns is asked for."""

BUDGET_NONE, BUDGET_HELD, BUDGET_BROKEN = 0, 1, 2
"""No budget to keep to; `drawn` must stay within `left`; the parent is no open approved order of this side."""

BASE_PEAK, BASE_START, BASE_DAY = 0, 1, 2
"""What a drawdown is measured from."""

ORDER = np.dtype(
    [
        # what is asked for; a price, stop, confidence or Kelly fraction counts only where its flag says it is there
        ("instrument", "i8"),  # place of its instrument
        ("sign", "i8"),  # +1 buys, -1 sells
        ("quantity", "f8"),  # base units
        ("price", "f8"),
        ("trigger", "f8"),
        ("stop", "f8"),
        ("confidence", "f8"),
        ("kelly", "f8"),
        # what works on its side of the instrument, without the order itself, base units
        ("working", "f8"),
        ("pending", "f8"),  # the same without its parent, of which it is a part
        ("closable", "f8"),  # what pending reduce-only orders leave of the position to close
        ("reserved", "f8"),  # notional that the instrument's working orders add, without the order itself
        # its budget, base units
        ("drawn", "f8"),
        ("left", "f8"),
        # layers whose sums are made elsewhere, quote currency
        ("held_loss", "f8"),  # what is held loses at its stops (layer 3)
        ("cluster", "f8"),  # exposure that moves with the instrument (layer 4)
        ("var", "f8"),  # of the portfolio with the order (layer 5), and as it is
        ("var_now", "f8"),
        ("cvar", "f8"),
        ("cvar_now", "f8"),
        # ages, ns
        ("duplicate_age_ns", "i8"),
        ("nth_age_ns", "i8"),  # of the command that makes this one too many if it is within the window
        # what the mode, breakers and kill switches say (layers 7 and 8): a code, or -1
        ("mode_measured", "f8"),
        ("mode_code", "i1"),
        ("barrier_code", "i1"),
        ("budget", "i1"),
        ("has_price", "?"),
        ("has_trigger", "?"),
        ("has_stop", "?"),
        ("has_confidence", "?"),
        ("has_kelly", "?"),
        ("reduce_only", "?"),
        ("child", "?"),  # draws on a parent's budget
        ("undoes_parent", "?"),  # and on the other side of it
        ("shrinks", "?"),  # a change that only makes it smaller
        ("entered", "?"),  # its instrument is held or being entered already
        ("measured", "?"),  # the portfolio's figures are known
    ],
    align=True,
)

INSTRUMENT = np.dtype(
    [
        ("mark", "f8"),
        ("position", "f8"),  # base units, plus for long
        ("tolerance", "f8"),  # half a lot
        ("gross", "f8"),  # notional of the position at mark
        ("reserved", "f8"),  # notional that working orders would add
        ("margin", "f8"),  # initial margin of both
        ("taker_fee", "f8"),
        ("leverage", "f8"),
        ("caps", "f8", (BRACKETS_MAX,)),  # highest notional of each bracket
        ("leverages", "f8", (BRACKETS_MAX,)),
        ("brackets", "i8"),
        ("known", "?"),
        ("has_mark", "?"),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("equity", "f8"),
        ("exposure", "f8"),
        ("working", "f8"),  # notional that working orders would add
        ("margin_used", "f8"),
        ("peak", "f8"),
        ("start", "f8"),
        ("day_start", "f8"),
        ("positions", "i8"),  # instruments held or being entered
    ],
    align=True,
)

LIMITS = np.dtype(
    [
        ("daily_loss", "f8"),
        ("drawdown", "f8"),
        ("positions", "i8"),
        ("deviation_bps", "f8"),
        ("duplicate_s", "f8"),
        ("orders", "i8"),
        ("rate_s", "f8"),
        ("position", "f8"),  # of equity
        ("stop_distance", "f8"),
        ("slippage", "f8"),  # fraction of the notional
        ("leverage", "f8"),
        ("reserve", "f8"),
        ("kelly", "f8"),
        ("correlation", "f8"),  # of equity
        ("var", "f8"),
        ("cvar", "f8"),
        ("drawdown_base", "i8"),
        ("by_notional", "?"),
        ("daily_loss_on", "?"),
        ("drawdown_on", "?"),
        ("positions_on", "?"),
        ("deviation_on", "?"),
        ("duplicate_on", "?"),
        ("rate_on", "?"),
        ("position_on", "?"),
        ("leverage_on", "?"),
        ("margin_on", "?"),
        ("kelly_on", "?"),
        ("correlation_on", "?"),
        ("var_on", "?"),
        ("cvar_on", "?"),
    ],
    align=True,
)
"""Already those of the mode: scaled by its risk multiplier, or its own where they are lower."""
