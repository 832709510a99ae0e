"""`bot4 features`: what it prints, what it writes, and with which code it ends."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from catalog import cli as data_cli
from catalog.store.parquet import Catalog
from strategies import cli
from strategies.features import registry, verify
from strategies.features.default import DEFAULT_SPECS
from strategies.features.event_registry import event_features
from strategies.features.featureset import FeatureSet
from strategies.features.kernel import CLOSE, Feature
from strategies.features.pair_features import pair_features
from strategies.features.registry import features

INSTRUMENT = "BTCUSDT-PERP.BINANCE"
ROWS = 300


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with 300 hourly bars, brought in as a user would."""
    folder = tmp_path_factory.mktemp("features_cli")
    random = np.random.default_rng(11)
    close = np.round(30_000 * np.exp(np.cumsum(random.normal(0, 0.004, ROWS))), 1)
    open_ = np.concatenate((close[:1], close[:-1]))
    high, low = np.round(np.maximum(open_, close) + 20, 1), np.round(np.minimum(open_, close) - 20, 1)
    volume = np.round(random.lognormal(4, 1, ROWS), 3)
    hours = [f"2023-01-{1 + row // 24:02d}T{row % 24:02d}:00:00Z" for row in range(ROWS)]
    lines = [",".join(map(str, row)) for row in zip(hours, open_, high, low, close, volume, strict=True)]
    source = folder / "BTCUSDT.csv"
    source.write_text("ts,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    result = CliRunner().invoke(
        data_cli.app,
        ["ingest", str(source), "--instrument", INSTRUMENT, "--bar", "1-HOUR", "--catalog", str(folder / "catalog")],
    )
    assert result.exit_code == 0, result.output
    return folder / "catalog"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_list_shows_every_feature_with_its_source() -> None:
    code, out, _ = run("list")

    assert code == 0
    for feature in [*features().values(), *pair_features().values(), *event_features().values()]:
        assert f"{feature.name} ({feature.family})" in out
        assert feature.source in out


def test_list_of_a_family_as_json_is_one_object() -> None:
    code, out, _ = run("list", "--family", "bands", "--json")

    listed = json.loads(out)["features"]
    assert code == 0
    assert [feature["name"] for feature in listed][:3] == ["bollinger", "donchian", "keltner"]
    assert {feature["family"] for feature in listed} == {"bands"}
    assert listed[0]["params"][0]["name"] == "window"
    assert listed[0]["warmup_bars"] == [20] * 5


def test_list_of_an_unknown_family_is_wrong_use() -> None:
    code, _, err = run("list", "--family", "bandz")

    assert code == 2
    assert "no family 'bandz'; there are averages, bands" in err


def test_compute_writes_the_rows_that_the_set_gives(catalog: Path, tmp_path: Path) -> None:
    out_file = tmp_path / "features.parquet"

    code, out, _ = run(
        "compute",
        "--instrument",
        INSTRUMENT,
        "--bar",
        "1-HOUR",
        "--catalog",
        str(catalog),
        "--out",
        str(out_file),
        "--json",
    )

    summary = json.loads(out)
    features_ = FeatureSet(DEFAULT_SPECS)
    bars = Catalog(catalog).bars(INSTRUMENT, "1-HOUR", 0, 2**63 - 1)
    table = pq.read_table(out_file)
    about = json.loads(table.schema.metadata[b"bot4"])
    assert code == 0
    assert summary["rows"] == ROWS
    # the first bar opened at 00:00 and is known at its close
    assert (summary["first"], summary["last"]) == ("2023-01-01T01:00:00Z", "2023-01-13T12:00:00Z")
    assert table.column_names == ["ts_ns", *features_.names]
    assert table["ts_ns"].to_pylist() == bars.ts_ns.tolist()
    written = np.column_stack([table[name].to_numpy() for name in features_.names])
    assert np.array_equal(written, features_.batch(bars), equal_nan=True)
    assert about["layout_hash"] == summary["layout_hash"] == features_.layout_hash
    assert about["data_fingerprint"] == Catalog(catalog).fingerprint(INSTRUMENT)
    assert not list(tmp_path.glob("*.partial"))


