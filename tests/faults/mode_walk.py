"""Walks of mode transitions through the real durable state, and what a restart must find after each of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from risk.modes.table import Mode
from risk.state.durable import DurableState, Move, StateConfig
from risk.state.recovery import Recovered
from risk.state.store import StateStore

NEXT = {
    Mode.MANUAL: (Mode.SEMI_AUTO, Mode.EMERGENCY),
    Mode.SEMI_AUTO: (Mode.FULL_AUTO, Mode.MANUAL, Mode.EMERGENCY),
    Mode.FULL_AUTO: (Mode.SEMI_AUTO, Mode.EMERGENCY),
    Mode.EMERGENCY: (Mode.MANUAL,),
}


class Payload(msgspec.Struct, frozen=True):
    """Stands for the control state; the filling makes it span several sectors."""

    mode: Mode
    step: int
    filling: str

    @classmethod
    def of(cls, mode: Mode, step: int, size: int = 1500) -> bytes:
        return msgspec.json.encode(cls(mode, step, "x" * size))


def walk(seed: int, start: Mode = Mode.MANUAL) -> Iterator[tuple[Mode, Move]]:
    """Yield an endless walk of allowed transitions, with the changes within a mode between them."""
    chance = random.Random(seed)
    mode = start
    yield mode, Move.EMERGENCY if mode is Mode.EMERGENCY else Move.LEVEL
    while True:
        if chance.random() < 0.2:
            yield mode, Move.LEVEL
            continue
        before, mode = mode, chance.choice(NEXT[mode])
        upward = mode.priority < before.priority
        yield mode, Move.UP if upward else Move.EMERGENCY if mode is Mode.EMERGENCY else Move.LEVEL


def patient(folder: Path) -> StateConfig:
    """Return a configuration that waits for the file even in Emergency, so that every acknowledgement is durable."""
    return StateConfig(folder=str(folder), emergency_wait_s=60, file_timeout_s=60, upward_timeout_s=5)


def durable(store: StateStore, folder: Path) -> DurableState:
    return DurableState(store, config=patient(folder))


def complaint(recovered: Recovered, acknowledged: tuple[int, int] | None, attempted: int) -> str | None:
    """
    Return what is wrong with a recovery, or None.

    `acknowledged` is epoch and rank of the last transition that anybody was told of, `attempted` the last epoch
    that was begun.
    """
    record = recovered.record
    if recovered.doubt is not None and recovered.resume_rank != Mode.EMERGENCY.priority:
        return f"doubt without Emergency: {recovered}"
    if acknowledged is None:
        return None
    epoch, rank = acknowledged
    if record is None:
        return f"epoch {epoch} was acknowledged, nothing is left: {recovered.doubt}"
    if not epoch <= record.epoch <= attempted:
        return f"epoch {epoch} was acknowledged, {attempted} begun, {record.epoch} is left"
    if recovered.resume_rank < rank:
        return f"rank {rank} was acknowledged, a restart would resume at {recovered.resume_rank}"
    payload = msgspec.json.decode(record.payload, type=Payload)
    if payload.mode.priority != record.rank:
        return f"torn: the record says rank {record.rank}, its payload {payload.mode}"
    return None
