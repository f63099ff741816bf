"""The formats that audio can be written in, and what each can hold.

A bit rate is in bits per second, of all channels together, everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from workbench.errors import InvalidType, InvalidValue

# Subtype -> bits of an integer sample, None for floating point. The first is the default.
_SUBTYPES: dict[str, dict[str, int | None]] = {
    "wav": {"FLOAT": None, "DOUBLE": None, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32},
    "flac": {"PCM_24": 24, "PCM_16": 16},
    "ogg": {"VORBIS": None},
    "mp3": {"MPEG_LAYER_III": None},
}
FILE_FORMATS = tuple(_SUBTYPES)
LOSSY_FORMATS = ("ogg", "mp3")
_MAX_CHANNELS = {"wav": 1024, "flac": 8, "ogg": 8, "mp3": 2}

# Players decode lossy files to integers of so many bits as a rule.
_BITS_OF_PLAYERS = 16

# libvorbis crashes the process above this rate.
_MAX_VORBIS_RATE = 200_000

# Nominal bits per second and channel at 44.1 kHz of Vorbis' qualities 0, 0.1 ... 1 (libvorbis, coupled stereo).
_VORBIS_BIT_RATES = (32_000, 40_000, 48_000, 56_000, 64_000, 80_000, 96_000, 112_000, 128_000, 160_000, 250_000)
_DEFAULT_VORBIS_BIT_RATE = 128_000  # of one channel; quality 0.8

# ISO 11172-3 and 13818-3, and LAME's for the unofficial MPEG 2.5, in kilobits per second.
_MPEG_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG_2_5 = (8, 16, 24, 32, 40, 48, 56, 64)
_MP3_KILOBITS = (
    dict.fromkeys((32000, 44100, 48000), _MPEG_1)
    | dict.fromkeys((16000, 22050, 24000), _MPEG_2)
    | dict.fromkeys((8000, 11025, 12000), _MPEG_2_5)
)


@dataclass(frozen=True)
class Encoding:
    """How samples are written.

    Attributes:
        file_format: one of `FILE_FORMATS`.
        subtype: as soundfile names them.
        bits: of an integer sample, None for floating point and for lossy formats.
        bit_rate: in bits per second; None for the default, and for what is not lossy.
    """

    file_format: str
    subtype: str
    bits: int | None
    bit_rate: int | None = None

    @property
    def is_lossy(self) -> bool:
        """Whether what is read back differs from what was written."""
        return self.file_format in LOSSY_FORMATS

    @property
    def clipping_bits(self) -> int | None:
        """Bits of the integers beyond which samples would clip; None where nothing does."""
        return _BITS_OF_PLAYERS if self.is_lossy else self.bits

    def check_audio(self, *, sample_rate: int, num_channels: int) -> None:
        """Raise `InvalidValue` where the format does not have so many channels, this rate, or its bit rate at it.

        Raises:
            InvalidType: a rate that is no whole number.
        """
        if isinstance(sample_rate, bool) or not isinstance(sample_rate, Integral):
            raise InvalidType(f"the sample rate must be a whole number of hertz, got {sample_rate!r}")
        if sample_rate < 1:
            raise InvalidValue(f"the sample rate must be at least 1 Hz, got {sample_rate}")
        most = _MAX_CHANNELS[self.file_format]
        if not 1 <= num_channels <= most:
            advice = "" if self.file_format == "wav" else "; choose wav"
            raise InvalidValue(f"{self.file_format} holds 1 to {most} channels, got {num_channels}{advice}")
        if self.file_format == "ogg" and sample_rate > _MAX_VORBIS_RATE:
            raise InvalidValue(f"ogg holds sample rates up to {_MAX_VORBIS_RATE} Hz, got {sample_rate}; choose wav")
        if self.file_format == "mp3" and sample_rate not in _MP3_KILOBITS:
            known = ", ".join(map(str, sorted(_MP3_KILOBITS)))
            raise InvalidValue(
                f"mp3 holds only the sample rates {known} Hz, got {sample_rate}; choose flac, wav or ogg"
            )
        self.find_compression_level(sample_rate=sample_rate, num_channels=num_channels)

    def find_compression_level(self, *, sample_rate: int, num_channels: int) -> float | None:
        """What libsndfile takes for the bit rate, from 0 (largest file) to 1; None for what is not lossy.

        Raises:
            InvalidValue: a bit rate that there is not at this rate and with so many channels.
        """
        if self.file_format == "ogg":
            return _find_vorbis_level(self.bit_rate, num_channels=num_channels)
        if self.file_format == "mp3":
            return _find_mp3_level(self.bit_rate, sample_rate=sample_rate)
        return None


def choose_encoding(file_format: str, *, subtype: str | None = None, bit_rate: int | None = None) -> Encoding:
    """Check a choice of format.

    Args:
        file_format: one of `FILE_FORMATS`.
        subtype: as soundfile names them; the format's first if left out.
        bit_rate: in bits per second, of lossy formats only.

    Raises:
        InvalidValue: an unknown format or subtype, a bit rate for a format that has none to choose.
    """
    if file_format not in _SUBTYPES:
        raise InvalidValue(f"unknown file format {file_format!r}; known: {', '.join(FILE_FORMATS)}")
    bits_by_subtype = _SUBTYPES[file_format]
    if subtype is None:
        subtype = next(iter(bits_by_subtype))
    if subtype not in bits_by_subtype:
        known = ", ".join(bits_by_subtype)
        raise InvalidValue(f"unknown subtype {subtype!r} for {file_format}; known: {known}")
    if bit_rate is not None and file_format not in LOSSY_FORMATS:
        raise InvalidValue(
            f"output.bit_rate is for lossy formats ({', '.join(LOSSY_FORMATS)}); {file_format} keeps every sample"
        )
    return Encoding(file_format, subtype, bits_by_subtype[subtype], bit_rate)


def _find_vorbis_level(bit_rate: int | None, *, num_channels: int) -> float:
    """Vorbis has a variable bit rate: the quality with this nominal rate at 44.1 kHz, as 1 - quality."""
    rate = _DEFAULT_VORBIS_BIT_RATE if bit_rate is None else bit_rate / num_channels
    lowest, highest = _VORBIS_BIT_RATES[0], _VORBIS_BIT_RATES[-1]
    if not lowest <= rate <= highest:
        raise InvalidValue(
            f"ogg with {num_channels} channel(s) takes {lowest * num_channels} to {highest * num_channels} "
            f"bits per second, got a bit rate of {bit_rate}"
        )
    return 1.0 - float(np.interp(rate, _VORBIS_BIT_RATES, np.linspace(0, 1, len(_VORBIS_BIT_RATES))))


def _find_mp3_level(bit_rate: int | None, *, sample_rate: int) -> float:
    """libsndfile (mpeg_l3_encode.c) spreads 0 to 1 evenly over the rates there are, and LAME takes the nearest."""
    kilobits = _MP3_KILOBITS[sample_rate]
    lowest, highest = 1000 * kilobits[0], 1000 * kilobits[-1]
    usable = [1000 * rate for rate in kilobits if _has_room_for_length(1000 * rate, sample_rate=sample_rate)]
    if bit_rate is None:
        bit_rate = highest
    if bit_rate not in usable:
        known = ", ".join(map(str, usable))
        raise InvalidValue(f"mp3 at {sample_rate} Hz takes {known} bits per second, got a bit rate of {bit_rate}")
    return (highest - bit_rate) / (highest - lowest)


def _has_room_for_length(bit_rate: int, *, sample_rate: int) -> bool:
    """Whether LAME's header, which tells the exact length, fits into one frame; else LAME leaves it out.

    It takes 156 bytes behind the frame's own 4 and the side information of stereo.
    """
    is_mpeg_1 = sample_rate >= 32000
    frame_samples, side_info_bytes = (1152, 32) if is_mpeg_1 else (576, 17)
    return frame_samples // 8 * bit_rate // sample_rate >= 156 + 4 + side_info_bytes
