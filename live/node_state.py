"""The control state of a node over its starts: what it may begin with, where it is kept, and how it is put away."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from research.recording.opening import Opening
from research.session import SessionConfig
from risk.control.document import ControlState, decode
from risk.control.journalling import Journalling
from risk.control.room import ControlRoom
from risk.controller import GateController
from risk.kill_records import Stage
from risk.modes.changes import GovernorSnapshot
from risk.modes.start import mode_at_start
from risk.modes.table import Mode
from risk.state.bounded_journal import BoundedJournal
from risk.state.durable import StateConfig, open_state
from risk.state.failure import JournalCorruptError
from risk.state.journal import Journal
from risk.state.recovery import crash_loop
from risk.state.starts import note_end, note_start
from risk.state.unresolved import VenueOrders, unresolved


class NodeState:
    """
    Open a node's state, and decide from it with what control mode the session may begin.

    Parameters
    ----------
    config : StateConfig
        Which stores.
    session : SessionConfig
        The configured mode is that of a first start only.
    confirmed : bool
        Whether a person has confirmed, for this start, that FullAuto may go on.
    has_run : bool
        Whether anything else shows that the node has run before.

    Raises
    ------
    PreconditionError
        If another process holds the folder, or another node etcd.

    """

    def __init__(self, config: StateConfig, session: SessionConfig, *, confirmed: bool, has_run: bool) -> None:
        self.folder = Path(config.folder)
        self.said: list[str] = []
        self._confirmed = confirmed
        self._configured = session.mode
        self.stores = open_state(config, os.environ)
        now_ns = time.time_ns()
        self._looping = crash_loop(note_start(self.folder, now_ns), now_ns)
        self._journal, damage = self._open_journal()
        found = self._journal.recovered.records if self._journal is not None else []
        traces = [name for name, seen in (("journal", bool(found)), ("sessions", has_run)) if seen]
        self._recovered = self.stores.recover(traces=traces, contradictions=damage)
        self.said += self._recovered.warnings
        if self._journal is not None:
            # the paper venue died with its process: whatever was on its way or resting there is over
            lost = unresolved(found, VenueOrders(open=frozenset(), closed=frozenset())).unknown
            self._journal.rotate([])
            if lost:
                self.said.append(f"{len(lost)} orders were open when the session before ended, and ended with it")
        self._bounded: BoundedJournal | None = None
        self._room: ControlRoom | None = None

    def _open_journal(self) -> tuple[Journal | None, list[str]]:
        try:
            return Journal(self.folder), []
        except JournalCorruptError as error:
            return None, [str(error)]

    def opening(self, number: int) -> Opening:
        """Return with what the session of this number begins."""
        restored: ControlState | None = None
        doubt = self._recovered.doubt
        if self._recovered.record is not None:
            try:
                restored = decode(self._recovered.record.payload)
            except ValueError as error:
                doubt = str(error)
        start = mode_at_start(
            recovered_mode=None if restored is None else restored.mode,
            resume_rank=self._recovered.resume_rank,
            doubt=doubt,
            first_start=self._recovered.first_start,
            crash_loop=self._looping,
            reconciled=True,  # the paper venue begins with what the stored account holds
            confirmed_by_person=self._confirmed,
            configured_mode=self._configured,
        )
        if self._recovered.first_start:
            # a process's first record can't loosen: the configured mode then goes up from here, on all stores
            first = ControlState(governor=GovernorSnapshot(mode=Mode.MANUAL))
            self.stores.commit(first.encode(), Mode.MANUAL.priority)
        self.said.append(f"mode {start.mode.value}: {start.reason}")
        return Opening(start=start, restored=restored, number=number)

    def attach(self, controller: GateController, cache: Any) -> None:
        """Have intents journalled from now on; without a journal the gate takes no risk."""
        self._room = controller.room
        if self._journal is None:
            if controller.room is not None:
                controller.room.lose_state("the journal is damaged")
            return
        self._bounded = BoundedJournal(self._journal)
        Journalling(controller.gate, self._bounded, cache)

    def look(self) -> None:
        """Take no more risk where a store has failed in the background; what is closing positions is left to end."""
        if self._room is not None and self.stores.failed is not None and not self.closing:
            self._room.lose_state(self.stores.failed)

    @property
    def closing(self) -> bool:
        """Whether an Emergency or a kill switch is closing positions: a session that ends now would leave them open."""
        room = self._room
        if room is None or not room.gate.view.open_positions:
            return False
        running = any(kill.stage is Stage.RUNNING for kill in room.kills.engaged())
        return running or room.governor.mode is Mode.EMERGENCY

    def close(self, *, in_good_order: bool) -> None:
        """Put everything away; a start after an end in good order is no sign of a crash loop."""
        if in_good_order:
            note_end(self.folder)
        if self._bounded is not None:
            self._bounded.close()
        elif self._journal is not None:
            self._journal.close()
        self.stores.close()