def test_compute_of_a_period_with_a_file_of_specifications(catalog: Path, tmp_path: Path) -> None:
    spec = tmp_path / "set.toml"
    spec.write_text('[[feature]]\nname = "sma"\nparams = { window = 3 }\n')

    code, out, _ = run(
        *("compute", "--instrument", INSTRUMENT, "--bar", "60-MINUTE", "--catalog", str(catalog), "--spec", str(spec)),
        *("--start", "2023-01-02", "--end", "2023-01-03T00:00:00+00:00", "--json"),
    )

    summary = json.loads(out)
    bars = Catalog(catalog).bars(INSTRUMENT, "1-HOUR", 0, 2**63 - 1)
    assert code == 0
    assert (summary["rows"], summary["bar"]) == (24, "1-HOUR")
    assert (summary["first"], summary["last"]) == ("2023-01-02T01:00:00Z", "2023-01-03T00:00:00Z")
    assert summary["columns"] == [{"name": "sma_3", "nan": 2, "last": pytest.approx(math.fsum(bars.close[45:48]) / 3)}]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--bar", "1-HOUR", "--start", "yesterday"], 2, "--start: expected a date or time in ISO 8601"),
        (["--bar", "1-FORTNIGHT"], 2, "1-FORTNIGHT"),
        (["--bar", "30-MINUTE"], 3, "30-MINUTE bars of BTCUSDT-PERP.BINANCE"),
        (["--bar", "1-HOUR", "--start", "2031-01-01"], 3, "no 1-HOUR bars of BTCUSDT-PERP.BINANCE in the range"),
        (["--bar", "1-HOUR", "--out", "missing/folder/x.parquet"], 2, "missing/folder/x.parquet: the folder"),
        (["--bar", "1-HOUR", "--spec", "missing.toml"], 2, "missing.toml: file not found"),
    ],
)
def test_compute_refuses_saying_where(catalog: Path, arguments: list[str], code: int, message: str) -> None:
    ended, _, err = run("compute", "--instrument", INSTRUMENT, "--catalog", str(catalog), *arguments)

    assert ended == code
    assert message in err


def test_compute_refuses_a_bad_specification_naming_the_file(catalog: Path, tmp_path: Path) -> None:
    spec = tmp_path / "set.toml"
    spec.write_text('[[feature]]\nname = "sma"\nparams = { window = 0 }\n')

    code, _, err = run(
        "compute", "--instrument", INSTRUMENT, "--bar", "1-HOUR", "--catalog", str(catalog), "--spec", str(spec)
    )

    assert code == 2
    assert "set.toml: parameter window of sma must be from 1 to 5000, was 0" in err


def test_verify_holds_on_generated_and_on_stored_bars(catalog: Path) -> None:
    code, out, _ = run("verify", "--instrument", INSTRUMENT, "--catalog", str(catalog), "--cuts", "10", "--json")

    result = json.loads(out)
    assert code == 0
    assert result["passed"]
    assert {each["feature"] for each in result["results"]} == {*features(), *pair_features(), *event_features()}
    stored = {each["feature"] for each in result["results"] if each["bars"] != "generated"}
    assert stored == set(features())
    assert {each["rows"] for each in result["results"] if each["bars"] == f"{INSTRUMENT} 1-HOUR"} == {ROWS}
    assert all(each["passed"] for each in result["results"])


def test_verify_of_an_unknown_feature_is_wrong_use() -> None:
    assert run("verify", "emaa")[0] == 2


