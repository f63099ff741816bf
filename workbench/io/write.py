"""Audio to files: wav and flac, never half written, never clipped without a word."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import AudioFileError, InvalidType, InvalidValue, WorkbenchNotice
from workbench.io.names import check_file_stem
from workbench.io.staging import staged_files

BLOCK_SAMPLES = 65536

# Subtype -> bits of an integer sample, None for floating point. The first is the default.
_SUBTYPES: dict[str, dict[str, int | None]] = {
    "wav": {"FLOAT": None, "DOUBLE": None, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32},
    "flac": {"PCM_24": 24, "PCM_16": 16},
}
FILE_FORMATS = tuple(_SUBTYPES)
_MAX_CHANNELS = {"wav": 1024, "flac": 8}

# A wav file counts its bytes in 32 bits; beyond that RF64 (EBU Tech 3306), the same with 64. The
# margin holds the headers.
MAX_WAV_BYTES = 2**32 - 2**16


@dataclass(frozen=True)
class SavedStems:
    """Where stems were written, and the gain that all of them got (1.0: none)."""

    paths: dict[str, Path]
    gain: float


def save(
    audio: Audio[Tensor], path: str | os.PathLike[str], *, subtype: str | None = None, overwrite: bool = False
) -> Path:
    """Write `audio` to a wav or flac file, whichever the ending of `path` says.

    Samples beyond full scale are kept in a floating-point file; for an integer one the whole of it is
    scaled down, with a `WorkbenchNotice` of the gain. The file is written beside `path` and moved
    into place when it is whole.

    Args:
        audio: data (channel, time), of a floating-point dtype.
        path: ``.wav`` or ``.flac``; missing folders are made.
        subtype: as soundfile names them: FLOAT (default), DOUBLE, PCM_16, PCM_24, PCM_32 for wav;
            PCM_24 (default), PCM_16 for flac.
        overwrite: whether a file that exists may be replaced.

    Returns:
        `path`.

    Raises:
        InvalidValue: an unknown format or subtype, no samples, NaN or infinity.
        AudioFileError: `path` exists, or it cannot be written.
    """
    target = Path(path)
    file_format = target.suffix.lower().removeprefix(".")
    # The path is the key: errors and the notice then speak of it.
    _write_all({str(path): audio}, [target], file_format=file_format, subtype=subtype, overwrite=overwrite)
    return target


def save_stems(
    stems: Mapping[str, Audio[Tensor]],
    folder: str | os.PathLike[str],
    *,
    file_format: str = "flac",
    subtype: str | None = None,
    overwrite: bool = False,
    gain: float | None = None,
) -> SavedStems:
    """Write each stem to ``folder/NAME.FORMAT``; all of them, or none under its final name.

    When any would clip in an integer format, all get one common gain (so that they still sum to the
    mixture times that gain), and a `WorkbenchNotice` says it. Floating-point files are never scaled.

    Args:
        stems: name -> audio, data (channel, time).
        folder: made if it is missing.
        file_format: ``"flac"`` or ``"wav"``.
        subtype: as for `save`.
        overwrite: whether files that exist may be replaced.
        gain: a factor of the caller's own for all stems, in any format, instead of the automatic one.

    Returns:
        The paths by stem, and the gain.

    Raises:
        InvalidValue: no stems, a name that cannot be a file's, an unknown format or subtype, no
            samples, NaN or infinity, a `gain` that is not above 0 or with which an integer file clips.
        AudioFileError: a file exists, or cannot be written. Nothing is written then.
    """
    if not stems:
        raise InvalidValue("got no stems to save; expected at least one")
    _check_format(file_format)
    paths = {name: Path(folder) / f"{check_file_stem(name)}.{file_format}" for name in stems}
    gain = _write_all(
        stems,
        list(paths.values()),
        file_format=file_format,
        subtype=subtype,
        overwrite=overwrite,
        gain=gain,
    )
    return SavedStems(paths=paths, gain=gain)


def _write_all(
    stems: Mapping[str, Audio[Tensor]],
    targets: list[Path],
    *,
    file_format: str,
    subtype: str | None,
    overwrite: bool,
    gain: float | None = None,
) -> float:
    """Check everything, write each stem to its target, and give back the gain."""
    _check_format(file_format)
    bits_by_subtype = _SUBTYPES[file_format]
    if subtype is None:
        subtype = next(iter(bits_by_subtype))
    if subtype not in bits_by_subtype:
        known = ", ".join(bits_by_subtype)
        raise InvalidValue(f"unknown subtype {subtype!r} for {file_format}; known: {known}")
    bits = bits_by_subtype[subtype]
    peak = max(_measure_peak(audio, name, file_format=file_format) for name, audio in stems.items())
    with staged_files(targets, overwrite=overwrite) as temporary:
        gain = _choose_gain(peak, bits=bits, subtype=subtype, gain=gain)
        for audio, target, draft in zip(stems.values(), targets, temporary, strict=True):
            try:
                _write(audio, draft, file_format=file_format, subtype=subtype, bits=bits, gain=gain)
            # soundfile asserts that as many samples were written as given, e.g. on a full disk.
            except (soundfile.SoundFileError, AssertionError, OSError) as error:
                reason = str(error) or "not everything was written, is the disk full?"
                raise AudioFileError(f"cannot write {target}: {reason}") from error
    return gain


def _check_format(file_format: str) -> None:
    if file_format not in _SUBTYPES:
        raise InvalidValue(f"unknown file format {file_format!r}; known: {', '.join(FILE_FORMATS)}")


def _measure_peak(audio: Audio[Tensor], name: str, *, file_format: str) -> float:
    """Give the largest magnitude in `audio`, having checked that it can be written at all."""
    data = audio.data
    if data.ndim != 2 or not data.is_floating_point():
        raise InvalidType(
            f"cannot write {name}: expected floating-point data (channel, time), "
            f"got {data.dtype} of shape {tuple(data.shape)}"
        )
    num_channels, num_samples = data.shape
    if num_samples == 0 or not 1 <= num_channels <= _MAX_CHANNELS[file_format]:
        raise InvalidValue(
            f"cannot write {name}: expected 1 to {_MAX_CHANNELS[file_format]} channels for {file_format} "
            f"and at least 1 sample, got shape {tuple(data.shape)}"
        )
    peak = 0.0
    for start, block in _iterate_blocks(data):
        block_peak = float(np.abs(block).max())  # NaN if any sample is
        if not math.isfinite(block_peak):
            channel, offset = np.argwhere(~np.isfinite(block))[0]
            raise InvalidValue(
                f"cannot write {name}: {block[channel, offset]} in channel {channel}, "
                f"sample {start + offset}; expected finite samples"
            )
        peak = max(peak, block_peak)
    return peak


def _choose_gain(peak: float, *, bits: int | None, subtype: str, gain: float | None) -> float:
    """Give the factor for all stems: the caller's, or what keeps an integer format from clipping."""
    # +1.0 itself is one step above the largest integer. A full-scale song is not turned down for
    # that: its topmost samples are set to the largest integer, an error of one step.
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
        stacklevel=4,  # the caller of save or save_stems
    )
    return gain


