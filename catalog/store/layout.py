"""Where everything lies below a catalog's root."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Layout(NamedTuple):
    """
    Paths of a catalog.

    ``data/`` belongs to the engine's own Parquet catalog and can be opened with its API. ``bot4/`` holds what
    the engine has no place for: manifests, specs, quarantine, and the staging area of a running ingest.
    """

    root: Path

    @property
    def manifests(self) -> Path:
        """Return the folder of manifests."""
        return self.root / "bot4" / "manifests"

    @property
    def staging(self) -> Path:
        """Return the folder in which an ingest prepares its files."""
        return self.root / "bot4" / "staging"

    @property
    def lock(self) -> Path:
        """Return the file that a writer locks."""
        return self.root / "bot4" / "lock"

    def manifest(self, dataset: str) -> Path:
        """Return the manifest's path of a data set."""
        return self.manifests / f"{dataset}.json"

    def quarantine(self, dataset: str) -> Path:
        """Return the path of a data set's table of records kept out."""
        return self.root / "bot4" / "quarantine" / f"{dataset}.parquet"

    def spec(self, instrument_id: str) -> Path:
        """Return the path of an instrument's facts."""
        return self.root / "bot4" / "specs" / f"{instrument_id}.json"

    def specs(self) -> list[Path]:
        """Return the paths of all instruments' facts, by name."""
        return sorted((self.root / "bot4" / "specs").glob("*.json"))