def test_verify_ends_with_5_and_names_the_feature_that_looks_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Feature(
        **{name: getattr(features()["ema"], name) for name in Feature.__struct_fields__} | {"kernel": _ahead}
    )
    monkeypatch.setattr(registry, "features", lambda: {"sma": features()["sma"], "ema": broken})

    code, out, err = run("verify", "--cuts", "3")

    assert code == 5
    assert f"ema_20 on generated: {verify.Check.PREFIX.value}" in err
    assert "sma" not in err
    assert out == ""


def _ahead(ts_ns, bar, params, state, out):
    # puts each close into the row before it, once it is known
    out[0] = bar[CLOSE]
    if state[0] > 0.0:
        out[-1] = bar[CLOSE]
    state[0] = 1.0


def plot(catalog: Path, out: Path, *arguments: str) -> tuple[int, str, str]:
    return run(
        *("plot", "--instrument", INSTRUMENT, "--bar", "1-HOUR", "--catalog", str(catalog), "--out", str(out)),
        *arguments,
    )


def test_plot_draws_the_last_bars_as_png(catalog: Path, tmp_path: Path) -> None:
    code, out, _ = plot(catalog, tmp_path / "chart.png", "--bars", "120", "--json")

    assert code == 0
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(out)["bars"] == 120
    assert json.loads(out)["last"] == "2023-01-13T12:00:00Z"
    assert "ema_50" in json.loads(out)["columns"]
    assert [path.name for path in tmp_path.iterdir()] == ["chart.png"]


def test_plot_as_a_page_stands_alone_and_is_warm_where_it_begins(catalog: Path, tmp_path: Path) -> None:
    page = tmp_path / "chart.html"

    code, _, _ = plot(
        *(catalog, page, "--feature", "sma:window=40", "--feature", "rsi"),
        *("--start", "2023-01-05", "--end", "2023-01-07"),
    )

    text = page.read_text()
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    bars = Catalog(catalog).bars(INSTRUMENT, "1-HOUR", 0, 2**63 - 1)
    assert code == 0
    for loads in ("<script src", "<link", "<img", "<image", "@import", "url(http", "fetch("):
        assert loads not in text
    assert (data["when"][0], data["when"][-1]) == ("2023-01-05 01:00", "2023-01-07 00:00")
    price, below = data["panes"]
    assert [name for name, _ in price["lines"]] == ["open", "high", "low", "close", "sma_40"]
    assert [name for name, _ in below["lines"]] == ["rsi_14"]
    # row 96 is the bar that closed at 01:00 on the fifth day
    assert float(price["lines"][-1][1][0]) == pytest.approx(bars.close[57:97].mean(), rel=1e-6)
    assert price["top"] < price["bottom"] < below["top"] < below["bottom"]


def test_the_same_plot_is_the_same_page(catalog: Path, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        assert plot(catalog, tmp_path / name, "--feature", "macd")[0] == 0

    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.parametrize(
    ("name", "arguments", "code", "message"),
    [
        ("chart.pdf", [], 2, "expected a file that ends in .png or .html"),
        ("missing/chart.png", [], 2, "the folder of the output file does not exist"),
        ("chart.png", ["--feature", "emaa"], 2, "feature 'emaa' is unknown; did you mean 'ema'?"),
        ("chart.png", ["--feature", "ema:50"], 2, "expected NAME or NAME:PARAMETER=NUMBER"),
        ("chart.png", ["--feature", "ema:window=0"], 2, "--feature: parameter window of ema must be from 1 to 5000"),
        ("chart.png", ["--feature", "rsi", "--spec", "set.toml"], 2, "give --feature or --spec, not both"),
        ("chart.png", ["--start", "2031-01-01"], 3, "need at least 2 bars to draw"),
    ],
)
def test_plot_refuses_saying_where(
    catalog: Path, tmp_path: Path, name: str, arguments: list[str], code: int, message: str
) -> None:
    ended, _, err = plot(catalog, tmp_path / name, *arguments)

    assert ended == code
    assert message in " ".join(err.split())
    assert not (tmp_path / name).exists()
