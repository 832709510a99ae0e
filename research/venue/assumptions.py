"""What the simulated venue assumes, in plain sentences for reports."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.instruments import InstrumentSpec, Kind
from research.venue.config import VenueConfig


def sentences(
    config: VenueConfig,
    specs: Sequence[InstrumentSpec],
    *,
    unmarked: Sequence[str],
    mark_fallbacks: int,
    quoted: bool = False,
    booked: bool = False,
) -> list[str]:
    """
    Return the assumptions of a venue.

    Parameters
    ----------
    config : VenueConfig
        As the venue was built.
    specs : sequence of InstrumentSpec
        Its instruments.
    unmarked : sequence of str
        Ids of instruments for which no mark prices were fed.
    mark_fallbacks : int
        How often a mark price that should have been there was not.
    quoted, booked : bool
        Whether the feed showed quotes or books, and whether it showed books.

    """
    kinds = {spec.kind for spec in specs}
    said = [
        f"Orders reach the venue {config.latency_ms} ms after they are sent; one decided at a bar's close fills at "
        "the next bar's open.",
        f"Market and stop orders pay {config.slippage_bps:g} bp of slippage on top of the price shown, rounded against "
        "the trader; size has no further impact, and every fill is complete.",
        _limits(config),
        _stops(config),
        _path(config),
        _fees(config),
    ]
    if quoted:
        said.append(
            "Where the feed shows quotes, a taker pays the other side of the quote, or the latest trade where that is "
            "worse, a resting limit fills when the other side reaches it, and bars move nothing."
        )
    if booked:
        said.append(
            "Where the feed shows a book, an order without a limit walks its levels; what lies beyond them costs what "
            "the last one does, and the book is as before for the next order."
        )
    if Kind.USDM_PERP in kinds:
        said.append(_funding(config))
    if Kind.MARGIN in kinds:
        said.append(
            f"Spot margin pays {config.borrow_rate_annual:.4g} simple interest a year on what it borrows, by the hour."
        )
    if kinds != {Kind.SPOT}:
        said.extend(_liquidation(config, unmarked, mark_fallbacks))
    return said


def _limits(config: VenueConfig) -> str:
    when = "trades beyond its limit" if config.limit_fills == "through" else "touches its limit"
    return (
        f"A resting limit order fills in full at its limit, as maker, when the price {when}; queues are not modelled."
    )


def _stops(config: VenueConfig) -> str:
    late = "filled at the market" if config.stops_in_market == "fill" else "rejected"
    return (
        "A stop fills at its trigger when the price moves through it inside a bar, and at the open when the market "
        f"opened beyond it; one that arrives after the market has passed its trigger is {late}."
    )


def _path(config: VenueConfig) -> str:
    first = "the extreme nearer to the open" if config.bar_path == "adaptive" else "the high"
    return (
        f"Inside a bar the price goes from the open to {first}, to the other extreme, to the close; orders that are "
        "sent inside a bar meet the market at its end."
    )


def _fees(config: VenueConfig) -> str:
    schedule = {
        "spec": "the instruments' own maker and taker rates",
        "explicit": f"maker {config.fees.maker} and taker {config.fees.taker}",
        "vip": f"Binance's USD-M schedule, VIP {config.fees.vip_tier}",
    }[config.fees.schedule]
    return f"Fees follow {schedule}, in quote currency; discounts for paying in a venue's token are not taken."


def _funding(config: VenueConfig) -> str:
    missing = "a missing rate stops the run" if config.funding.missing == "error" else "a missing rate is TAKEN AS ZERO"
    return (
        "Funding is paid on the mark price at each payment time by positions held at that instant, before orders that "
        f"arrive after it; {missing}."
    )


def _liquidation(config: VenueConfig, unmarked: Sequence[str], mark_fallbacks: int) -> list[str]:
    if not config.liquidation.enabled:
        return ["Liquidation is OFF: positions survive any loss."]
    said = [
        f"Positions are {config.margin_mode}-margined at leverage {config.leverage:g}; at the price where the "
        "maintenance margin of today's brackets is used up on the mark price, the venue closes the whole position and "
        f"takes a fee of {config.liquidation.fee:.4g} of its notional, as far as its collateral goes.",
        "A jump beyond that price closes at the open, but never beyond the bankruptcy price; the rest is the "
        "insurance fund's. There is no auto-deleveraging and no partial liquidation.",
    ]
    if config.margin_mode == "cross":
        said.append("While one instrument's bar is played, other positions count at their latest marks.")
    else:
        said.append("Funding of an isolated position comes out of, or goes into, its own margin.")
    if unmarked:
        said.append(f"No mark prices for {', '.join(unmarked)}: the last price stands in for them.")
    if mark_fallbacks:
        said.append(f"A mark price was missing {mark_fallbacks} times; the last price stood in for it.")
    return said
