"""Find out from times how far apart records are."""

from __future__ import annotations

import numpy as np

from catalog.model import I64


def usual_step(ts_ns: I64, rounding_ns: int = 1) -> int | None:
    """
    Return the most common distance between neighbouring times in nanoseconds, None for fewer than two times.

    Parameters
    ----------
    ts_ns : int64[n]
        Times in any order; repeated times count once.
    rounding_ns : int
        Distances are rounded to this first, for stamps with jitter. Of equally common ones the shortest wins.

    """
    distances: I64 = np.asarray(np.diff(np.unique(ts_ns)), dtype=np.int64)
    if rounding_ns > 1:
        distances = np.rint(distances / rounding_ns).astype(np.int64) * rounding_ns
    distances = distances[distances > 0]
    if not len(distances):
        return None
    steps, counts = np.unique(distances, return_counts=True)
    return int(steps[np.argmax(counts)])
