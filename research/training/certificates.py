"""Refuse to learn from data sets that failed their quality checks, unless the configuration allows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from errors import PreconditionError
from research.training.config import TrainConfig


class Certificate(Protocol):
    """What is asked of a data set's manifest; `catalog.store.manifest.Manifest` has it."""

    @property
    def dataset(self) -> str:
        """Return the data set's name."""

    @property
    def certified(self) -> bool:
        """Return whether it passed its checks."""

    @property
    def uncertified_because(self) -> tuple[str, ...]:
        """Return why it did not."""


def refuse_uncertified(manifests: Iterable[Certificate], config: TrainConfig) -> tuple[str, ...]:
    """
    Return a warning for each uncertified data set that will be read, or refuse.

    Raises
    ------
    PreconditionError
        If one that will be read is not certified and ``config.allow_uncertified`` is false.

    """
    read = set(config.datasets)
    warnings = tuple(
        f"{manifest.dataset} is not certified: {'; '.join(manifest.uncertified_because)}"
        for manifest in manifests
        if manifest.dataset in read and not manifest.certified
    )
    if warnings and not config.allow_uncertified:
        raise PreconditionError("; ".join(warnings) + " (allow_uncertified = true learns from it all the same)")
    return warnings
