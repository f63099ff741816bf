"""Each codec in each container: as many samples as were encoded, in place, where the container tells how many.

Where it does not, what comes back beyond them is held here too: up to a frame, and the codec's delay at the beginning.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from audio_files import find_lag, make_noise

from workbench.errors import WorkbenchNotice
from workbench.io.read import load

LENGTH = 70_001  # no multiple of any codec's frame
RATES = {"libopus": 48000}
MUXERS = {"m4a": "ipod", "mka": "matroska", "aac": "adts", "ts": "mpegts"}

EXACT = {
    "aac": "mp4 mov m4a 3gp",
    "alac": "caf mp4 mov m4a mka",
    "flac": "wav w64 caf mp4 mka ogg oga flac asf",
    "libmp3lame": "caf mp4 mov mka mp3",
    "libopus": "mp4 mka webm ogg oga opus",
    "tta": "tta",
    "wavpack": "mka wv",
    "pcm_s16le": "wav aiff caf mp4 mov mka asf avi flv",
    "pcm_s16be": "aiff caf au mp4 mov mka",
    "pcm_s24le": "wav w64 caf mp4 mov mka asf avi",
    "pcm_f32le": "wav w64 caf mp4 mov mka asf avi",
    "pcm_u8": "wav aiff mov mka asf avi flv",
    "pcm_mulaw": "wav aiff caf au mov asf avi flv",
    "pcm_alaw": "wav aiff caf au mov asf avi flv",
}
# codec, container -> samples more than were encoded, and by how many the sound comes later
UNTOLD = {
    ("aac", "mka"): (655, 0),
    ("aac", "aac"): (1679, 1024),
    ("aac", "ts"): (1679, 1024),
    ("aac", "flv"): (1679, 1024),
    ("ac3", "ac3"): (655, 256),
    ("ac3", "mp4"): (399, 0),
    ("adpcm_ima_wav", "wav"): (172, 0),
    ("adpcm_ms", "wav"): (839, 0),
    ("libmp3lame", "avi"): (1423, 1105),
    ("libmp3lame", "wav"): (1105, 1105),
    ("pcm_s16le", "w64"): (1, 0),
}


def encode(path: Path, samples: np.ndarray, *, codec: str, sample_rate: int) -> None:
    """Encode (channel, time) with FFmpeg."""
    suffix = path.suffix[1:]
    with av.open(str(path), "w", format=MUXERS.get(suffix, suffix)) as container:
        stream = container.add_stream(codec, rate=sample_rate, layout="stereo")
        if codec not in ("flac", "alac"):
            stream.bit_rate = 256_000
        context = stream.codec_context
        context.open()
        resampler = av.AudioResampler(
            format=context.format, layout="stereo", rate=sample_rate, frame_size=context.frame_size or 1024
        )
        whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
        whole.sample_rate, whole.pts = sample_rate, 0
        for frame in [*resampler.resample(whole), *resampler.resample(None)]:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def measure(folder: Path, codec: str, suffix: str) -> tuple[int, int]:
    """How many samples more than were encoded come back, and how much later the sound is."""
    try:
        av.Codec(codec, "w")
    except ValueError:  # av.codec.codec.UnknownCodecError
        pytest.skip(f"this FFmpeg has no encoder {codec}")
    path, samples = folder / f"a.{suffix}", make_noise(num_samples=LENGTH)
    encode(path, samples, codec=codec, sample_rate=RATES.get(codec, 44100))
    with warnings.catch_warnings():
        warnings.simplefilter("error", WorkbenchNotice)
        read = load(path).data.numpy()
    return read.shape[1] - LENGTH, find_lag(samples, read)


@pytest.mark.parametrize(
    ("codec", "suffix"), [(codec, suffix) for codec, suffixes in EXACT.items() for suffix in suffixes.split()]
)
def test_the_length_is_exact_where_the_container_tells_it(tmp_path, codec, suffix):
    assert measure(tmp_path, codec, suffix) == (0, 0)


@pytest.mark.parametrize(("codec", "suffix"), UNTOLD)
def test_what_more_comes_back_where_the_container_does_not_tell(tmp_path, codec, suffix):
    assert measure(tmp_path, codec, suffix) == UNTOLD[codec, suffix]


@pytest.mark.parametrize("subtype", ["MS_ADPCM"])
def test_the_chunk_fact_tells_the_length_of_frames_in_a_wav(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", make_noise(num_samples=LENGTH, channels=1)[0], 8000, subtype=subtype)
    assert load(tmp_path / "a.wav").data.shape[1] == LENGTH


@pytest.mark.parametrize("num_samples", [1, 4095, 4096, 4097, 12_388])
def test_alac_in_caf_ends_where_its_packet_table_says(tmp_path, num_samples):
    samples = make_noise(num_samples=num_samples)
    encode(tmp_path / "a.caf", samples, codec="alac", sample_rate=44100)
    np.testing.assert_allclose(load(tmp_path / "a.caf").data.numpy(), samples, rtol=0, atol=2**-15)


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "pcm_s16le"), ("mov", "pcm_s16le"), ("mp4", "aac")])
def test_sound_that_starts_late_in_a_film_is_told_of_and_has_no_priming(tmp_path, suffix, codec):
    samples, rate, late = make_noise(num_samples=48_000), 48_000, 24_000
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w", format={"mkv": "matroska"}.get(suffix, suffix)) as container:
        pictures = container.add_stream("mpeg4", rate=25)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        sound = container.add_stream(codec, rate=rate, layout="stereo")
        sound.bit_rate = 256_000
        sound.codec_context.open()
        for index in range(50):
            picture = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), format="yuv420p")
            picture.pts = index
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
        resampler = av.AudioResampler(
            format=sound.codec_context.format, layout="stereo", rate=rate, frame_size=sound.frame_size or 1024
        )
        whole = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        whole.sample_rate, whole.pts = rate, late
        for frame in [*resampler.resample(whole), *resampler.resample(None)]:
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    with pytest.warns(WorkbenchNotice, match=r"its sound begins 0\.(499|500) s after its pictures"):
        read = load(path).data.numpy()
    assert read.shape == samples.shape
    assert find_lag(samples, read) == 0
