"""Tell the engine's live node what a paper session is: clients, gate, and none of the engine's own throttles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from nautilus_trader.common import Environment
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.live.config import (
    LiveDataEngineConfig,
    LiveExecEngineConfig,
    LiveRiskEngineConfig,
    TradingNodeConfig,
)
from nautilus_trader.portfolio.config import PortfolioConfig

from live.feed_events import Feed
from live.paper_client import PaperClientConfig
from live.replay_feed import ReplayClientConfig
from research.backtest.host import ENGINE_RATE
from research.recording.account import AccountState
from research.recording.opening import Opening
from research.session import TRADER_ID, SessionConfig, gate_config

START_TIMEOUT_S: Final = 15.0
FEED_CLIENT: Final = "REPLAY"


class Clients(msgspec.Struct, frozen=True):
    """What the clients need of the session: stamps for the feed, and who is told of each client when it is made."""

    next_ns: Callable[[], int]
    feed_created: Callable[[Any], None]
    venue_created: Callable[[Any], None]


def engine_config(
    session: SessionConfig,
    feed: Feed,
    account: AccountState,
    opening: Opening,
    pace: float,
    folder: Path,
    node_folder: Path,
    clients: Clients,
) -> TradingNodeConfig:
    """
    Return the node's configuration.

    Parameters
    ----------
    session : SessionConfig
        What decides.
    feed : Feed
        What will be shown.
    account : AccountState
        What the session begins with.
    opening : Opening
        The control state it begins with.
    pace : float
        Market time that passes in a second.
    folder : Path
        Receives the log of decisions.
    node_folder : Path
        Holds the audit log, which goes on from session to session.
    clients : Clients
        See there.

    """
    venue = feed.specs[0].venue
    return TradingNodeConfig(
        environment=Environment.SANDBOX,
        trader_id=TRADER_ID,
        logging=LoggingConfig(bypass_logging=True),
        data_engine=LiveDataEngineConfig(),
        risk_engine=LiveRiskEngineConfig(max_order_submit_rate=ENGINE_RATE, max_order_modify_rate=ENGINE_RATE),
        exec_engine=LiveExecEngineConfig(reconciliation=False, inflight_check_interval_ms=0),
        portfolio=PortfolioConfig(bar_updates=False),
        controller=gate_config(session, feed.specs, account, opening, folder, audit=node_folder),
        data_clients={
            FEED_CLIENT: ReplayClientConfig(
                venue=venue, events=feed.events, pace=pace, next_ns=clients.next_ns, created=clients.feed_created
            )
        },
        exec_clients={
            venue: PaperClientConfig(
                venue=venue,
                specs=feed.specs,
                settings=session.venue,
                balances=account.balances,
                created=clients.venue_created,
                marked=feed.marked,
            )
        },
        timeout_connection=START_TIMEOUT_S,
        timeout_portfolio=START_TIMEOUT_S,
        timeout_disconnection=2.0,
        timeout_post_stop=0.01,
    )
