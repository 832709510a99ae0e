"""The UBJSON reader decodes what XGBoost writes and trusts no length."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st

from errors import PreconditionError
from strategies.models.ubjson import NESTING_MAX, parse
from tests.strategies.models.forests import small_model


def plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(np.float32(value)) if isinstance(value, float) else value


def test_reads_the_same_document_as_the_json_form_of_the_model() -> None:
    raw = small_model()
    as_json = json.loads(bytes(xgb.Booster(model_file=bytearray(raw)).save_raw("json")))

    assert rounded(plain(parse(raw))) == rounded(as_json)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"I\xff\xfe", -2),
        (b"l\x00\x01\x00\x00", 65_536),
        (b"L\xff\xff\xff\xff\xff\xff\xff\xff", -1),
        (b"d\x3f\x80\x00\x00", 1.0),
        (b"D\xbf\xf0\x00\x00\x00\x00\x00\x00", -1.0),
        (b"T", True),
        (b"F", False),
        (b"Z", None),
        (b"Ca", "a"),
        (b"SU\x02ab", "ab"),
        (b"[i\x01i\x02]", [1, 2]),
        (b"{U\x01ai\x01}", {"a": 1}),
        (b"[$i#U\x02\x01\xff", [1, -1]),
        (b"[$S#U\x01U\x01a", ["a"]),
        (b"{$i#U\x01U\x01a\x05", {"a": 5}),
        (b"[#U\x00", []),
    ],
)
def test_decodes_each_type(raw: bytes, expected: object) -> None:
    assert plain(parse(raw)) == expected


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "1 bytes were announced, 0 are left"),
        (b"TT", "1 bytes follow the end"),
        (b"x", "unknown type marker"),
        (b"SL\x7f\xff\xff\xff\xff\xff\xff\xffab", "bytes were announced"),
        (b"Si\xff", "a length must be"),
        (b"Sd\x00\x00\x00\x00", "a length must be"),
        (b"SU\x01\xff", "not UTF-8"),
        (b"[$d#L\x00\x00\x00\xff\xff\xff\xff\xff", "items were announced"),
        (b"[$d#U\x02\x00\x00\x00\x00", "bytes were announced"),
        (b"[$Z#L\x00\x00\x00\xff\xff\xff\xff\xff", "takes bytes"),
        (b"[$d\x00", "needs a count"),
        (b"[i\x01", "are left"),
        (b"{U\x01ai\x01U\x01ai\x01}", "stands twice"),
        (b"[" * (NESTING_MAX + 2), "nested deeper"),
    ],
)
def test_refuses_what_contradicts_itself(raw: bytes, reason: str) -> None:
    with pytest.raises(PreconditionError, match=reason):
        parse(raw)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(raw: bytes) -> None:
    with suppress(PreconditionError):
        parse(raw)
