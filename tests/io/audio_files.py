"""Real files of every kind, made as a test needs them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

RATE = 44100
LENGTH = 70_001  # more than a block of the reader, and no multiple of any codec's frame
WRITE_BLOCK = 4096


def make_noise(*, num_samples: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Noise (channel, time), float32, smoothed so that lossy codecs keep it; a lag shows at once."""
    noise = np.random.default_rng(seed).standard_normal((channels, num_samples))
    kernel = np.hanning(11)[1:-1] / np.hanning(11).sum()
    return np.stack([0.3 * np.convolve(row, kernel, "same") for row in noise]).astype(np.float32)


def find_lag(reference: np.ndarray, estimate: np.ndarray) -> int:
    """By how many samples `estimate` comes later than `reference` (channel, time)."""
    size = reference.shape[1] + estimate.shape[1]
    spectra = np.fft.rfft(estimate[0], size) * np.conj(np.fft.rfft(reference[0], size))
    lag = int(np.argmax(np.fft.irfft(spectra, size)))
    return lag if lag < size // 2 else lag - size


def write_soundfile(path: Path, samples: np.ndarray, *, sample_rate: int, subtype: str | None = None) -> None:
    """Write (channel, time) in blocks: libsndfile's Vorbis encoder overflows its stack on a long one."""
    file_format = "OGG" if path.suffix == ".opus" else None
    with soundfile.SoundFile(path, "w", sample_rate, samples.shape[0], subtype=subtype, format=file_format) as file:
        for start in range(0, samples.shape[1], WRITE_BLOCK):
            file.write(np.ascontiguousarray(samples[:, start : start + WRITE_BLOCK].T))


def write_av(
    path: Path,
    streams: list[np.ndarray],
    *,
    sample_rate: int,
    codec: str,
    layout: str = "stereo",
    container_format: str | None = None,
    options: dict[str, str] | None = None,
) -> None:
    """Encode one stream for each array (channel, time) with FFmpeg."""
    with av.open(str(path), "w", format=container_format, options=options or {}) as container:
        outputs = [container.add_stream(codec, rate=sample_rate, layout=layout) for _ in streams]
        for output in outputs:
            output.bit_rate = 256_000
            output.codec_context.open()
        for output, samples in zip(outputs, streams, strict=True):
            size = output.codec_context.frame_size or WRITE_BLOCK
            for start in range(0, samples.shape[1], size):
                block = np.ascontiguousarray(samples[:, start : start + size])
                if not output.codec_context.format.is_planar:
                    block = np.ascontiguousarray(block.T).reshape(1, -1)  # (1, time·channel)
                if output.codec_context.format.name.startswith("s16"):
                    block = np.rint(block * 32768).astype(np.int16)
                elif output.codec_context.format.name.startswith("s32"):
                    block = np.rint(block * 2.0**31).astype(np.int32)
                frame = av.AudioFrame.from_ndarray(block, format=output.codec_context.format.name, layout=layout)
                frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
                container.mux(output.encode(frame))
            container.mux(output.encode(None))


def write_any(path: Path, samples: np.ndarray, *, subtype: str | None = None) -> int:
    """Write with what encodes that ending, and give the sample rate."""
    if path.suffix in (".m4a", ".mp4"):
        write_av(path, [samples], sample_rate=RATE, codec="aac")
    elif path.suffix == ".webm":
        write_av(path, [samples], sample_rate=48000, codec="libopus")
        return 48000
    elif path.suffix == ".opus":
        write_soundfile(path, samples, sample_rate=48000, subtype="OPUS")
        return 48000
    else:
        write_soundfile(path, samples, sample_rate=RATE, subtype=subtype)
    return RATE
