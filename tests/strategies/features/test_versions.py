"""A feature whose numbers change must raise its version, so that models trained on the old ones are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strategies.features.featureset import FeatureSet
from strategies.features.registry import features
from strategies.features.spec import FeatureSpec
from strategies.features.verify import generated_bars

# {feature: {"version": its version, "values": its last row on the generated bars, default parameters}}
KNOWN = {
    name: known
    for path in sorted(Path(__file__).parent.glob("known_values*.json"))
    for name, known in json.loads(path.read_text()).items()
}


def test_every_feature_has_known_values() -> None:
    assert sorted(KNOWN) == sorted(features())


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_numbers_are_those_of_the_stated_version(name: str) -> None:
    assert features()[name].version == KNOWN[name]["version"], "state the values of the new version"

    last = FeatureSet([FeatureSpec(name)]).batch(generated_bars())[-1]

    # the last digits may differ between kinds of processor, through their logarithm alone
    message = "the numbers changed: raise the feature's version and state its values anew"
    assert last.tolist() == pytest.approx(KNOWN[name]["values"], rel=1e-10, nan_ok=True), message
