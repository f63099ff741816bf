"""Songs and stem files into memory, to the exact sample, or an error that says why not."""

from __future__ import annotations

import math
import os
import warnings
from numbers import Real
from pathlib import Path

from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import AudioFileError, InvalidType, InvalidValue, WorkbenchNotice
from workbench.io.av_source import AvSource
from workbench.io.channels import check_conversion, check_num_channels
from workbench.io.collector import SampleCollector
from workbench.io.mp4_boxes import read_stem_names
from workbench.io.names import expand_home
from workbench.io.opening import make_cut_error, open_source, open_with_ffmpeg
from workbench.io.resample import resample
from workbench.io.source import AudioSource, RefusedFileError
from workbench.io.stem_names import MIXTURE, choose_stem_names
from workbench.io.truncation import find_cut

# Streams of one file may differ by what a codec's last frame holds; HE-AAC has the longest, 2048.
MAX_STREAM_DIFFERENCE_SAMPLES = 2048


def load(
    path: str | os.PathLike[str],
    *,
    sample_rate: int | None = None,
    channels: int | None = None,
    start_seconds: float = 0.0,
    duration_seconds: float | None = None,
    allow_truncated: bool = False,
) -> Audio[Tensor]:
    """Read a song, or a part of it.

    wav, flac, ogg, opus, aiff and the like go through libsndfile; mp3, m4a, mp4, webm, mkv and what
    libsndfile does not know through FFmpeg (the first audio stream: of a stem file, the mixture).
    Songs that were joined end to end in one file (ogg, opus, mp3, flac) are read one after the other.
    Where a file holds more than its header tells of, all of it is read, with a notice.
    Samples that a codec adds at either end are left out wherever the file tells how many they are. No file tells it
    of raw streams (ADTS, AC-3, AMR), nor do FLV, AVI, ASF and MPEG-TS; Matroska tells only of the beginning, and
    ADPCM, AC-3 and MP2 as FFmpeg writes them count whole frames: there up to a frame more comes back.
    Of a film whose sound starts late, time counts from the sound, and a notice tells the offset.

    Args:
        path: the file.
        sample_rate: resample to this, in hertz; None keeps the file's.
        channels: None keeps the file's; see `convert_channels` for what is possible.
        start_seconds: where to begin; rounded to a sample of the file.
        duration_seconds: how much to read; None, or more than there is: up to the end. libsndfile goes
            straight to the place, FFmpeg decodes from the beginning.
        allow_truncated: whether a file that is cut off may be read up to the cut, with a notice.

    Returns:
        Audio with data (channel, time), float32, contiguous.

    Raises:
        AudioFileError: missing, a folder, empty, not audio, cut off, damaged, without an audio stream,
            0 samples, NaN or infinity in the samples.
        InvalidValue: a rate, number of channels, start or duration that cannot be.
        InvalidType: one of these that is not a number, or no path.
    """
    _check_rate_and_channels(sample_rate, channels)
    _check_range(start_seconds, duration_seconds)
    file = _check_file(path)
    source = open_source(file, allow_truncated=allow_truncated)
    try:
        audio = _collect(
            source,
            file,
            channels=channels,
            start_seconds=start_seconds,
            duration_seconds=duration_seconds,
        )
    finally:
        source.close()
    if sample_rate is not None and sample_rate != audio.sample_rate:
        data = resample(audio.data, from_rate=audio.sample_rate, to_rate=sample_rate)
        audio = Audio(data=data, sample_rate=sample_rate)
    return audio


def load_stems(path: str | os.PathLike[str]) -> dict[str, Audio[Tensor]]:
    """Read a Native Instruments stem file (``.stem.mp4``): the mixture and its stems.

    The first audio stream is ``"mixture"``; the others are named as the file's metadata says (lower
    case, ``vox`` as ``vocals``), or drums, bass, other, vocals (the order of MUSDB18) when there are
    four and no metadata, else ``stem_1`` and so on. All have the length of the shortest: they may differ
    by the padding of a codec's last frame, no more.

    Returns:
        name -> Audio with data (channel, time), float32; the mixture first.

    Raises:
        AudioFileError: as for `load`; or fewer than two audio streams, or streams that differ in sample rate,
            channels or length.
    """
    file = _check_file(path)
    cut = find_cut(file)
    if cut is not None:
        raise make_cut_error(file, cut, hint="get a whole copy")
    try:
        source = open_with_ffmpeg(file, cut=None, allow_truncated=False)
    except RefusedFileError as error:
        raise AudioFileError(f"{file}: not a stem file ({error}); expected a .stem.mp4") from error
    try:
        streams = _collect_streams(source, file)
    finally:
        source.close()
    lengths = [stream.num_samples for stream in streams]
    shortest = min(lengths)
    if shortest == 0 or max(lengths) - shortest > MAX_STREAM_DIFFERENCE_SAMPLES:
        raise AudioFileError(f"{file}: its streams have {lengths} samples; expected one length for all")
    names = [MIXTURE, *choose_stem_names(read_stem_names(file), count=len(streams) - 1)]
    stems = {}
    for name in names:
        # One at a time, so that only one stem is held twice where a length has to be cut.
        data = streams.pop(0).finish(num_samples=shortest)
        stems[name] = Audio(data=data, sample_rate=source.sample_rate)
    return stems


