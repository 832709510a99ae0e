"""The automatic kill switch: the platform presses it when a day has lost more than any strategy may explain."""

from __future__ import annotations

from risk.barriers import Level
from risk.kill import KillSwitches
from risk.kill_records import Scope
from risk.modes.authorisation import Authority
from risk.view import View


class AutomaticKill:
    """
    Press the full kill switch once the UTC day has lost a fraction of its starting equity.

    The limit of the day's loss stops new risk long before, and an Emergency closes what is open: this is for what both
    did not stop. A person clears it.

    Parameters
    ----------
    kills : KillSwitches
        Pressed.
    view : View
        Gives the day's loss; an unknown one presses nothing, as no order can add risk while it is unknown.
    daily_loss_max : float or None
        None for never.

    """

    def __init__(self, kills: KillSwitches, view: View, daily_loss_max: float | None) -> None:
        self._kills = kills
        self._view = view
        self._max = daily_loss_max

    def check(self) -> None:
        """Look at the day's loss, and press where it has reached the limit."""
        if self._max is None:
            return
        loss = self._view.daily_loss
        if loss >= self._max and all(kill.scope.level is not Level.SYSTEM for kill in self._kills.engaged()):
            reason = f"the day has lost {loss:.4g} of its starting equity, limit {self._max:g}"
            self._kills.engage(Scope(Level.SYSTEM), Authority.of_system(reason))
