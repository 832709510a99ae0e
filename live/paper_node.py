"""Run a paper node: feed, sequence, gate, strategies and paper venue in one trading node, recorded as it goes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import nautilus_trader
from nautilus_trader.core.datetime import unix_nanos_to_iso8601
from nautilus_trader.model.identifiers import Venue

from errors import Bot4Error, ConfigError
from live import account_file
from live.control_socket import ControlSocket
from live.engine_config import FEED_CLIENT, START_TIMEOUT_S, Clients, engine_config
from live.feed_events import Feed, load_feed
from live.node_config import NodeConfig, check_funding, folder_of
from live.node_folder import NodeFolder, sessions
from live.node_report import NodeReport, report_of, status_of
from live.node_state import NodeState
from live.paper_client import PaperExecutionClient, SandboxLiveExecClientFactory
from live.replay_feed import ReplayDataClient, ReplayDataClientFactory
from live.sequenced_kernel import build_node, cancel_rest
from live.sequencer import Sequencer
from live.stored_state import ControlFile, write_control_file
from research.provenance import run_code_version
from research.recording.account import AccountState, read_account
from research.recording.heartbeat import Heartbeat
from research.recording.heartbeat import as_engine_data as wrap_heartbeat
from research.recording.recording import FILE_NAME, End, Header, RecordingWriter
from research.session import attach
from risk import position_watch
from risk.ask import Ask
from risk.control.queries import questions
from risk.controller import currency_of
from risk.operations import OperatorCommand
from risk.operations import as_engine_data as wrap_command
from risk.state.failure import StateError

_SYNC_PERIOD_S = 0.5
_STORE_PERIODS = 10


class PaperNode:
    """
    One session of a paper node.

    Parameters
    ----------
    config : NodeConfig
        The node.
    folder : NodeFolder
        Held by this process.
    feed : Feed
        What will be shown.
    where : str
        The configuration's file, for errors.
    confirmed : bool
        Whether a person has confirmed, for this start, that FullAuto may go on where it was left.

    Raises
    ------
    ConfigError
        If the stored account does not fit the configuration.

    """

    def __init__(
        self,
        config: NodeConfig,
        folder: NodeFolder,
        feed: Feed,
        where: str = "configuration",
        *,
        confirmed: bool = False,
    ) -> None:
        self.config = config
        self.session = config.session()
        self.said: list[str] = []
        self._folder = folder.path
        self._feed_events = feed
        self._account = self._opening_account(where)
        words = folder.last_words()
        if words is not None:
            self.said.append(words)
        has_run = bool(sessions(folder.path))
        stores = config.stores(folder.path)
        self._state = NodeState(stores, self.session, confirmed=confirmed, has_run=has_run)
        people = config.control.people
        write_control_file(folder.path, ControlFile(people=people, limits=self.session.limits, state=stores))
        self.number, self.session_folder = folder.next_session()
        self._opening = self._state.opening(self.number)
        self.said += self._state.said
        self._loop = asyncio.new_event_loop()
        self._sequencer = Sequencer()
        self._sequencer.on_fault = self._fail
        self._ended: asyncio.Event = asyncio.Event()
        self._why = ""
        self._fault: BaseException | None = None
        self._lost: StateError | None = None
        self._feed: ReplayDataClient
        self._client: PaperExecutionClient
        self._build()

    # -- building ------------------------------------------------------------------------------------------------

    def _opening_account(self, where: str) -> AccountState:
        specs = {spec.instrument_id: spec for spec in self._feed_events.specs}
        check_funding(self.config, {spec.kind for spec in specs.values()}, where)
        currency = currency_of(self._feed_events.specs)
        stored = account_file.read(self._folder)
        if stored is None:
            cash = str(Decimal(repr(self.session.venue.starting_balance)))
            self.said.append(f"a new account begins with {cash} {currency}")
            return AccountState(ts_ns=0, currency=currency, cash=cash, mode=self.session.mode)
        strangers = sorted({held.instrument for held in stored.positions} - set(specs))
        if stored.currency != currency or strangers:
            what = f"positions in {', '.join(strangers)}" if strangers else f"an account in {stored.currency}"
            raise ConfigError(
                f"the node holds {what}, which this configuration does not trade; trade it, or move "
                f"{self._folder / account_file.FILE_NAME} away to begin a new account",
                where=where,
            )
        self.said.append(
            f"taken up as of {unix_nanos_to_iso8601(stored.ts_ns)}: {stored.cash} {currency}, "
            f"{len(stored.positions)} positions; the paper venue cancelled {len(stored.working)} orders when it ended"
        )
        return stored

    def _build(self) -> None:
        feed, account, venue = self._feed_events, self._account, self._feed_events.specs[0].venue
        clients = Clients(self._sequencer.next_ns, self._take_feed, self._take_client)
        engine = engine_config(
            self.session,
            feed,
            account,
            self._opening,
            self.config.feed.pace,
            self.session_folder,
            self._folder,
            clients,
        )
        node = build_node(engine, self._sequencer, self._loop)
        self._node, kernel = node, node.kernel
        for spec in feed.specs:
            kernel.data_engine.process(spec.instrument())
        node.add_data_client_factory(FEED_CLIENT, ReplayDataClientFactory)
        node.add_exec_client_factory(venue, SandboxLiveExecClientFactory)
        node.build()
        self._sequencer.connect(self._client, kernel.data_engine.process_sequenced)
        self._start_ns = time.time_ns()
        self._sequencer.timeline.set_time(self._start_ns)
        self._parts = attach(
            node,
            self._client.handles,
            self.session,
            account,
            self._opening,
            self._start_ns,
            self.session_folder,
            self._state.stores,
        )
        room = self._parts.room
        position_watch.load()
        self._state.attach(self._parts.controller, kernel.cache)
        room.lost_listeners.append(self._on_state_lost)
        self._control = ControlSocket(
            self._folder, self.carry_out, questions(room, account.currency) | {"status": self.status}
        )

    def _take_feed(self, client: ReplayDataClient) -> None:
        self._feed = client

    def _take_client(self, client: PaperExecutionClient) -> None:
        self._client = client

    # -- running -------------------------------------------------------------------------------------------------

    def run(self, duration_s: float | None = None, on_ready: Callable[[], None] | None = None) -> NodeReport:
        """
        Run until the feed is over, the time is up, or somebody interrupts; then save, and say how it went.

        Parameters
        ----------
        duration_s : float, optional
            Seconds to run at most.
        on_ready : callable, optional
            Called when commands are taken.

        Raises
        ------
        Bot4Error
            If something failed while the session ran. What was recorded and stored until then remains.

        """
        try:
            return self._loop.run_until_complete(self._run(duration_s, on_ready))
        finally:
            self._parts.controller.close()
            self._parts.fills.close()
            self._state.close(in_good_order=self._fault is None)
            if not self._node.is_running():  # it would wait for a node that runs on, by a clock that stands
                self._node.dispose()
            if not self._loop.is_closed():
                self._loop.close()

    def stop(self, why: str) -> None:
        """End the session soon; the first reason counts. For use on the loop's thread."""
        self._why = self._why or why
        self._ended.set()

    async def _run(self, duration_s: float | None, on_ready: Callable[[], None] | None) -> NodeReport:
        for each in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(each, self.stop, "interrupted")
        running = self._loop.create_task(self._node.run_async())
        try:
            await self._started()
            report = await self._take_inputs(duration_s, on_ready)
        finally:
            self._sequencer.stop()
            await self._node.stop_async()
            await asyncio.wait({running}, timeout=START_TIMEOUT_S)
            await cancel_rest()
        if self._fault is not None:
            raise Bot4Error(
                f"the node stopped at input {self._sequencer.accepted + 1}: {self._fault!r}; what led there is in "
                f"{self.session_folder / FILE_NAME}"
            ) from self._fault
        return report

    async def _take_inputs(self, duration_s: float | None, on_ready: Callable[[], None] | None) -> NodeReport:
        with RecordingWriter(self.session_folder / FILE_NAME, self._header()) as writer:
            self._sequencer.start(writer)
            await self._control.open()
            keeper = self._loop.create_task(self._keep(writer))
            tasks = [self._loop.create_task(self._beat()), self._loop.create_task(self._play())]
            if on_ready is not None:
                on_ready()
            try:
                await asyncio.wait_for(self._ended.wait(), duration_s)
            except TimeoutError:
                self.stop("time is up")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await keeper
            await self._control.close()
            return self._end(writer)

    async def _started(self) -> None:
        until = time.monotonic() + START_TIMEOUT_S
        while not self._node.kernel.trader.is_running:
            if time.monotonic() > until:
                raise Bot4Error(f"the node did not start within {START_TIMEOUT_S:g} s")
            await asyncio.sleep(0.005)

    def _header(self) -> Header:
        return Header(
            node=self.config.node.name,
            number=self.number,
            start_ns=self._start_ns,
            code_version=run_code_version(),
            engine_version=f"nautilus_trader {nautilus_trader.__version__}",
            session=msgspec.to_builtins(self.session),
            specs=self._feed_events.specs,
            marked=self._feed_events.marked,
            account=self._account,
            opening=self._opening,
        )

    async def _play(self) -> None:
        try:
            await self._feed.play()
        except Exception as error:  # noqa: BLE001 (whatever it is, it ends the session and is raised from there)
            self._fail(error)
            return
        if self.config.feed.at_end == "stop":
            self.stop("the feed is over")

    async def _beat(self) -> None:
        """Move the clocks when nothing else does."""
        try:
            while self._sequencer.take(wrap_heartbeat(Heartbeat(self._sequencer.next_ns()))):
                await asyncio.sleep(self.config.node.heartbeat_ms / 1e3)
        except Exception as error:  # noqa: BLE001 (as in `_play`)
            self._fail(error)

    async def _keep(self, writer: RecordingWriter) -> None:
        """Make durable what has come, beside the loop: a disk takes its time. Ends by itself, nothing half done."""
        periods, fills = 0, 0
        try:
            while not self._ended.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), _SYNC_PERIOD_S)
                await asyncio.to_thread(writer.sync)
                self._state.look()
                self._end_where_lost()
                periods += 1
                if self._parts.fills.count != fills or periods % _STORE_PERIODS == 0:
                    fills = self._parts.fills.count
                    await asyncio.to_thread(account_file.store, self._folder, self._account_now())
        except Exception as error:  # noqa: BLE001 (as in `_play`)
            self._fail(error)

    def _end(self, writer: RecordingWriter) -> NodeReport:
        """Stop the strategies where a replay will stop them, note the end, and store the account."""
        gate = self._parts.controller.gate
        if self._fault is None:
            self._sequencer.take(wrap_heartbeat(Heartbeat(self._sequencer.next_ns())))
            self._sequencer.timeline.flush()
            self._sequencer.stop()
            self._node.kernel.trader.stop()
            self._sequencer.timeline.settle(self._sequencer.timeline.now_ns)
            decisions = gate.decisions
            digest = decisions.decision_hash
            writer.end(End(reason=self._why, inputs=writer.inputs, decisions=len(decisions), decision_hash=digest))
        account = self._account_now()
        account_file.store(self._folder, account)
        with suppress(StateError):  # what failed has been said, and a start finds what was stored before
            self._parts.room.keeper.store()
        said = tuple(self.said)
        return report_of(self.session_folder, self._why, said, self._parts, account, self._sequencer, self._feed)

    def _on_state_lost(self, why: str) -> None:
        self._lost = StateError(why)
        self._end_where_lost()

    def _end_where_lost(self) -> None:
        """End the session once its state can't be kept, but not before what closes positions has closed them."""
        if self._lost is not None and not self._state.closing:
            self._fail(self._lost)

    def _fail(self, fault: BaseException) -> None:
        self._fault = self._fault or fault
        self.stop("a fault")

    def _account_now(self) -> AccountState:
        return read_account(
            self._node.kernel.cache,
            Venue(self._feed_events.specs[0].venue),
            self._account.currency,
            self._parts.controller.gate.view.mode,
            self._sequencer.timeline.now_ns,
        )

    # -- operators -----------------------------------------------------------------------------------------------

    def carry_out(self, ask: Ask) -> str:
        """Take an operator's command into the sequence; return what became of it."""
        ts_ns = self._sequencer.next_ns()
        if not self._sequencer.take(wrap_command(OperatorCommand(ask, ts_ns, ts_ns))):
            return "REFUSED: the session is over"
        return self._parts.desk.answer(ask.id) or "REFUSED: nobody took the command"

    def status(self) -> dict[str, Any]:
        """Return what is true now, as plain data."""
        node, folder = self.config.node.name, self.session_folder
        return status_of(node, folder, self._parts, self._account_now(), self._sequencer, self._feed)


def run_node(
    config: NodeConfig,
    *,
    catalog_root: Path,
    where: str = "configuration",
    confirmed: bool = False,
    duration_s: float | None = None,
    on_ready: Callable[[], None] | None = None,
) -> NodeReport:
    """
    Run one session of a paper node.

    Parameters
    ----------
    config : NodeConfig
        A checked configuration.
    catalog_root : Path
        The catalog.
    where : str
        The configuration's file, for errors.
    confirmed
        See `PaperNode`.
    duration_s, on_ready
        See `PaperNode.run`.

    Raises
    ------
    PreconditionError
        If the node runs already, or there is no data.

    """
    with NodeFolder(folder_of(config.node)) as folder:
        feed = load_feed(config.feed, catalog_root)
        return PaperNode(config, folder, feed, where, confirmed=confirmed).run(duration_s, on_ready)
