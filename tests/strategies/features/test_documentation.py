"""``docs/features.md`` says what the registry says."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import ConfigError
from strategies.features import documentation
from strategies.features.registry import features

REPO = Path(__file__).resolve().parents[3]


def test_the_page_is_up_to_date() -> None:
    page = (REPO / documentation.PAGE).read_text(encoding="utf-8")

    assert page == documentation.refreshed(page), "run `python -m strategies.features.documentation`"


def test_a_page_without_the_marker_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected a line"):
        documentation.refreshed("# Features\n")


def test_every_feature_says_all_there_is_to_say() -> None:
    for feature in features().values():
        for text in (feature.summary, feature.formula, feature.flat, feature.source, feature.compared):
            assert len(text) >= 1, feature.name
        assert feature.differences, feature.name
        # literature is checkable only with its year, but a standard score has no first author
        assert any(character.isdigit() for character in feature.source), feature.name
        assert all(output.unit for output in feature.outputs), feature.name
        for param in feature.params:
            assert param.low <= param.default <= param.high, (feature.name, param.name)