def _check_file(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise InvalidType(f"expected the path of an audio file, got {type(path).__name__}")
    file = Path(expand_home(path))
    try:
        if file.is_dir():
            raise AudioFileError(f"{file}: is a folder; expected an audio file")
        if not file.exists():
            raise AudioFileError(f"{file}: no such file; check the path")
        if not file.is_file():
            raise AudioFileError(f"{file}: is no regular file; expected an audio file")
        if file.stat().st_size == 0:
            raise AudioFileError(f"{file}: is empty (0 bytes); expected an audio file")
        with open(file, "rb"):
            return file
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise AudioFileError(f"{file}: cannot be read: {getattr(error, 'strerror', error)}") from error


def _check_rate_and_channels(sample_rate: int | None, channels: int | None) -> None:
    for name, value in (("sample_rate", sample_rate), ("channels", channels)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidType(f"{name} must be a whole number, got {type(value).__name__}")
        if value < 1:
            raise InvalidValue(f"{name} must be at least 1, got {value}")


def _check_range(start_seconds: float, duration_seconds: float | None) -> None:
    for name, value in (("start_seconds", start_seconds), ("duration_seconds", duration_seconds)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, Real)):
            raise InvalidType(f"{name} must be a number, got {type(value).__name__} {value!r}")
    if not (math.isfinite(start_seconds) and start_seconds >= 0):
        raise InvalidValue(f"start_seconds must be 0 or more, got {start_seconds}")
    if duration_seconds is not None and not (math.isfinite(duration_seconds) and duration_seconds > 0):
        raise InvalidValue(f"duration_seconds must be more than 0, got {duration_seconds}")


def _collect(
    source: AudioSource,
    file: Path,
    *,
    channels: int | None,
    start_seconds: float,
    duration_seconds: float | None,
) -> Audio[Tensor]:
    """Read the wanted range out of an open file into one tensor."""
    rate = source.sample_rate
    num_channels = source.num_channels if channels is None else channels
    check_num_channels(file, source.num_channels)
    check_conversion(source.num_channels, channels=num_channels)
    start = round(start_seconds * rate)
    stop = None if duration_seconds is None else start + round(duration_seconds * rate)
    if stop == start:
        raise InvalidValue(f"duration_seconds={duration_seconds} is less than one sample at {rate} Hz")
    ends = [end for end in (stop, source.num_samples) if end is not None]
    collector = SampleCollector(
        file,
        sample_rate=rate,
        num_channels=num_channels,
        expected_samples=min(ends) - start if ends else None,
        first_sample=start,
    )
    for block in source.iterate_blocks(start=start, stop=stop):
        collector.add(block)
    if collector.num_samples == 0 and source.position == 0:
        raise AudioFileError(f"{file}: holds 0 samples; expected at least 1")
    seconds = source.position / rate
    if collector.num_samples == 0:
        raise InvalidValue(f"start_seconds={start_seconds} lies beyond the end: {file} lasts {seconds:.3f} s")
    notes = [*source.notes, *([] if source.cut is None else [f"is cut off: {source.cut}; read up to {seconds:.3f} s"])]
    for note in notes:
        warnings.warn(f"{file}: {note}", WorkbenchNotice, stacklevel=3)  # the caller of load
    return Audio(data=collector.finish(), sample_rate=rate)


def _collect_streams(source: AvSource, file: Path) -> list[SampleCollector]:
    """Decode all audio streams of an open stem file, side by side."""
    formats = [source.stream_format(index) for index in range(source.num_streams)]
    if len(formats) < 2:
        raise AudioFileError(f"{file}: holds one audio stream; expected a mixture and stems; use load")
    if len(set(formats)) > 1:
        listed = ", ".join(f"{rate} Hz with {channels} channels" for rate, channels in formats)
        raise AudioFileError(f"{file}: its streams differ ({listed}); expected one format for all")
    check_num_channels(file, formats[0][1])
    collectors = [
        SampleCollector(file, sample_rate=rate, num_channels=channels, expected_samples=source.num_samples)
        for rate, channels in formats
    ]
    for index, block in source.iterate_streams(range(len(collectors))):
        collectors[index].add(block)
    return collectors