def _write(audio: Audio[Tensor], path: Path, *, file_format: str, subtype: str, bits: int | None, gain: float) -> None:
    """Write one file in blocks, and look whether all of it is there."""
    num_channels, num_samples = audio.data.shape
    container = file_format.upper()
    bytes_per_sample = 8 if subtype == "DOUBLE" else (bits or 32) // 8
    if file_format == "wav" and num_samples * num_channels * bytes_per_sample > MAX_WAV_BYTES:
        container = "RF64"
    with soundfile.SoundFile(
        path, "w", samplerate=audio.sample_rate, channels=num_channels, format=container, subtype=subtype
    ) as file:
        for _, block in _iterate_blocks(audio.data):
            frames = np.ascontiguousarray(block.T)  # (time, channel)
            if bits is not None:
                frames = _quantize(frames.astype(np.float64) * gain, bits=bits)
            elif gain != 1.0:
                frames = frames * frames.dtype.type(gain)
            file.write(frames)
    # libsndfile's flac encoder reports no error when its last block finds no room.
    if soundfile.info(path).frames != num_samples:
        raise OSError("not everything was written, is the disk full?")


def _quantize(frames: np.ndarray, *, bits: int) -> np.ndarray:
    """Round to integers of `bits`, left-aligned in int32 as libsndfile takes them.

    Not left to libsndfile, which multiplies by 2^(bits-1) - 1 when it writes and divides by
    2^(bits-1) when it reads: a 16-bit file read and saved again would come out other than it was.
    """
    full_scale = 2 ** (bits - 1)
    steps = np.clip(np.rint(frames * full_scale), -full_scale, full_scale - 1)
    aligned: np.ndarray = np.left_shift(steps.astype(np.int32), 32 - bits, dtype=np.int32)
    return aligned


def _iterate_blocks(data: Tensor) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first sample, block (channel, time)) on the CPU, as float32, or float64 if it is that."""
    dtype = torch.float64 if data.dtype == torch.float64 else torch.float32
    for start in range(0, data.shape[-1], BLOCK_SAMPLES):
        yield start, data[:, start : start + BLOCK_SAMPLES].detach().to("cpu", dtype).numpy()
