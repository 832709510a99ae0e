"""The errors a user can meet, each with the exit code the command line answers with."""

from __future__ import annotations


class Bot4Error(Exception):
    """Base of every expected failure: a fault of the run, not of the program's user."""

    exit_code = 1


class ConfigError(Bot4Error):
    """
    Refuse a configuration or a wrong use, saying where and what was expected.

    Parameters
    ----------
    reason : str
        What was expected and what was found.
    where : str
        The file, and the key or line in it; empty where neither applies.

    """

    exit_code = 2

    def __init__(self, reason: str, where: str = "") -> None:
        self.reason = reason
        self.where = where
        super().__init__(f"{where}: {reason}" if where else reason)


class PreconditionError(Bot4Error):
    """Stop because something that must hold first does not: data, model or server is missing."""

    exit_code = 3


class ApprovalError(Bot4Error):
    """Stop because an approval is missing or was denied."""

    exit_code = 4


class QualityError(Bot4Error):
    """Stop because a quality gate failed: results outside the sanity band, features that look ahead."""

    exit_code = 5
