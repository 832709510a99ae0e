"""Read the instants a configuration gives for the start and the end of a period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DATE_LENGTH = len("2020-01-01")


def instant_ns(key: str, text: str, *, end_of_day: bool = False) -> int:
    """
    Return an ISO 8601 date or instant as Unix nanoseconds; without a zone it is UTC.

    Parameters
    ----------
    key : str
        The configuration key, for the error.
    text : str
        Such as ``2020-01-01`` or ``2020-01-01T12:00:00Z``.
    end_of_day : bool
        Whether a bare date means the end of that day, as the end of a period does.

    Raises
    ------
    ValueError
        If the text is neither, or lies before 1970.

    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{key} must be an ISO 8601 date or instant such as 2020-01-01, was {text!r}") from None
    if end_of_day and len(text) == DATE_LENGTH:
        instant += timedelta(days=1)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    elapsed = instant - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000_000 + elapsed.microseconds * 1_000
    if nanoseconds < 0:
        raise ValueError(f"{key} must not lie before 1970, was {text!r}")
    return nanoseconds
