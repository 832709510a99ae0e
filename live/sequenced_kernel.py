"""A trading node whose clocks follow the sequence of inputs, and whose engines answer at once instead of by queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nautilus_trader.data.engine import DataEngine
from nautilus_trader.execution.engine import ExecutionEngine
from nautilus_trader.live.config import TradingNodeConfig
from nautilus_trader.live.data_engine import LiveDataEngine
from nautilus_trader.live.execution_engine import LiveExecutionEngine
from nautilus_trader.live.node import TradingNode
from nautilus_trader.live.risk_engine import LiveRiskEngine
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.system import kernel as kernel_module

from live.sequencer import Sequencer


class PromptExecutionEngine(LiveExecutionEngine):
    """
    Handle commands and events when they come.

    Behind a queue the matching engine would see orders and positions as they were before its own last events: partial
    fills that never end, brackets refused.
    """

    def execute(self, command: Any) -> None:
        """Carry out a command."""
        ExecutionEngine.execute(self, command)

    def process(self, event: Any) -> None:
        """Apply an order event."""
        ExecutionEngine.process(self, event)


class PromptRiskEngine(LiveRiskEngine):
    """Check commands when they come."""

    def execute(self, command: Any) -> None:
        """Check a command, and pass it on."""
        RiskEngine.execute(self, command)

    def process(self, event: Any) -> None:
        """Take an event."""
        RiskEngine.process(self, event)


class SequencedDataEngine(LiveDataEngine):
    """
    Send what data clients bring through the sequencer, and process what it hands back.

    Whatever client the data comes from, replayed or of a venue, this is where it enters. What the engine makes of it
    itself (aggregated bars) is no input and is processed at once, as is what comes before the session starts.
    """

    sequencer: Sequencer

    def execute(self, command: Any) -> None:
        """Carry out a subscription."""
        DataEngine.execute(self, command)

    def request(self, request: Any) -> None:
        """Pass a request to its client."""
        DataEngine.request(self, request)

    def response(self, response: Any) -> None:
        """Hand out an answer to a request."""
        DataEngine.response(self, response)

    def process(self, data: Any, historical: bool = False) -> None:
        """Take data from a client, or from the engine itself."""
        if self.sequencer.busy or not self.sequencer.open:
            DataEngine.process(self, data, historical)
        else:
            self.sequencer.take(data)

    def process_sequenced(self, data: Any) -> None:
        """Process an input in its turn."""
        DataEngine.process(self, data)


def build_node(config: TradingNodeConfig, sequencer: Sequencer, loop: Any) -> TradingNode:
    """
    Build a node on a sequencer's clocks.

    The kernel names its classes of clock and engines itself and has no setting for them, so they are exchanged while
    it is being built. Everything else is the node as it is: kernel, clients, cache, portfolio, bus, trader, controller.

    Parameters
    ----------
    config : TradingNodeConfig
        Of environment SANDBOX.
    sequencer : Sequencer
        A new one.
    loop : asyncio.AbstractEventLoop
        On which the node will run.

    """

    class Engine(SequencedDataEngine):
        """The data engine of this node."""

    Engine.sequencer = sequencer
    with _exchanged(
        LiveClock=sequencer.timeline.clock_class(),
        LiveDataEngine=Engine,
        LiveRiskEngine=PromptRiskEngine,
        LiveExecutionEngine=PromptExecutionEngine,
    ):
        return TradingNode(config=config, loop=loop)


@contextmanager
def _exchanged(**classes: type[Any]) -> Iterator[None]:
    before = {name: getattr(kernel_module, name) for name in classes}
    for name, value in classes.items():
        setattr(kernel_module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(kernel_module, name, value)


async def cancel_rest() -> None:
    """End what the engine leaves running on a loop that will be closed."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
