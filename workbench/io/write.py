"""Audio to files: wav, flac, ogg and mp3, never half written, never clipped without a word."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import AudioFileError, InvalidType, InvalidValue, WorkbenchNotice
from workbench.io.encode import encode_file, iterate_blocks
from workbench.io.formats import Encoding, choose_encoding
from workbench.io.names import check_file_stem, expand_home
from workbench.io.staging import NO_ROOM, staged_files, tell_room
from workbench.io.tags import tags_of_stem

MANIFEST_NAME = "stems.json"
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class SavedStems:
    """Where stems were written, and the gain that all of them got (1.0: none)."""

    paths: dict[str, Path]
    gain: float


def save(
    audio: Audio[Tensor],
    path: str | os.PathLike[str],
    *,
    subtype: str | None = None,
    bit_rate: int | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write `audio` to a wav, flac, ogg or mp3 file, whichever the ending of `path` says.

    Samples beyond full scale are kept in a floating-point file; for an integer or lossy one the whole of it is
    scaled down, with a `WorkbenchNotice` of the gain. The file is written beside `path` and moved
    into place when it is whole.

    A lossy file has the exact length and no delay when `load` reads it. Where coding makes samples overshoot full
    scale, `load` gives them as they are; a player may clip them.

    Args:
        audio: data (channel, time), of a floating-point dtype.
        path: ``.wav``, ``.flac``, ``.ogg`` (Vorbis) or ``.mp3``; missing folders are made.
        subtype: as soundfile names them: FLOAT (default), DOUBLE, PCM_16, PCM_24, PCM_32 for wav;
            PCM_24 (default), PCM_16 for flac.
        bit_rate: bits per second of all channels together. Of mp3 constant, by default the highest that the sample
            rate allows (320000 from 32 kHz on); of ogg the nominal one at 44.1 kHz of a variable rate, by default
            128000 a channel.
        tags: as of `read_tags`.
        overwrite: whether a file that exists may be replaced.

    Returns:
        `path`.

    Raises:
        InvalidValue: an unknown format or subtype, a bit rate, sample rate or number of channels that the format
            does not have, no samples, NaN or infinity.
        AudioFileError: `path` exists, or it cannot be written.
    """
    target = Path(expand_home(path))
    encoding = choose_encoding(target.suffix.lower().removeprefix("."), subtype=subtype, bit_rate=bit_rate)
    # The path is the key: errors and the notice then speak of it.
    gain = _choose_gain(_measure_peaks({str(path): audio}, encoding=encoding), encoding=encoding, gain=None)
    with staged_files([target], overwrite=overwrite) as (draft,):
        _write(audio, draft, target=target, encoding=encoding, gain=gain, tags=tags or {})
    return target


