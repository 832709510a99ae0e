"""Write the part of ``docs/features.md`` that the registry knows: ``python -m strategies.features.documentation``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from errors import ConfigError
from strategies.features.event_registry import event_features
from strategies.features.events import EventFeature
from strategies.features.kernel import Feature, Param
from strategies.features.pair_features import pair_features
from strategies.features.registry import BoundFeature, bind_unchecked, features

BEGIN = "<!-- begin: written by `python -m strategies.features.documentation`, do not edit below -->"
PAGE = Path("docs/features.md")


def section() -> str:
    """Return the table of all features, and what is to be said of each, as Markdown."""
    of_bars = _lines("Features", "bars", features().values())
    of_pairs = _lines("Features of two instruments", "bars", pair_features().values())
    of_events = _lines("Features of events", "events", event_features().values())
    return "\n".join([*of_bars, "", *of_pairs, "", *of_events]) + "\n"


def refreshed(page: str) -> str:
    """Return a page with its generated part brought up to date; `ConfigError` if it has no such part."""
    head, marker, _ = page.partition(BEGIN)
    if not marker:
        raise ConfigError(f"expected a line {BEGIN!r}")
    return f"{head}{BEGIN}\n\n{section()}"


def parameters(feature: Feature) -> str:
    """Return a feature's parameters with defaults and ranges, in a line."""
    return (
        ", ".join(f"{param.name}={param.default} ({param.low} to {param.high})" for param in feature.params) or "none"
    )


def outputs(feature: Feature) -> str:
    """Return the columns a feature gives with its defaults, in a line."""
    return ", ".join(default(feature).columns)


def warmup(feature: Feature) -> str:
    """Return the bars, up to and with the first value, that a feature needs with its defaults."""
    bars = default(feature).warmup
    return str(bars[0]) if len(set(bars)) == 1 else ", ".join(map(str, bars))


def takes(feature: Feature) -> str:
    """Return what a feature is computed from: bars, bars of two instruments, or a kind of event."""
    if isinstance(feature, EventFeature):
        return feature.kind.value
    return "pair" if feature.name in pair_features() else "bar"


def paced(feature: Feature) -> bool:
    """Return whether a feature's warm-up is a lower bound, as it also depends on times or sizes."""
    return isinstance(feature, EventFeature) and feature.paced


def warmup_text(feature: Feature) -> str:
    """Return a feature's warm-up with its defaults, in words."""
    unit = "events" if isinstance(feature, EventFeature) else "bars"
    return f"{'at least ' if paced(feature) else ''}{warmup(feature)} {unit}"


def _lines(heading: str, unit: str, registered: Iterable[Feature]) -> Iterator[str]:
    listed = list(registered)
    yield f"## {heading}"
    yield ""
    yield from _row("feature", "family", "columns with default parameters", f"warm-up, {unit}", "compared with")
    yield from _row(*["---"] * 5)
    for feature in listed:
        columns = ", ".join(f"`{name}`" for name in default(feature).columns)
        link = f"[`{feature.name}`](#{feature.name})"
        bound = "at least " if paced(feature) else ""
        yield from _row(link, feature.family, columns, bound + warmup(feature), feature.compared)
    for feature in listed:
        yield from _feature(feature)


def _feature(feature: Feature) -> Iterator[str]:
    yield ""
    yield f"### {feature.name}"
    yield ""
    yield feature.summary
    yield ""
    if isinstance(feature, EventFeature):
        yield f"- **Takes**: a {feature.kind.value}"
    yield f"- **Definition**: {feature.formula}"
    if feature.params:
        yield "- **Parameters**: " + "; ".join(_param(param) for param in feature.params)
    names = default(feature).columns
    units = "; ".join(f"`{name}`: {output.unit}" for name, output in zip(names, feature.outputs, strict=True))
    yield f"- **Units**: {units}"
    yield f"- **Where nothing moves**: {feature.flat}"
    if feature.absent:
        yield f"- **NaN although warm**: {feature.absent}"
    yield f"- **Source**: {feature.source}"
    yield f"- **Compared with**: {feature.compared}"
    yield f"- **Differences**: {feature.differences}"


def _param(param: Param) -> str:
    return f"`{param.name}` = {param.default} ({param.low} to {param.high}), {param.meaning}"


def default(feature: Feature) -> BoundFeature:
    """Return a feature bound to its default parameters."""
    return bind_unchecked(feature, {param.name: param.default for param in feature.params})


def _row(*cells: str) -> Iterator[str]:
    yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
