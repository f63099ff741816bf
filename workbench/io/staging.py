"""Write beside, then move into place: no half-written file ever has a final name."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import AudioFileError, InvalidValue

# No room on the disk or in the quota, a file beyond its limit, a disk that turned read-only.
NO_ROOM = frozenset((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG, errno.EROFS))


@contextmanager
def staged_files(targets: Sequence[Path], *, overwrite: bool) -> Iterator[list[Path]]:
    """Give a temporary file for each target, in the same folder; at the end move each into place.

    All targets are checked before the first temporary file is made. When the body raises (a signal
    included), the temporary files are removed and what stood before is untouched. Each move is one
    `os.replace`.

    Args:
        targets: the final paths; folders that are missing are made.
        overwrite: whether targets that exist may be replaced.

    Yields:
        The temporary paths, empty files, in the order of `targets`.

    Raises:
        InvalidValue: two targets are one file where upper and lower case are the same.
        AudioFileError: a target exists or is a folder, its folder cannot be made or written, or the body met a disk
            without room.
    """
    _check_targets(targets, overwrite=overwrite)
    temporary: list[Path] = []
    try:
        for target in targets:
            # named before it is made: a signal in between must not leave it behind
            draft = target.with_name(f".{secrets.token_hex(6)}.part")
            _make_folder(target)
            temporary.append(draft)
            _make_empty(draft, target=target)
        yield list(temporary)
        _check_targets(targets, overwrite=overwrite)  # something may have come up meanwhile
        for source, target in zip(list(temporary), targets, strict=True):
            try:
                os.replace(source, target)
            except OSError as error:
                raise AudioFileError(f"cannot write {target}: {error.strerror}") from error
            temporary.remove(source)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        names = ", ".join(target.name for target in targets)
        raise AudioFileError(f"cannot write {names} into {targets[0].parent}: {error.strerror}") from error
    finally:
        for source in temporary:
            source.unlink(missing_ok=True)


def _check_targets(targets: Sequence[Path], *, overwrite: bool) -> None:
    seen: dict[str, Path] = {}
    for target in targets:
        other = seen.setdefault(str(target).casefold(), target)
        if other is not target:
            raise InvalidValue(f"{other.name!r} and {target.name!r} may be one file; choose other names")
        if target.is_dir():
            raise AudioFileError(f"cannot write {target}: it is a folder; choose another name")
        if not overwrite and os.path.lexists(target):
            raise AudioFileError(f"{target} exists already; pass overwrite=True (--overwrite) to replace it")


def _make_folder(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refuse_folder(target, error) from error


def _make_empty(draft: Path, *, target: Path) -> None:
    """Make an empty file, with permissions as any new file gets."""
    # Not tempfile.mkstemp: its files are readable by their owner alone, and stay so after the move.
    try:
        with open(draft, "xb"):
            pass
    except OSError as error:
        raise _refuse_folder(target, error) from error


def _refuse_folder(target: Path, error: OSError) -> AudioFileError:
    return AudioFileError(f"cannot write into the folder {target.parent}: {error.strerror}; choose another folder")
