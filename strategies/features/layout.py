"""Fingerprint the columns of a feature set, so that a model refuses rows it was not trained on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from strategies.features.registry import BoundFeature

LAYOUT_VERSION = 1


def layout_hash(features: Sequence[BoundFeature]) -> str:
    """
    Return the SHA-256, in hex, of what a row means.

    Covers names, order, parameters and kernel versions; not which machine computes it. Two sets with equal hashes
    give equal columns in equal order.
    """
    layout = [
        {
            "name": bound.feature.name,
            "version": bound.feature.version,
            "params": {name: float(value).hex() for name, value in bound.params.items()},
            "columns": bound.columns,
        }
        for bound in features
    ]
    text = json.dumps({"layout": LAYOUT_VERSION, "features": layout}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
