"""Read instrument facts from files: the shipped ones, a user's own, and a venue's leverage tiers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from catalog.instruments import InstrumentSpec, Kind, LeverageBracket
from errors import ConfigError
from settings import decode, load, read_toml

SHIPPED: Final = Path(__file__).with_name("instruments.toml")
"""The facts of the instruments known without a file from the user."""


def brackets_from_steps(steps: Sequence[Sequence[float]]) -> tuple[LeverageBracket, ...]:
    """
    Derive brackets from the three figures a venue publishes for each: notional cap, maintenance rate, leverage.

    The floor is the cap below, and the amount follows from continuity:
    ``amount[i] = amount[i-1] + floor[i] * (rate[i] - rate[i-1])``.
    """
    brackets: list[LeverageBracket] = []
    floor = rate_below = amount = Decimal(0)
    for cap, rate, leverage in steps:
        exact_rate = Decimal(str(rate))
        amount += floor * (exact_rate - rate_below)
        brackets.append(
            LeverageBracket(
                notional_floor=float(floor),
                notional_cap=float(cap),
                maintenance_rate=float(rate),
                maintenance_amount=float(amount),
                leverage_max=float(leverage),
            )
        )
        floor, rate_below = Decimal(str(cap)), exact_rate
    return tuple(brackets)


@cache
def shipped_specs() -> Mapping[tuple[str, Kind], InstrumentSpec]:
    """Return every shipped spec by instrument id and kind, in the order of the file."""
    groups = decode(read_toml(SHIPPED), dict[str, _Group], where=str(SHIPPED))
    specs: dict[tuple[str, Kind], InstrumentSpec] = {}
    for group in groups.values():
        for spec in group.specs():
            specs[spec.instrument_id, spec.kind] = spec
    return specs


def shipped_spec(instrument_id: str, kind: Kind | None = None) -> InstrumentSpec:
    """
    Return the shipped spec of an instrument.

    Where an id is known both as spot and as margin, spot is meant unless `kind` says otherwise.

    Raises
    ------
    ConfigError
        If the instrument, or this kind of it, is not known; the text names the way out.

    """
    known = shipped_specs()
    for each in (kind,) if kind is not None else tuple(Kind):
        if (instrument_id, each) in known:
            return known[instrument_id, each]
    wanted = f"{instrument_id} as {kind.value}" if kind is not None else instrument_id
    names = ", ".join(dict.fromkeys(name for name, _ in known))
    raise ConfigError(f"no facts are known for {wanted}; give them with --spec FILE, or use one of: {names}")


def load_spec(path: Path, brackets_file: Path | None = None) -> InstrumentSpec:
    """
    Read a user's spec file; its `brackets` are steps ``[notional_cap, maintenance_rate, leverage_max]``.

    With `brackets_file` they are read from there instead: see `load_brackets`.

    Raises
    ------
    ConfigError
        If a key is unknown or missing, or the facts contradict each other.

    """
    written = load(path, _WrittenSpec)
    brackets = load_brackets(brackets_file, written.base, written.quote) if brackets_file is not None else None
    try:
        return written.spec(brackets)
    except ValueError as error:
        raise ConfigError(str(error), where=str(path)) from None


def load_brackets(path: Path, base: str, quote: str) -> tuple[LeverageBracket, ...]:
    """
    Read the brackets of one perpetual from a venue's leverage-tier JSON.

    Parameters
    ----------
    path : Path
        JSON, also gzipped: an object from ``BASE/QUOTE:QUOTE`` to a list of tiers with `minNotional`,
        `maxNotional`, `maintenanceMarginRate`, `maxLeverage` and `info.cum`.
    base, quote : str
        Which perpetual to read.

    Raises
    ------
    ConfigError
        If the file is not of that shape or does not hold the perpetual.

    """
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        tiers = msgspec.json.decode(data, type=dict[str, list[_Tier]])
    except (OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
        raise ConfigError(f"not a leverage-tier JSON: {error}", where=str(path)) from None
    key = f"{base}/{quote}:{quote}"
    if key not in tiers:
        raise ConfigError(f"no tiers for {key}", where=str(path))
    return tuple(
        LeverageBracket(
            notional_floor=tier.minNotional,
            notional_cap=tier.maxNotional,
            maintenance_rate=tier.maintenanceMarginRate,
            maintenance_amount=tier.info.cum,
            leverage_max=tier.maxLeverage,
        )
        for tier in tiers[key]
    )


_MARGIN_NOTIONAL_CAP: Final = 1e12  # stands for "no upper tier": JSON has no infinity


class _Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    base: str
    price: str
    size: str
    size_min: str
    notional_min: str
    brackets: tuple[tuple[float, float, float], ...] = ()


class _Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Instruments of one venue and kind, with what they share."""

    venue: str
    kind: Kind
    quote: str
    maker_fee: str
    taker_fee: str
    source: str
    instruments: dict[str, _Facts]
    funding_interval_h: int | None = None
    margin: tuple[float, float] | None = None

    def specs(self) -> list[InstrumentSpec]:
        specs: list[InstrumentSpec] = []
        for symbol, facts in self.instruments.items():
            spec = InstrumentSpec(
                instrument_id=f"{symbol}.{self.venue}",
                kind=self.kind,
                base=facts.base,
                quote=self.quote,
                settlement=self.quote,
                price_increment=facts.price,
                size_increment=facts.size,
                size_min=facts.size_min,
                notional_min=facts.notional_min,
                maker_fee=self.maker_fee,
                taker_fee=self.taker_fee,
                brackets=brackets_from_steps(facts.brackets),
                funding_interval_h=self.funding_interval_h,
                source=self.source,
            )
            specs.append(spec)
            if self.margin is not None:
                steps = [(_MARGIN_NOTIONAL_CAP, *self.margin)]
                specs.append(msgspec.structs.replace(spec, kind=Kind.MARGIN, brackets=brackets_from_steps(steps)))
        return specs


class _WrittenSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    instrument_id: str
    kind: Kind
    base: str
    quote: str
    price_increment: str
    size_increment: str
    maker_fee: str
    taker_fee: str
    settlement: str | None = None
    size_min: str | None = None
    notional_min: str = "0"
    brackets: tuple[tuple[float, float, float], ...] = ()
    funding_interval_h: int | None = None
    source: str = ""

    def spec(self, brackets: tuple[LeverageBracket, ...] | None) -> InstrumentSpec:
        fields = msgspec.structs.asdict(self)
        fields["brackets"] = brackets if brackets is not None else brackets_from_steps(self.brackets)
        fields["settlement"] = self.settlement if self.settlement is not None else self.quote
        fields["size_min"] = self.size_min if self.size_min is not None else self.size_increment
        return InstrumentSpec(**fields)


class _TierInfo(msgspec.Struct, frozen=True):
    cum: float


class _Tier(msgspec.Struct, frozen=True):
    minNotional: float  # noqa: N815 (the venue's own names)
    maxNotional: float  # noqa: N815
    maintenanceMarginRate: float  # noqa: N815
    maxLeverage: float  # noqa: N815
    info: _TierInfo
