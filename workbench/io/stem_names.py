"""What the streams of a stem file are called: from its metadata, made safe and unique."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from workbench.errors import InvalidValue, WorkbenchNotice
from workbench.io.names import check_file_stem

MIXTURE = "mixture"
# Both names are taken in every separation.
RESERVED_NAMES = (MIXTURE, "remainder")

# The order of streams in MUSDB18's files, after the mixture.
MUSDB18_STEMS = ("drums", "bass", "other", "vocals")
# Native Instruments' tools, with which MUSDB18 was made, call the singing so.
_ALIASES = {"vox": "vocals"}


def choose_stem_names(metadata_names: Sequence[str] | None, *, count: int) -> list[str]:
    """Name `count` stems, each with another name that can be a file's.

    Args:
        metadata_names: names as the file gives them, None if it gives none. When their number is not
            `count` they are left aside, with a notice.
        count: how many streams follow the mixture.
    """
    if metadata_names is not None and len(metadata_names) != count:
        warnings.warn(
            f"the file's metadata names {len(metadata_names)} stems, but {count} are there; its names are left aside",
            WorkbenchNotice,
            stacklevel=3,  # the caller of load_stems
        )
        metadata_names = None
    if metadata_names is None:
        if count == len(MUSDB18_STEMS):
            return list(MUSDB18_STEMS)
        return [f"stem_{number}" for number in range(1, count + 1)]
    names: list[str] = []
    for number, given in enumerate(metadata_names, start=1):
        base = _make_safe(given, number=number)
        name, repeat = base, 2
        while name in names or name in RESERVED_NAMES:
            name, repeat = f"{base}_{repeat}", repeat + 1
        names.append(name)
    return names


def _make_safe(given: str, *, number: int) -> str:
    """Give a lower-case name that `check_file_stem` takes, ``stem_N`` where nothing of `given` is left."""
    lowered = given.strip().lower()
    lowered = _ALIASES.get(lowered, lowered)
    try:
        return check_file_stem(lowered)
    except InvalidValue:
        kept = "".join(c if c.isalnum() or c in " -+&()" else "_" for c in lowered).strip(" _")[:40]
    try:
        return check_file_stem(kept)
    except InvalidValue:  # empty, or a name such as "con"
        return f"stem_{number}"
