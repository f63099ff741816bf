"""The drum kit of the demo song: heads that sound as falling sines, and bursts of noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from workbench.demo.synthesis import SAMPLE_RATE, SONG_SAMPLES, pan, render_noise


class Hit(NamedTuple):
    """One stroke: when, on which drum (a key of `KIT`), how hard (1 is full)."""

    start_seconds: float
    drum: str
    velocity: float


class Shell(NamedTuple):
    """A drum head: a sine that falls from ``start_hz`` to ``end_hz`` as the head relaxes."""

    start_hz: float
    end_hz: float
    sweep_seconds: float
    decay_seconds: float


class Rattle(NamedTuple):
    """Noise of a band, with its own decay: snare wires, hats, the beater's click."""

    low_hz: float
    high_hz: float
    decay_seconds: float


class Drum(NamedTuple):
    """Shells and rattles with their gains, and a place in stereo."""

    shells: tuple[tuple[float, Shell], ...]
    rattles: tuple[tuple[float, Rattle], ...]
    position: float = 0.0


KIT = {
    "kick": Drum(
        shells=((1.0, Shell(190.0, 48.0, 0.030, 0.11)),),
        rattles=((0.10, Rattle(2500.0, 6000.0, 0.004)),),
    ),
    "snare": Drum(
        shells=((0.35, Shell(230.0, 185.0, 0.02, 0.07)), (0.20, Shell(360.0, 330.0, 0.02, 0.05))),
        rattles=((0.22, Rattle(1500.0, 9000.0, 0.075)),),
    ),
    "high tom": Drum(((0.7, Shell(260.0, 175.0, 0.05, 0.13)),), ((0.04, Rattle(2000.0, 6000.0, 0.01)),), -0.3),
    "low tom": Drum(((0.8, Shell(180.0, 110.0, 0.05, 0.17)),), ((0.04, Rattle(2000.0, 6000.0, 0.01)),), 0.3),
    "closed hat": Drum((), ((0.10, Rattle(9000.0, 16000.0, 0.025)),), 0.4),
    "open hat": Drum((), ((0.09, Rattle(8000.0, 16000.0, 0.14)),), 0.4),
    "crash": Drum((), ((0.14, Rattle(4500.0, 15000.0, 0.35)),), -0.4),
}
ATTACK_SECONDS = 0.0008  # long enough not to begin with a step, short enough to sound struck
TAIL_DECAYS = 9.0  # a hit is cut where it has fallen to exp(-9), 78 dB below its start


def play_drums(rng: np.random.Generator, *, hits: tuple[Hit, ...]) -> Float[np.ndarray, "channel=2 time"]:
    """Render the strokes; each has noise of its own, as no two strokes are alike."""
    stem = np.zeros((2, SONG_SAMPLES))
    for hit in hits:
        start = round(hit.start_seconds * SAMPLE_RATE)
        stroke = hit.velocity * strike(rng, drum=KIT[hit.drum])[:, : SONG_SAMPLES - start]
        stem[:, start : start + stroke.shape[1]] += stroke
    return stem


def strike(rng: np.random.Generator, *, drum: Drum) -> Float[np.ndarray, "channel=2 time"]:
    """One stroke on one drum, from its attack until it has died away."""
    decays = [shell.decay_seconds for _, shell in drum.shells] + [rattle.decay_seconds for _, rattle in drum.rattles]
    slowest_seconds = max(decays)
    seconds = decay_time(slowest_seconds)
    sound = np.zeros_like(seconds)
    for gain, shell in drum.shells:
        sound += gain * np.sin(shell_phase(seconds, shell=shell)) * np.exp(-seconds / shell.decay_seconds)
    for gain, rattle in drum.rattles:
        dying = np.exp(-decay_time(rattle.decay_seconds) / rattle.decay_seconds)
        noise = render_noise(rng, num_samples=dying.size, low_hz=rattle.low_hz, high_hz=rattle.high_hz)
        sound[: dying.size] += gain * noise * dying
    envelope = np.minimum(1.0, seconds / ATTACK_SECONDS) * np.exp(-seconds / slowest_seconds)
    sound *= np.minimum(1.0, seconds / ATTACK_SECONDS)
    # A falling sine has a small mean; a slow counter-movement under it leaves the stem without DC.
    sound -= envelope * (sound.sum() / envelope.sum())
    return pan(sound, position=drum.position)


def decay_time(decay_seconds: float) -> Float[np.ndarray, " time"]:
    """The seconds of a sound's samples, from 0 until the sound has died away."""
    return np.arange(round(TAIL_DECAYS * decay_seconds * SAMPLE_RATE)) / SAMPLE_RATE


def shell_phase(seconds: Float[np.ndarray, " time"], *, shell: Shell) -> Float[np.ndarray, " time"]:
    """Phase in radians of a frequency that falls as end + (start - end) exp(-t / sweep)."""
    fallen = shell.sweep_seconds * (1.0 - np.exp(-seconds / shell.sweep_seconds))
    return 2.0 * np.pi * (shell.end_hz * seconds + (shell.start_hz - shell.end_hz) * fallen)
