"""The journal at the gate: an order is on disk before the venue sees it, its end follows, and no journal, no risk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.backtest.engine import BacktestEngine

from risk.control.journalling import Journalling
from risk.control.room import ControlRoom
from risk.controller import GateController
from risk.state.bounded_journal import BoundedJournal
from risk.state.files import File, OsFiles
from risk.state.journal import Journal, recover
from risk.state.journal_text import IntentRecord, OutcomeRecord
from tests.risk.control.room_world import buys, filled, rests, run, sells
from tests.risk.engine_world import Scripted


class DyingFile:
    """A file whose syncs fail once the disk has died."""

    def __init__(self, file: File, disk: DyingDisk) -> None:
        self._file, self._disk = file, disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def sync(self) -> None:
        if self._disk.dead:
            raise OSError(5, "the disk has died")
        self._file.sync()


class DyingDisk(OsFiles):
    """The real file system, until it dies."""

    dead = False

    def open(self, path: Path, *, create: bool) -> File:
        return DyingFile(super().open(path, create=create), self)  # type: ignore[return-value]


class Journalled:
    """A run whose gate keeps a journal in a folder, and a venue that looks into it at every order it is sent."""

    def __init__(
        self,
        folder: Path,
        script: dict[int, Callable[[Scripted], Any]],
        *,
        files: DyingDisk | None = None,
        act: dict[int, Callable[[ControlRoom], Any]] | None = None,
        prices: list[float] | None = None,
    ) -> None:
        self.seen: list[tuple[str, bool]] = []
        """Orders the venue was sent, each with whether the journal on disk held it by then."""
        journal = BoundedJournal(Journal(folder, files))

        def attach(engine: BacktestEngine, controller: GateController, room: ControlRoom) -> None:
            Journalling(controller.gate, journal, engine.cache)
            gate = controller.gate
            send = gate._execute

            def spy(command: Any) -> None:
                order = getattr(command, "order", None)
                if order is not None:
                    key = order.client_order_id.value
                    self.seen.append((key, key in {each.client_order_id for each in intents(folder)}))
                send(command)

            gate._execute = spy

        self.world = run(script, act=act, prices=prices, also=attach)
        journal.close()
        self.records = recover(folder).records

    @property
    def own(self) -> list[str]:
        return [key for key, _ in self.seen if not key.startswith("GUARD")]

    @property
    def guards(self) -> list[str]:
        return [key for key, _ in self.seen if key.startswith("GUARD")]


def intents(folder: Path) -> list[IntentRecord]:
    return [record for record in recover(folder).records if isinstance(record, IntentRecord)]


def ends(records: list[Any]) -> list[str]:
    return [record.status for record in records if isinstance(record, OutcomeRecord)]


def test_every_order_is_on_disk_before_the_venue_sees_it(tmp_path: Path) -> None:
    run_ = Journalled(tmp_path, {0: buys(0.2), 2: rests(0.1, 49_000.0), 4: sells(0.2)})

    assert [on_disk for _, on_disk in run_.seen] == [True, True, True]
    kept = [record for record in run_.records if isinstance(record, IntentRecord)]
    assert [(each.side.value, each.quantity, each.price, each.reduce_only) for each in kept] == [
        ("BUY", 0.2, None, False),
        ("BUY", 0.1, 49_000.0, False),
        ("SELL", 0.2, None, True),
    ]


def cancel_all(strategy: Scripted) -> None:
    strategy.cancel_all_orders(strategy.cache.instruments()[0].id)


def test_the_end_of_every_order_is_kept_once_and_what_rests_has_none(tmp_path: Path) -> None:
    script = {0: buys(0.2), 1: rests(0.1, 49_000.0), 2: cancel_all, 4: rests(0.1, 48_000.0)}
    run_ = Journalled(tmp_path, script)

    ended = {record.client_order_id: record.status for record in run_.records if isinstance(record, OutcomeRecord)}
    assert list(ended.values()) == ["FILLED", "CANCELED"]
    assert ends(run_.records) == ["FILLED", "CANCELED"]
    assert len(run_.seen) == 3 + 1  # the guardian's stop for the long position rests too


def test_a_refused_order_is_not_in_the_journal(tmp_path: Path) -> None:
    run_ = Journalled(tmp_path, {0: buys(50.0)})

    assert run_.world.denials() != []
    assert run_.records == []
    assert run_.seen == []


def test_an_approved_order_that_never_left_is_kept_as_not_sent(tmp_path: Path) -> None:
    def bracket(strategy: Scripted) -> None:
        from nautilus_trader.model.enums import OrderSide

        strategy.submit_order_list(
            strategy.order_factory.bracket(
                instrument_id=strategy.cache.instruments()[0].id,
                order_side=OrderSide.BUY,
                quantity=strategy.quantity(0.1),
                sl_trigger_price=strategy.price(49_000.0),
                tp_price=strategy.price(51_000.0),
            )
        )

    run_ = Journalled(tmp_path, {0: bracket, 5: sells(0.1)})
    kept = [record for record in run_.records if isinstance(record, IntentRecord)]

    assert len(kept) == 4
    assert sorted(ends(run_.records))[:1] == ["CANCELED"]
    assert ends(run_.records).count("FILLED") == 2


def test_where_the_journal_fails_nothing_that_adds_risk_is_sent_and_what_closes_is(tmp_path: Path) -> None:
    disk = DyingDisk()

    def dies(room: ControlRoom) -> None:
        disk.dead = True

    run_ = Journalled(
        tmp_path,
        {0: buys(0.2), 5: buys(0.1), 6: rests(0.1, 49_000.0), 7: sells(0.2)},
        files=disk,
        act={3: dies},
    )
    world = run_.world

    assert filled(world) == [("BUY", 0.2), ("SELL", 0.2)]
    assert world.denials() == ["STATE_NOT_DURABLE"] * 2
    assert len(world.kinds("STATE_LOST")) == 1
    assert [barrier.source.value for barrier in world.room.gate.view.barriers] == ["state"]
    assert len(run_.own) == 2
    assert run_.guards != []  # and the guardian's stop passes


def test_a_journal_that_fails_at_a_closing_order_lets_it_pass_and_bars_the_next_entry(tmp_path: Path) -> None:
    disk = DyingDisk()

    def dies(room: ControlRoom) -> None:
        disk.dead = True

    world = Journalled(tmp_path, {0: buys(0.2), 5: sells(0.2), 7: buys(0.1)}, files=disk, act={3: dies}).world

    assert filled(world) == [("BUY", 0.2), ("SELL", 0.2)]
    assert world.denials() == ["STATE_NOT_DURABLE"]
    assert len(world.kinds("JOURNAL_FAILED")) == 1


@pytest.mark.parametrize("quantity", [0.05, 0.2])
def test_an_order_that_reduces_without_saying_so_passes_a_failed_journal_too(tmp_path: Path, quantity: float) -> None:
    disk = DyingDisk()

    def dies(room: ControlRoom) -> None:
        disk.dead = True

    world = Journalled(tmp_path, {0: buys(0.2), 5: sells(quantity, reduce_only=False)}, files=disk, act={3: dies}).world

    assert filled(world) == [("BUY", 0.2), ("SELL", quantity)]
