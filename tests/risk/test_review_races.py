"""Ten thousand schedules of racing answers: every request has exactly one end, and a late yes never trades."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest
from review_world import Office

from risk.modes.approvals import TIMEOUT_NS, Outcome
from risk.modes.table import Mode
from risk.review_trail import By
from tests.risk.world import BTC, MARK, NOW

SCHEDULES = 10_000
ASKED = 2.0


class Act(NamedTuple):
    """One thing that happens, and the end it would give a request that still waits."""

    ts_ns: int
    name: str
    run: Callable[[], object]
    ends: Outcome | None


def instant(chance: random.Random) -> int:
    """Return a time about a request's life, most often within a nanosecond of its expiry."""
    near = chance.choice((-1, 0, 1))
    return NOW + chance.choice((0, 1, chance.randrange(TIMEOUT_NS), *[TIMEOUT_NS + near] * 4))


def acts_on(office: Office, key: str, chance: random.Random) -> list[Act]:
    review = office.review
    command = chance.choice((None, "c-1", f"{key}-1"))
    wanted = chance.choice((1.0, 0.001, ASKED, 3.0, 0.0, float("nan")))
    amends = Outcome.AMENDED if 0.0 < wanted < ASKED else None
    kinds: dict[str, tuple[Callable[[], object], Outcome | None]] = {
        "approve": (lambda: review.approve(key, By("jane")), Outcome.APPROVED),
        "amend": (lambda: review.amend(key, wanted, By("joe")), amends),
        "reject": (lambda: review.reject(key, By("jim")), Outcome.REJECTED),
        "cancel": (lambda: review.withdraw_order(key), Outcome.WITHDRAWN),
        "repeat": (lambda: review.reject("unknown", By("jane", "", command)), None),
    }
    chosen = chance.choices(list(kinds), k=chance.randint(1, 6))
    return [Act(instant(chance), name, *kinds[name]) for name in chosen]


def acts_on_all(office: Office, chance: random.Random) -> list[Act]:
    """Return what happens to the whole desk: a mode, a kill switch, a price."""

    def change_mode() -> None:
        office.view.apply_mode(chance.choice((Mode.MANUAL, Mode.EMERGENCY)))
        office.review.withdraw_all("the mode changed")

    def crash() -> None:
        office.view.apply_mark(BTC, 0.5 * MARK, office.now)

    kinds: dict[str, tuple[Callable[[], object], Outcome | None]] = {
        "mode": (change_mode, Outcome.WITHDRAWN),
        "kill": (lambda: office.review.withdraw_all("kill switch"), Outcome.WITHDRAWN),
        "crash": (crash, None),
    }
    chosen = chance.choices(list(kinds), weights=(1, 1, 2), k=chance.randint(0, 2))
    return [Act(instant(chance), name, *kinds[name]) for name in chosen]


def play(seed: int) -> Counter[str]:
    chance = random.Random(seed)
    office = Office()
    keys = [office.ask(ASKED, price=MARK + number / 10) for number in range(chance.randint(1, 3))]
    schedule: dict[str, list[Act]] = {key: acts_on(office, key, chance) for key in keys}
    shared = acts_on_all(office, chance)
    for key in keys:
        # a live loop may be late, and hear the alarm after answers of the same or a later instant
        late = chance.choice((0, 0, 1, 5_000_000))
        schedule[key] += shared
        schedule[key].append(_alarm(office, key, NOW + TIMEOUT_NS + late))
    everything = list({id(act): act for acts in schedule.values() for act in acts}.values())
    chance.shuffle(everything)  # whatever has one instant comes in any order
    everything.sort(key=lambda act: act.ts_ns)

    allowed: dict[str, bool] = {}
    for act in everything:
        office.at(act.ts_ns)
        before = len(office.released)
        act.run()
        for key, _ in office.released[before:]:
            allowed[key] = act.ts_ns < NOW + TIMEOUT_NS and act.ends in {Outcome.APPROVED, Outcome.AMENDED}

    ends: Counter[str] = Counter()
    for key in keys:
        first = next(act for act in everything if act in schedule[key] and _would_end(act))
        expected = Outcome.TIMEOUT if first.ts_ns >= NOW + TIMEOUT_NS else first.ends
        records = office.approvals(key)
        assert [record["outcome"] for record in records] == [expected.value], (seed, key, everything)
        sent = [quantity for released, quantity in office.released if released == key]
        refused = [refusal for released, refusal in office.refused if released == key]
        assert len(sent) + len(refused) == 1, (seed, key)
        assert records[0]["sent"] is bool(sent)
        assert all(allowed[key] and quantity <= ASKED for quantity in sent), (seed, key)
        assert first.name != "amend" or all(quantity < ASKED for quantity in sent), (seed, key)
        ends[expected.value] += 1
        ends["sent"] += len(sent)
        ends["refused at the second check"] += expected in {Outcome.APPROVED, Outcome.AMENDED} and not sent
    assert len(office.review.queue) == 0
    assert office.alarms.waiting == {}
    assert office.review.statistics().ended == len(keys)
    return ends


def _alarm(office: Office, key: str, ts_ns: int) -> Act:
    return Act(ts_ns, "alarm", lambda: office.alarms.fire(f"approval-expires:{key}"), Outcome.TIMEOUT)


def _would_end(act: Act) -> bool:
    """Return whether an act ends what waits: an amendment that can't be does so only once the time is over."""
    return act.ends is not None or (act.name == "amend" and act.ts_ns >= NOW + TIMEOUT_NS)


@pytest.mark.parametrize("part", range(4))
def test_every_request_has_exactly_one_end_and_a_late_yes_never_trades(part: int) -> None:
    ends: Counter[str] = Counter()
    for seed in range(part * SCHEDULES // 4, (part + 1) * SCHEDULES // 4):
        ends += play(seed)

    # the schedules are worth something only if every end, and every fate of a yes, is among them often
    assert min(ends[outcome.value] for outcome in Outcome) > 100, ends
    assert min(ends["sent"], ends["refused at the second check"]) > 100, ends
