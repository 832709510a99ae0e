"""The code behind a result has a name that changes with any edit of what the result depends on, and only with that."""

from __future__ import annotations

from pathlib import Path

from research.provenance import MODEL_SOURCES, model_code_version, run_code_version, sources_digest


def written(root: Path, name: str, text: str) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return sources_digest(("catalog", "risk/modes"), root)


def test_an_edit_a_name_and_a_new_file_change_the_digest_and_other_folders_do_not(tmp_path: Path) -> None:
    first = written(tmp_path, "catalog/one.py", "x = 1")

    assert written(tmp_path, "research/other.py", "y = 1") == first
    edited = written(tmp_path, "catalog/one.py", "x = 2")
    more = written(tmp_path, "risk/modes/deep/two.py", "x = 2")
    (tmp_path / "catalog/one.py").rename(tmp_path / "catalog/uno.py")
    renamed = sources_digest(("catalog", "risk/modes"), tmp_path)
    assert len({first, edited, more, renamed}) == 4


def test_runs_and_models_name_their_own_code() -> None:
    assert sources_digest(MODEL_SOURCES)[:16] in model_code_version()
    assert "xgboost 3" in model_code_version()
    assert "sources " in run_code_version()
