"""One audio file, written in blocks and looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.io.formats import Encoding
from workbench.io.id3 import make_id3
from workbench.io.soundfile_source import WAV_ORDER_FROM_VORBIS

BLOCK_SAMPLES = 65536
_VORBIS_BLOCK_SAMPLES = 4096  # libsndfile's Vorbis encoder overflows its stack on long blocks

# A wav file counts its bytes in 32 bits; beyond that RF64 (EBU Tech 3306), the same with 64. The
# margin holds the headers.
MAX_WAV_BYTES = 2**32 - 2**16


def encode_file(audio: Audio[Tensor], path: Path, *, encoding: Encoding, gain: float, tags: Mapping[str, str]) -> None:
    """Write `audio`, data (channel, time), times `gain` to `path`, and look whether all of it is there.

    Raises:
        OSError, soundfile.SoundFileError, AssertionError: it is not.
    """
    num_channels, num_samples = audio.data.shape
    container = encoding.file_format.upper()
    bytes_per_sample = 8 if encoding.subtype == "DOUBLE" else (encoding.bits or 32) // 8
    if container == "WAV" and num_samples * num_channels * bytes_per_sample > MAX_WAV_BYTES:
        container = "RF64"
    level = encoding.find_compression_level(sample_rate=audio.sample_rate, num_channels=num_channels)
    order = WAV_ORDER_FROM_VORBIS.get(num_channels) if container == "OGG" else None
    with soundfile.SoundFile(
        path,
        "w",
        samplerate=audio.sample_rate,
        channels=num_channels,
        format=container,
        subtype=encoding.subtype,
        compression_level=level,
        bitrate_mode="CONSTANT" if container == "MP3" else None,
    ) as file:
        if container != "MP3":
            for name, text in tags.items():  # before the first sample, or libsndfile leaves them out
                setattr(file, name, text)
        block_samples = _VORBIS_BLOCK_SAMPLES if container == "OGG" else BLOCK_SAMPLES
        for _, block in iterate_blocks(audio.data, block_samples=block_samples):
            frames = np.ascontiguousarray(block.T)  # (time, channel)
            if order is not None:
                frames = np.ascontiguousarray(frames[:, np.argsort(order)])
            if encoding.bits is not None:
                frames = quantize(frames.astype(np.float64) * gain, bits=encoding.bits)
            elif gain != 1.0:
                frames = frames * frames.dtype.type(gain)
            file.write(frames)
    if container == "MP3" and tags:
        path.write_bytes(make_id3(tags) + path.read_bytes())
    # libsndfile's flac encoder reports no error when its last block finds no room.
    if soundfile.info(path).frames != num_samples:
        raise OSError("not everything was written, is the disk full?")


def quantize(frames: np.ndarray, *, bits: int) -> np.ndarray:
    """Round to integers of `bits`, left-aligned in int32 as libsndfile takes them.

    Not left to libsndfile, which multiplies by 2^(bits-1) - 1 when it writes and divides by
    2^(bits-1) when it reads: a 16-bit file read and saved again would come out other than it was.
    """
    full_scale = 2 ** (bits - 1)
    steps = np.clip(np.rint(frames * full_scale), -full_scale, full_scale - 1)
    aligned: np.ndarray = np.left_shift(steps.astype(np.int32), 32 - bits, dtype=np.int32)
    return aligned


def iterate_blocks(data: Tensor, *, block_samples: int = BLOCK_SAMPLES) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first sample, block (channel, time)) on the CPU, as float32, or float64 if it is that."""
    dtype = torch.float64 if data.dtype == torch.float64 else torch.float32
    for start in range(0, data.shape[-1], block_samples):
        yield start, data[:, start : start + block_samples].detach().to("cpu", dtype).numpy()
