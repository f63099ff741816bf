"""Write beside, then move into place: no half-written file ever has a final name."""

from __future__ import annotations

import errno
import os
import platform
import re
import secrets
import shutil
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import AudioFileError, InvalidValue, WorkbenchNotice

# No room on the disk or in the quota, a file beyond its limit, a disk that turned read-only.
NO_ROOM = frozenset((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG, errno.EROFS))

# What tells a process's drafts from those of others: the machine, since folders may be shared, and the process.
_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
_DRAFT = re.compile(rf"\.workbench-{_MACHINE}-(\d+)-[0-9a-f]{{12}}\.part")

# Where a file system has no hard links.
_NO_LINKS = frozenset((errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV))


@contextmanager
def staged_files(
    targets: Sequence[Path], *, overwrite: bool, inputs: Iterable[str | os.PathLike[str]] = ()
) -> Iterator[list[Path]]:
    """Give a temporary file for each target, in the same folder; at the end move each into place.

    All targets are checked before the first temporary file is made. When the body raises (a signal
    included), the temporary files are removed, folders that were made for them too, and what stood before is
    untouched. Each move is one step of the file system: `os.replace`, or without `overwrite` one that fails where
    another process was first; then what this call had put beside it is taken away again.
    What a killed process left in these folders is removed, with a notice.

    Args:
        targets: the final paths; folders that are missing are made.
        overwrite: whether targets that exist may be replaced.
        inputs: files that no target may be, under whatever name.

    Yields:
        The temporary paths, empty files, in the order of `targets`.

    Raises:
        InvalidValue: two targets are one file where upper and lower case are the same, or a target is an input.
        AudioFileError: a target exists or is a folder, its folder cannot be made or written, or the body met a disk
            without room.
    """
    inputs = list(inputs)
    _check_targets(targets, overwrite=overwrite)
    check_inputs(targets, inputs)
    temporary: list[Path] = []
    made: list[Path] = []
    placed: list[tuple[Path, Path]] = []
    is_done = False
    try:
        for target in targets:
            # named before it is made: a signal in between must not leave it behind
            draft = target.with_name(f".workbench-{_MACHINE}-{os.getpid()}-{secrets.token_hex(6)}.part")
            _make_folder(target, made)
            temporary.append(draft)
            _make_empty(draft, target=target)
        _remove_leftovers({target.parent for target in targets})
        yield list(temporary)
        _check_targets(targets, overwrite=overwrite)  # something may have come up meanwhile
        check_inputs(targets, inputs)
        for source, target in zip(list(temporary), targets, strict=True):
            try:
                if overwrite:
                    os.replace(source, target)
                else:
                    placed.append((source, target))  # before it is: a signal in between must not leave it alone
                    _place_new(source, target)
            except FileExistsError as error:
                raise _refuse_existing(target) from error
            except OSError as error:
                raise AudioFileError(f"cannot write {target}: {error.strerror}") from error
            temporary.remove(source)
        is_done = True
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        names = ", ".join(target.name for target in targets)
        raise AudioFileError(
            f"cannot write {names} into {targets[0].parent}: {error.strerror}; {tell_room(targets[0].parent)}"
        ) from error
    finally:
        for source, target in [] if is_done else placed:
            if not source.exists() or (target.exists() and target.samefile(source)):  # else it is another's
                target.unlink(missing_ok=True)
        for source in temporary:
            source.unlink(missing_ok=True)
        if not is_done:
            for folder in reversed(made):
                with suppress(OSError):  # something else lies in it
                    folder.rmdir()


def tell_room(folder: Path, *, wanted_bytes: int | None = None) -> str:
    """How much room there is where `folder` lies, in words, and how much was wanted."""
    wanted = "" if wanted_bytes is None else f"about {_megabytes(wanted_bytes)} are wanted and "
    return f"{wanted}{_megabytes(shutil.disk_usage(folder).free)} are free there; make room or choose another folder"


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB"


def check_inputs(targets: Iterable[Path], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Raise `InvalidValue` where a target is the same file as an input, also by a link."""
    files = [file for file in map(Path, inputs) if file.exists()]
    for target in targets:
        for file in files:
            if target.exists() and target.samefile(file):
                raise InvalidValue(f"{target} would replace {file}, which is read: choose another folder or name")


def _place_new(draft: Path, target: Path) -> None:
    """Move a file to a name that must be free.

    Raises:
        FileExistsError: it is not.
    """
    try:
        os.link(draft, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with open(target, "xb"):  # takes the name, so that no other process has it
            pass
        try:
            os.replace(draft, target)
        except BaseException:
            target.unlink()
            raise
    else:
        draft.unlink()


def _remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove the drafts of processes of this machine that are no more, where that is allowed, and tell of them."""
    for folder in folders:
        if not os.access(folder, os.R_OK):
            continue
        dead = [path for path in folder.iterdir() if (match := _DRAFT.fullmatch(path.name)) and _is_over(int(match[1]))]
        kept = []
        for path in dead:
            try:
                path.unlink(missing_ok=True)
            except OSError:  # another user's, in a folder for all
                kept.append(path)
        for paths, what in (([path for path in dead if path not in kept], "removed"), (kept, "cannot remove")):
            if not paths:
                continue
            names = ", ".join(path.name for path in sorted(paths))
            warnings.warn(
                f"{folder}: {what} what a run that was killed had left there unfinished ({names})",
                WorkbenchNotice,
                stacklevel=5,
            )


def _is_over(process: int) -> bool:
    import psutil  # where there is something to ask of it, which is seldom

    return not psutil.pid_exists(process)


def _check_targets(targets: Sequence[Path], *, overwrite: bool) -> None:
    seen: dict[str, Path] = {}
    for target in targets:
        other = seen.setdefault(str(target).casefold(), target)
        if other is not target:
            raise InvalidValue(f"{other.name!r} and {target.name!r} may be one file; choose other names")
        if target.is_dir():
            raise AudioFileError(f"cannot write {target}: it is a folder; choose another name")
        if not overwrite and os.path.lexists(target):
            raise _refuse_existing(target)


def _refuse_existing(target: Path) -> AudioFileError:
    return AudioFileError(f"{target} exists already; pass overwrite=True (--overwrite) to replace it")


def _make_folder(target: Path, made: list[Path]) -> None:
    """Make a target's folder, and add those that were missing to `made`, the outermost first."""
    missing = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    made += [folder for folder in reversed(missing) if folder not in made]
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
