"""Compute features of one kind of event at once: a row an event as it arrives, or all rows of a history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.model import F64
from errors import ConfigError
from strategies.features.event_program import EventProgram
from strategies.features.event_registry import event_features
from strategies.features.events import FIELDS, EventFeature, EventKind, Events
from strategies.features.layout import layout_hash
from strategies.features.registry import BoundFeature, bind
from strategies.features.spec import FeatureSpec


class EventSet:
    """
    Features of events in a fixed order, computed by one definition in batch and in stream.

    ``batch(events)[i]`` equals, bit for bit, what a fresh stream returns for event i after the events before it. Row i
    is known at ``events.ts_ns[i]`` and holds nothing later. NaN until a feature is warm, and on an event that is not
    usable (see `EventProgram`), which leaves no trace in later rows.

    Parameters
    ----------
    specs : sequence of FeatureSpec
        At least one; all for the same kind of event.

    Raises
    ------
    ConfigError
        If there is no feature, one is unknown or has a bad parameter, kinds differ, or two columns have one name.

    """

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        self.specs = tuple(specs)
        self.features: tuple[BoundFeature, ...] = tuple(bind(spec, among=event_features()) for spec in self.specs)
        if not self.features:
            raise ConfigError("an event set needs at least one feature")
        kinds = [_kind(bound) for bound in self.features]
        if len(set(kinds)) > 1:
            listed = ", ".join(f"{bound.label}: {kind.value}" for bound, kind in zip(self.features, kinds, strict=True))
            raise ConfigError(f"the features of an event set must take one kind of event, were {listed}")
        self.kind = kinds[0]
        self.names: tuple[str, ...] = tuple(name for bound in self.features for name in bound.columns)
        self.layout_hash: str = layout_hash(self.features)
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ConfigError(f"two columns are named {twice}; give one of the features a label")

    def column(self, label: str) -> int:
        """Return the place of a column; `ConfigError` if there is none of that name."""
        if label not in self.names:
            raise ConfigError(f"there is no feature column {label!r}; there are {', '.join(self.names)}")
        return self.names.index(label)

    def batch(self, events: Events) -> F64:
        """
        Compute every row of a history.

        Parameters
        ----------
        events : Events
            n events, ascending in time.

        Returns
        -------
        float64[n, len(names)]
            Row i is known at ``events.ts_ns[i]``.

        Raises
        ------
        ValueError
            If the events are of another kind, have another number of fields, or do not ascend in time.

        """
        out = np.empty((len(events), len(self.names)))
        self._program(events.values.shape[-1]).run(events, out)
        return out

    def stream(self, levels: int | None = None) -> EventStream:
        """Return a stream that has seen no event; a stream of books needs their number of levels a side."""
        fields = FIELDS.get(self.kind)
        if fields is None:
            if levels is None:
                raise ValueError("a stream of books needs the number of levels a side")
            fields = 1 + 4 * levels
        return EventStream(self._program(fields))

    def _program(self, fields: int) -> EventProgram:
        return EventProgram(
            self.kind, fields, [(bound.feature, bound.vector, bound.state_size) for bound in self.features]
        )


class EventStream:
    """
    Features of one series of events as they arrive.

    Attributes
    ----------
    values : float64[k]
        The newest row: one buffer, overwritten by the next `step`; copy it to keep it.

    """

    __slots__ = ("_address", "_event", "_program", "_step", "values")

    def __init__(self, program: EventProgram) -> None:
        self._program = program  # owns the memory behind the address
        self._address = program.frame_address
        self._step = program.step
        self._event = program.event
        self.values = program.values

    def step(self, ts_ns: int, event: Sequence[float] | F64) -> F64:
        """
        Take one event in and return the row known at its time.

        Parameters
        ----------
        ts_ns : int
            When the event was known, UTC ns; not before the time of the event before it.
        event : float64[fields]
            As `events` orders them.

        Returns
        -------
        float64[k]
            The stream's own buffer, valid until the next step.

        """
        if len(event) != len(self._event):
            raise ValueError(f"an event here has {len(self._event)} fields, had {len(event)}")
        self._event[:] = event
        self._step(self._address, ts_ns)
        return self.values

    def reset(self) -> None:
        """Forget every event."""
        self._program.reset()


def _kind(bound: BoundFeature) -> EventKind:
    if not isinstance(bound.feature, EventFeature):
        raise TypeError(f"{bound.label} is not a feature of events")
    return bound.feature.kind
