"""Every feature of events there is, by name, as `registry` holds those of bars."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from strategies.features import book_shape, funding, quote_flow, toxicity, trade_flow
from strategies.features.events import EventFeature

_FAMILIES = (trade_flow, toxicity, quote_flow, book_shape, funding)


@cache
def event_features() -> MappingProxyType[str, EventFeature]:
    """Return every registered feature of events by name, in the order of the documentation."""
    by_name: dict[str, EventFeature] = {}
    for family in _FAMILIES:
        for feature in family.FEATURES:
            if feature.name in by_name:
                raise ValueError(f"two features of events are named {feature.name}")
            by_name[feature.name] = feature
    return MappingProxyType(by_name)