def save_stems(
    stems: Mapping[str, Audio[Tensor]],
    folder: str | os.PathLike[str],
    *,
    file_format: str = "flac",
    subtype: str | None = None,
    bit_rate: int | None = None,
    tags: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    gain: float | None = None,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> SavedStems:
    """Write each stem to ``folder/NAME.FORMAT``; all of them, or none under its final name.

    When any would clip in an integer format, all get one common gain (so that they still sum to the
    mixture times that gain), and a `WorkbenchNotice` says it; likewise in a lossy format, which players decode to
    integers. Floating-point files are never scaled.

    Args:
        stems: name -> audio, data (channel, time).
        folder: made if it is missing.
        file_format: ``"flac"``, ``"wav"``, ``"ogg"`` or ``"mp3"``.
        subtype: as for `save`.
        bit_rate: as for `save`.
        tags: of the song; each stem gets them, with its name added to the title.
        facts: plain data that is written to ``folder/stems.json`` together with the gain and, for each stem, the name
            and SHA-256 of its file; nothing is written there if left out.
        overwrite: whether files that exist may be replaced.
        gain: a factor of the caller's own for all stems, in any format, instead of the automatic one.
        inputs: files that are not to be replaced by a stem, whatever `overwrite` says.

    Returns:
        The paths by stem, and the gain.

    Raises:
        InvalidValue: no stems, a name that cannot be a file's, an unknown format or subtype, a bit rate, sample rate
            or number of channels that the format does not have, no samples, NaN or infinity, a `gain` that is not
            above 0 or with which an integer or lossy file clips, or a stem's file that is one of `inputs`.
        AudioFileError: a file exists, or cannot be written. Nothing is written then.
    """
    if not stems:
        raise InvalidValue("got no stems to save; expected at least one")
    encoding = choose_encoding(file_format, subtype=subtype, bit_rate=bit_rate)
    paths = {name: Path(folder) / f"{check_file_stem(name)}.{file_format}" for name in stems}
    manifest = [] if facts is None else [Path(folder) / MANIFEST_NAME]
    peak = _measure_peaks(stems, encoding=encoding)
    with staged_files([*paths.values(), *manifest], overwrite=overwrite, inputs=inputs) as drafts:
        gain = _choose_gain(peak, encoding=encoding, gain=gain)
        files = {}
        for (name, audio), draft in zip(stems.items(), drafts[: len(stems)], strict=True):
            stem_tags = tags_of_stem(tags or {}, stem=name)
            _write(audio, draft, target=paths[name], encoding=encoding, gain=gain, tags=stem_tags)
            if manifest:
                files[name] = {"file": paths[name].name, "sha256": hash_file(draft)}
        if manifest:
            _write_manifest({**(facts or {}), "gain": gain, "stems": files}, drafts[-1], target=manifest[0])
    return SavedStems(paths=paths, gain=gain)


def hash_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(
    audio: Audio[Tensor], draft: Path, *, target: Path, encoding: Encoding, gain: float, tags: Mapping[str, str]
) -> None:
    try:
        encode_file(audio, draft, encoding=encoding, gain=gain, tags=tags)
    # soundfile asserts that as many samples were written as given, e.g. on a full disk.
    except (soundfile.SoundFileError, AssertionError, OSError) as error:
        reason = str(error) or "not everything was written"
        wanted = audio.data.numel() * ((encoding.bits or 32) // 8)
        if getattr(error, "errno", None) in NO_ROOM or shutil.disk_usage(draft.parent).free < wanted:
            reason = f"there is no room for it: {tell_room(draft.parent, wanted_bytes=wanted)}"
        raise AudioFileError(f"cannot write {target}: {reason}") from error


def _write_manifest(facts: Mapping[str, Any], draft: Path, *, target: Path) -> None:
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        draft.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AudioFileError(f"cannot write {target}: {error.strerror}") from error


def _measure_peaks(stems: Mapping[str, Audio[Tensor]], *, encoding: Encoding) -> float:
    """Give the largest magnitude in all of `stems`, having checked that they can be written at all."""
    return max(_measure_peak(audio, name, encoding=encoding) for name, audio in stems.items())


def _measure_peak(audio: Audio[Tensor], name: str, *, encoding: Encoding) -> float:
    data = audio.data
    if data.ndim != 2 or not data.is_floating_point():
        raise InvalidType(
            f"cannot write {name}: expected floating-point data (channel, time), "
            f"got {data.dtype} of shape {tuple(data.shape)}"
        )
    num_channels, num_samples = data.shape
    if num_samples == 0:
        raise InvalidValue(f"cannot write {name}: expected at least 1 sample, got shape {tuple(data.shape)}")
    try:
        encoding.check_audio(sample_rate=audio.sample_rate, num_channels=num_channels)
    except InvalidValue as error:
        raise InvalidValue(f"cannot write {name}: {error}") from error
    peak = 0.0
    for start, block in iterate_blocks(data):
        block_peak = float(np.abs(block).max())  # NaN if any sample is
        if not math.isfinite(block_peak):
            channel, offset = np.argwhere(~np.isfinite(block))[0]
            raise InvalidValue(
                f"cannot write {name}: {block[channel, offset]} in channel {channel}, "
                f"sample {start + offset}; expected finite samples"
            )
        peak = max(peak, block_peak)
    return peak


def _choose_gain(peak: float, *, encoding: Encoding, gain: float | None) -> float:
    """Give the factor for all stems: the caller's, or what keeps integers from clipping."""
    # +1.0 itself is one step above the largest integer. A full-scale song is not turned down for
    # that: its topmost samples are set to the largest integer, an error of one step.
    bits, subtype = encoding.clipping_bits, encoding.subtype
    if subtype == "FLOAT" and peak * (1.0 if gain is None else gain) > LARGEST_FLOAT32:
        raise InvalidValue(f"the peak is {peak:.3g}, which FLOAT would hold as infinity; choose subtype DOUBLE")
    if gain is not None:
        if not (math.isfinite(gain) and gain > 0):
            raise InvalidValue(f"gain must be greater than 0, got {gain}")
        if bits is not None and peak * gain > 1:
            raise InvalidValue(
                f"with gain {gain} the peak is {peak * gain:.4f}, which clips in {subtype}; "
                f"expected a gain of at most {1 / peak:.6f}, or subtype FLOAT in wav"
            )
        return float(gain)
    if bits is None or peak <= 1:
        return 1.0
    gain = (1 - 2.0 ** (1 - bits)) / peak
    warnings.warn(
        f"the peak is {peak:.4f} and would clip in {subtype}: everything is scaled by one common gain of "
        f"{gain:.6f} ({20 * math.log10(gain):.2f} dB)",
        WorkbenchNotice,
        stacklevel=3,  # the caller of save or save_stems
    )
    return gain
