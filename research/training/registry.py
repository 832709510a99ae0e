"""Find registered models: by name, and by version or alias."""

from __future__ import annotations

from pathlib import Path

import msgspec

from errors import PreconditionError
from research.training import tracking
from strategies.models.schedule import ModelSchedule


class RegisteredVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a registered model, with the aliases that point at it and the tags training left."""

    name: str
    version: int
    aliases: tuple[str, ...]
    created_ns: int
    run_id: str
    tags: dict[str, str]


def resolve(name: str, alias_or_version: str = tracking.CHAMPION) -> Path:
    """
    Return the local folder of a registered model's schedule, for `ModelSchedule.load`.

    Parameters
    ----------
    name : str
        The registered model.
    alias_or_version : str
        An alias such as ``champion``, or a version number such as ``3``.

    Raises
    ------
    PreconditionError
        If there is no such model, alias or version; if its files are gone, damaged, or not those that were registered.

    """
    known = [version for version in versions() if version.name == name]
    if not known:
        raise PreconditionError(
            f"no model {name!r} is registered; `bot4 model list` shows what is, `model train` trains"
        )
    wanted = alias_or_version
    for version in known:
        if wanted in version.aliases or wanted == str(version.version):
            return _verified(version)
    names = sorted({alias for version in known for alias in version.aliases})
    raise PreconditionError(
        f"model {name!r} has no version or alias {wanted!r}; "
        f"it has versions up to {known[-1].version} and the aliases {names}"
    )


def versions() -> list[RegisteredVersion]:
    """Return every registered version, by name and number; an empty list where nothing was trained yet."""
    if not tracking.database().exists():
        return []
    client = tracking.open_store()
    aliases: dict[tuple[str, int], list[str]] = {}
    for model in client.search_registered_models(max_results=1_000):
        for alias, number in model.aliases.items():
            aliases.setdefault((model.name, int(number)), []).append(str(alias))
    found = [
        RegisteredVersion(
            name=version.name,
            version=int(version.version),
            aliases=tuple(sorted(aliases.get((version.name, int(version.version)), ()))),
            created_ns=int(version.creation_timestamp) * 1_000_000,
            run_id=version.run_id or "",
            tags=dict(version.tags),
        )
        for version in client.search_model_versions(max_results=10_000)
    ]
    return sorted(found, key=lambda version: (version.name, version.version))


def champion_like(name: str, digest: str) -> tuple[RegisteredVersion, Path] | None:
    """Return the champion of a name and its folder if it is this very schedule and its files are whole, else None."""
    for version in versions():
        if version.name == name and tracking.CHAMPION in version.aliases:
            if version.tags.get(tracking.TAG_DIGEST) != digest:
                return None
            try:
                return version, _verified(version)
            except PreconditionError:
                return None  # lost or damaged: what was trained again replaces it
    return None


def _verified(version: RegisteredVersion) -> Path:
    """Find the files by the run's id, not by the stored address, so that the home folder may be moved."""
    folder = tracking.artifacts() / version.run_id / "artifacts" / tracking.SCHEDULE_FOLDER
    schedule = ModelSchedule.load(folder)
    registered = version.tags.get(tracking.TAG_DIGEST)
    if schedule.digest != registered:
        raise PreconditionError(
            f"{folder}: holds the schedule {schedule.digest[:12]}, but version {version.version} of {version.name!r} "
            f"was registered as {registered}"
        )
    return folder
