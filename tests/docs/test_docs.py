"""What the documentation says can be followed: links lead somewhere, commands exist, examples run."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

import bot4
from catalog.model import BarColumns
from catalog.spec_files import shipped_spec
from research.backtest import config as configs
from research.backtest.feed import Market
from research.backtest.host import play
from research.backtest.markets import Stage
from research.trail.drift import Kind
from risk.barriers import Level
from risk.control.limit_changes import CHANGEABLE
from risk.limits import LimitsConfig
from risk.modes.authorisation import Code
from risk.modes.table import POWERS, Mode
from risk.modes.triggers import Trigger
from risk.verdict import Reason
from strategies import registry

REPO = Path(__file__).resolve().parents[2]
PAGES = sorted([REPO / "README.md", REPO / "CHANGELOG.md", *REPO.glob("docs/**/*.md")])
HALF_HOUR_NS = 1_800_000_000_000

PICTURE_BYTES_MAX = 400_000

pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPO)))


def text_of(name: str) -> str:
    return (REPO / name).read_text(encoding="utf-8")


def fenced(text: str, language: str) -> list[str]:
    """Return the code blocks of a language, without the indentation of the list they stand in."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), f"{page.name} links to {target}"
        assert found.is_relative_to(REPO), f"{page.name} links out of the repository: {target}"
        if anchor:
            assert anchor in anchors(found), f"{page.name} links to {target}"


@pages
def test_no_path_of_one_machine(page: Path) -> None:
    absolute = re.findall(r"(?<![\w.~>])/(?:home|root|work|tmp|Users|opt|mnt)/\S*", page.read_text(encoding="utf-8"))

    assert not absolute


def test_pictures_are_small() -> None:
    for picture in REPO.glob("docs/images/*"):
        assert picture.stat().st_size < PICTURE_BYTES_MAX, picture.name


def test_every_page_is_in_the_index() -> None:
    index = text_of("docs/README.md")

    for page in REPO.glob("docs/**/*.md"):
        name = page.relative_to(REPO / "docs").as_posix()
        assert name == "README.md" or f"]({name})" in index, name


def quoted_commands() -> Iterator[tuple[str, str]]:
    """Yield every `bot4 ...` of a code block's line, typed after a prompt perhaps, or of inline code, with its page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for line in re.findall(r"^(?:[#$] +)?(bot4 .*)$", text, re.MULTILINE):
            yield page.name, line
        for code in re.findall(r"`(bot4 [^`\n]+)`", text):
            yield page.name, code


def verb_of(words: list[str]) -> tuple[Any, list[str]]:
    """Walk from the command line's root to the verb that the words name; return it and the words left."""
    command: Any = typer.main.get_command(bot4.app)
    context = command.make_context("bot4", [], resilient_parsing=True)
    while hasattr(command, "get_command") and words and not words[0].startswith("-"):
        inner = command.get_command(context, words[0])
        if inner is None:
            break
        command, words = inner, words[1:]
    return command, words


def test_quoted_commands_exist_with_their_options() -> None:
    commands = list(quoted_commands())
    assert len(commands) > 30

    for page, line in commands:
        words = [word for word in shlex.split(line, comments=True)[1:] if word not in {"...", "|"}]
        command, rest = verb_of(words)
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        if hasattr(command, "get_command"):  # a whole group, or `bot4 --help`
            assert all(word.startswith("--") for word in rest), f"{page}: {line}: no such verb"
        for word in rest:
            assert not word.startswith("--") or word in known | {"--help"}, f"{page}: {line}: no option {word}"


def verbs() -> list[list[str]]:
    root: Any = typer.main.get_command(bot4.app)
    found = []
    for name in bot4.GROUPS:
        group = root.get_command(None, name)
        found += [[name, verb] for verb in getattr(group, "commands", {})] or [[name]]
    return found


def row_of(group: str) -> str:
    """Return the row of the README's table of commands that a group has, empty where it has none."""
    found = re.search(rf"^\| `bot4 {group}[ `].*$", text_of("README.md"), re.MULTILINE)
    return found[0] if found else ""


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_verb_is_in_the_readme_and_helps(verb: list[str]) -> None:
    answer = CliRunner().invoke(bot4.app, [*verb, "--help"])

    assert answer.exit_code == 0
    assert f"{verb[-1]}`" in row_of(verb[0])


