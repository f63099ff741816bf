"""What every instrument of the demo song is made of: harmonics, coloured noise, envelopes, places in stereo.

Controls (pitch, loudness, formants) move slowly, so they are computed once per control frame, every
``FRAME_SAMPLES`` samples, and drawn as straight lines in between; only the waveforms run at audio rate.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

SAMPLE_RATE = 44_100
SONG_SAMPLES = 12 * SAMPLE_RATE
FRAME_SAMPLES = 100
NUM_FRAMES = SONG_SAMPLES // FRAME_SAMPLES
# How much a frame's two ends weigh at each of its samples: (end, sample).
END_WEIGHTS = np.stack([np.arange(FRAME_SAMPLES, 0, -1), np.arange(FRAME_SAMPLES)]) / FRAME_SAMPLES
BLOCK_FRAMES = 108  # frames rendered at once: 86 kB an array, so the processor's cache holds them all
FRAME_SECONDS = np.arange(NUM_FRAMES + 1) * FRAME_SAMPLES / SAMPLE_RATE  # (frame + 1,): both ends


def midi_to_hz(midi: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Pitch in semitones to frequency in hertz, equal temperament with A4 = note 69 = 440 Hz."""
    return 440.0 * 2.0 ** ((midi - 69.0) / 12.0)


def upsample(control: Float[np.ndarray, " points"]) -> Float[np.ndarray, " time"]:
    """Draw straight lines between control points.

    Shapes:
        control: (frames + 1,), the value at each end of each frame.
        returns: (frames * FRAME_SAMPLES,)
    """
    ends = np.empty((control.size - 1, 2))  # (frame, end)
    ends[:, 0], ends[:, 1] = control[:-1], control[1:]
    return (ends @ END_WEIGHTS).reshape(-1)  # (frame, sample within it) -> (time,)


def smooth(control: Float[np.ndarray, " points"], *, seconds: float) -> Float[np.ndarray, " points"]:
    """Average a control over a Hann-shaped span of ``seconds``; the ends are held."""
    reach = max(1, round(seconds * SAMPLE_RATE / FRAME_SAMPLES / 2))
    weights = np.hanning(2 * reach + 3)[1:-1]
    held = np.pad(control, reach, mode="edge")
    return np.convolve(held, weights / weights.sum(), mode="valid")


def render_harmonics(
    frequency_hz: Float[np.ndarray, " points"], *, gains: Float[np.ndarray, "harmonic points"]
) -> Float[np.ndarray, " time"]:
    """Sum the sine partials of one gliding tone; harmonic k has k times its phase, gain ``gains[k - 1]``.

    A partial costs one multiplication and one subtraction a sample instead of a sine, by
    sin((k + 1) x) = 2 cos(x) sin(k x) - sin((k - 1) x). The phase is never reset, so a line of notes
    has no clicks where one ends and the next begins.

    Shapes:
        frequency_hz: (NUM_FRAMES + 1,), the fundamental.
        gains: (harmonic, NUM_FRAMES + 1), linear.
        returns: (SONG_SAMPLES,)
    """
    tone = np.zeros(SONG_SAMPLES)
    last_phase = 0.0
    for first in range(0, NUM_FRAMES, BLOCK_FRAMES):
        points = slice(first, first + BLOCK_FRAMES + 1)
        block = tone[first * FRAME_SAMPLES : (first + BLOCK_FRAMES) * FRAME_SAMPLES]  # a view of the tone
        phase = last_phase + np.cumsum(upsample(frequency_hz[points])) * (2.0 * np.pi / SAMPLE_RATE)
        last_phase = phase[-1]
        twice_cosine = 2.0 * np.cos(phase)
        lower, current = np.zeros_like(phase), np.sin(phase)
        for gain in gains[:, points]:
            block += upsample(gain) * current
            lower, current = current, twice_cosine * current - lower
    return tone


def render_noise(
    rng: np.random.Generator, *, num_samples: int, low_hz: float, high_hz: float
) -> Float[np.ndarray, " time"]:
    """Noise of one band with random phases and an RMS of 1.

    Its amplitude falls by 12 dB an octave below ``low_hz`` and above ``high_hz``; there is no DC.
    """
    frequency_hz = np.fft.rfftfreq(num_samples, 1.0 / SAMPLE_RATE)
    rising, falling = (frequency_hz / low_hz) ** 2, (frequency_hz / high_hz) ** 2
    amplitude = rising / (1.0 + rising) / (1.0 + falling)
    angle = rng.uniform(0.0, 2.0 * np.pi, frequency_hz.size)
    noise = np.fft.irfft(amplitude * np.exp(1j * angle), num_samples)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def pan(mono: Float[np.ndarray, " time"], *, position: float) -> Float[np.ndarray, "channel=2 time"]:
    """Place a sound in stereo at equal power: -1 is left, 0 the centre, 1 right."""
    angle = (position + 1.0) * np.pi / 4.0
    return np.stack([np.cos(angle) * mono, np.sin(angle) * mono])  # (time) -> (channel, time)