def test_the_configuration_page_is_up_to_date() -> None:
    path = REPO / "scripts" / "configuration_page.py"
    spec = importlib.util.spec_from_file_location("configuration_page", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert text_of("docs/configuration.md") == script.page(), "run `.venv/bin/python scripts/configuration_page.py`"


def test_the_example_configuration_loads(tmp_path: Path) -> None:
    (example,) = fenced(text_of("docs/getting-started.md"), "toml")
    file = tmp_path / "first.toml"
    file.write_text(example)

    assert configs.load(file).venue.fees.vip_tier == 1


def test_the_operator_example_is_what_a_run_takes() -> None:
    (example,) = fenced(text_of("docs/modes.md"), "toml")

    mode = tomllib.loads(example)["mode"]

    assert msgspec.convert(mode, configs.ModeSection).operator.away[0].covers(0)


def test_the_limits_shown_are_the_defaults() -> None:
    (example,) = fenced(text_of("docs/risk.md"), "toml")

    assert msgspec.convert(tomllib.loads(example)["limits"], LimitsConfig) == LimitsConfig()


def test_every_refusal_is_explained() -> None:
    page = text_of("docs/risk.md")

    for reason in Reason:
        assert f"| `{reason.value}` |" in page


def test_no_refusal_is_explained_that_does_not_exist() -> None:
    table = text_of("docs/risk.md").partition("## Codes")[2].partition("\n## ")[0]
    codes = re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)

    assert sorted(codes) == sorted(reason.value for reason in Reason)


def test_every_refused_change_of_mode_is_explained() -> None:
    page = text_of("docs/modes.md")

    for code in Code:
        assert f"`{code.value}`" in page


def test_every_trigger_and_every_level_is_explained() -> None:
    for trigger in Trigger:
        assert f"| `{trigger.value}` |" in text_of("docs/modes.md")
    for level in Level:
        assert f"| `{level.value}` " in text_of("docs/risk.md")


def test_every_limit_that_can_be_tightened_is_named() -> None:
    page = text_of("docs/risk.md")

    for path in CHANGEABLE:
        assert f"`{path}`" in page


def test_every_kind_of_drift_is_explained() -> None:
    page = text_of("docs/reports.md")

    for kind in Kind:
        assert f"| `{kind.name}` |" in page


def audit_kinds() -> set[str]:
    """Return the kinds that the code writes into the audit log, as the calls that write them name them."""
    found = set()
    for package in ("risk", "research", "live"):
        for path in (REPO / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in {"append", "_note", "audit", "partial"}:
                    found |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return {kind for kind in found if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", kind) and len(kind) > 1}


def test_every_kind_of_audit_record_is_explained() -> None:
    page, kinds = text_of("docs/audit.md"), audit_kinds()

    assert {"DECISION", "KILL_ENGAGED", "FUNDING", "INTEREST", "SESSION_START"} <= kinds
    assert not {kind for kind in kinds if f"`{kind}`" not in page}


def test_what_a_mode_may_do_is_shown_as_it_is() -> None:
    page = text_of("docs/modes.md")

    for name, values in (
        ("risk_multiplier", [POWERS[mode].risk_multiplier for mode in Mode]),
        ("daily_loss_max", [POWERS[mode].daily_loss_max for mode in Mode]),
        ("leverage_max", [POWERS[mode].leverage_max for mode in Mode]),
    ):
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        shown = [float(re.findall(r"[0-9.]+", cell)[0]) for cell in row.split("|")[2:6]]
        assert shown == values, name


def test_the_readme_names_no_verb_that_does_not_exist() -> None:
    known = {(verb[0], verb[-1]) for verb in verbs()}
    named = set()
    for row in re.findall(r"^\| (`bot4 [a-z][^|]+) \|", text_of("README.md"), re.MULTILINE):
        words = re.findall(r"`(?:bot4 )?([^`]+)`", row)
        group, _, first = words[0].partition(" ")
        named |= {(group, verb) for verb in (first or group, *words[1:])}

    assert named == known


@pytest.fixture
def documented_strategy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Register the strategy that the page shows, from the page's own text."""
    (source,) = fenced(text_of("docs/strategies.md"), "python")
    path = tmp_path / "rising.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("rising", path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "rising", module)
    spec.loader.exec_module(module)
    entry = registry.StrategyEntry("rising", "rising:Rising", "rising:RisingConfig")
    monkeypatch.setattr(registry, "STRATEGIES", {**registry.STRATEGIES, "rising": entry})
    return entry.name


def test_the_documented_strategy_trades_and_passes_the_gate(documented_strategy: str) -> None:
    name = "BTCUSD.BITFINEX"
    table = pq.read_table(REPO / "catalog/sample/BTCUSD.parquet").slice(0, 800)
    prices = [np.ascontiguousarray(table[column].to_numpy()) for column in ("open", "high", "low", "close", "volume")]
    closes_ns = table["ts"].cast("int64").to_numpy() * 1_000_000 + HALF_HOUR_NS
    market = Market(name, "30-MINUTE", BarColumns(closes_ns, *prices))
    stage = Stage([market], {name: shipped_spec(name)}, HALF_HOUR_NS, [], "documentation")
    document = {
        "run": {
            "name": "rising",
            "instruments": [name],
            "bar": "30-MINUTE",
            "start": "2017-10-05",
            "end": "2017-10-31",
        },
        "strategy": {"name": documented_strategy, "params": {"quantity": 0.05}},
    }

    config = msgspec.convert(document, configs.RunConfig)
    played = play(config, stage, None)

    fills = played.recorder.fills
    assert len(fills) > 10
    assert min(fill.ts_ns for fill in fills) > config.run.start_ns
    assert len(played.controller.gate.decisions) == len(played.recorder.orders)
