"""The pitched instruments of the demo song: a bass, an electric piano and a singing voice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from workbench.demo.synthesis import (
    FRAME_SECONDS,
    SONG_SAMPLES,
    midi_to_hz,
    pan,
    render_harmonics,
    render_noise,
    smooth,
    upsample,
)


class Note(NamedTuple):
    """A note of a line; ``vowel`` is a key of `VOWELS` and matters to the voice alone."""

    start_seconds: float
    length_seconds: float
    midi: int
    vowel: str = "a"


class Chord(NamedTuple):
    """Notes struck together, low to high."""

    start_seconds: float
    length_seconds: float
    midi: tuple[int, ...]


def play_bass(notes: tuple[Note, ...]) -> Float[np.ndarray, "channel=2 time"]:
    """A plucked saw whose low-pass filter closes after every pluck."""
    num_harmonics = 20
    pitch = hold_pitch(notes)
    frequency_hz = midi_to_hz(smooth(pitch, seconds=0.03))
    loudness, brightness_hz = np.zeros_like(FRAME_SECONDS), np.full_like(FRAME_SECONDS, 200.0)
    for note in notes:
        since, envelope = pluck(note, attack_seconds=0.006, decay_seconds=0.6, release_seconds=0.04)
        loudness += envelope
        started = (since >= 0) & (since < note.length_seconds)
        brightness_hz[started] = 220.0 + 1100.0 * np.exp(-since[started] / 0.09)
    harmonic = np.arange(1, num_harmonics + 1)[:, None]
    lowpass = 1.0 / (1.0 + (harmonic * frequency_hz / brightness_hz) ** 3)
    return pan(render_harmonics(frequency_hz, gains=loudness * lowpass / harmonic), position=0.0)


def play_chords(chords: tuple[Chord, ...]) -> Float[np.ndarray, "channel=2 time"]:
    """A soft electric piano: each voice twice, slightly detuned left and right, so that it sounds wide."""
    partials = np.array([1.0, 0.45, 0.25, 0.16, 0.07, 0.04])
    order = np.arange(1, partials.size + 1)
    detune_semitones = 0.05
    sides = np.zeros((2, SONG_SAMPLES))
    for voice in range(len(chords[0].midi)):
        notes = tuple(Note(chord.start_seconds, chord.length_seconds, chord.midi[voice]) for chord in chords)
        pitch = hold_pitch(notes)
        gains = np.zeros((partials.size, FRAME_SECONDS.size))
        for note in notes:
            since, envelope = pluck(note, attack_seconds=0.012, decay_seconds=1.6, release_seconds=0.09)
            # Higher partials die sooner, as on a struck bar.
            fading = np.exp(-0.9 * (order[:, None] - 1) * np.maximum(since, 0.0))
            gains += partials[:, None] * fading * envelope
        for side, sign in enumerate((-1.0, 1.0)):
            # Voices lean left and right in turn; the far side hears them softer.
            nearness = 1.0 if (voice % 2 == 0) == (side == 0) else 0.6
            frequency_hz = midi_to_hz(pitch + sign * detune_semitones / 2)
            sides[side] += nearness * render_harmonics(frequency_hz, gains=gains)
    return sides


# Formants in hertz. F1 to F3: averages of men, Peterson & Barney, "Control methods used in a study of
# the vowels", JASA 24(2), 1952, table II. F4 and F5: the fixed values of Klatt, "Software for a
# cascade/parallel formant synthesizer", JASA 67(3), 1980, drawn together a little, as singers do.
UPPER_FORMANTS_HZ = (3200.0, 3700.0)
VOWELS = {
    "a": (730.0, 1090.0, 2440.0),
    "e": (530.0, 1840.0, 2480.0),
    "i": (270.0, 2290.0, 3010.0),
    "o": (570.0, 840.0, 2410.0),
    "u": (300.0, 870.0, 2240.0),
}
FORMANT_GAINS = (1.0, 0.6, 0.4, 0.35, 0.2)
FORMANT_WIDTHS_HZ = (190.0, 220.0, 280.0, 380.0, 450.0)
VIBRATO_HZ = 5.6
VIBRATO_SEMITONES = 0.45


def play_lead(rng: np.random.Generator, *, notes: tuple[Note, ...]) -> Float[np.ndarray, "channel=2 time"]:
    """A voice that sings vowels: harmonics under moving formants, late vibrato, glides and some breath."""
    num_harmonics = 32
    pitch = smooth(hold_pitch(notes), seconds=0.11)  # portamento
    depth, loudness = np.zeros_like(FRAME_SECONDS), np.zeros_like(FRAME_SECONDS)
    for note in notes:
        since = FRAME_SECONDS - note.start_seconds
        sounding = (since >= 0) & (since < note.length_seconds)
        depth[sounding] = np.clip((since[sounding] - 0.2) / 0.3, 0.0, 1.0)
        # Every syllable opens from a softer start, where a consonant would be.
        loudness[sounding] = 1.0 - 0.6 * np.exp(-since[sounding] / 0.04)
    loudness = smooth(loudness, seconds=0.1)
    vibrato = smooth(depth, seconds=0.1) * np.sin(2.0 * np.pi * VIBRATO_HZ * FRAME_SECONDS)
    frequency_hz = midi_to_hz(pitch + VIBRATO_SEMITONES * vibrato)

    harmonic = np.arange(1, num_harmonics + 1)[:, None]
    # The glottal pulse falls by 12 dB an octave and the lips give 6 dB back.
    gains = loudness * vowel_gain(harmonic * frequency_hz, notes=notes) / harmonic
    tone = render_harmonics(frequency_hz, gains=gains)
    breath = render_noise(rng, num_samples=SONG_SAMPLES, low_hz=2500.0, high_hz=9000.0)
    return pan(tone + 0.006 * breath * upsample(loudness), position=0.0)


def vowel_gain(
    frequency_hz: Float[np.ndarray, "harmonic points"], *, notes: tuple[Note, ...]
) -> Float[np.ndarray, "harmonic points"]:
    """Gain of the mouth at each partial's frequency, its formants gliding from vowel to vowel."""
    gain = np.full_like(frequency_hz, 0.01)
    tracks = np.array([(*VOWELS[note.vowel], *UPPER_FORMANTS_HZ) for note in notes]).T  # (formant, note)
    sung = current_note(notes)
    for track, height, width_hz in zip(tracks, FORMANT_GAINS, FORMANT_WIDTHS_HZ, strict=True):
        center_hz = smooth(track[sung], seconds=0.12)
        gain += height / (1.0 + ((frequency_hz - center_hz) / (width_hz / 2.0)) ** 2)
    return gain


def current_note(notes: tuple[Note, ...]) -> Int[np.ndarray, " points"]:
    """Index of the note that sounds at each frame; in a rest the next one's, so nothing glides at its start."""
    ends = np.array([note.start_seconds + note.length_seconds for note in notes])
    return np.minimum(np.searchsorted(ends, FRAME_SECONDS, side="right"), len(notes) - 1)


def hold_pitch(notes: tuple[Note, ...]) -> Float[np.ndarray, " points"]:
    """Pitch in semitones at each frame, stepping from note to note."""
    pitch = np.array([float(note.midi) for note in notes])
    return np.asarray(pitch[current_note(notes)])


def pluck(
    note: Note, *, attack_seconds: float, decay_seconds: float, release_seconds: float
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Time since the note began, and an envelope that rises, decays and is zero by the note's end."""
    since = FRAME_SECONDS - note.start_seconds
    left = note.length_seconds - since
    opening = np.clip(since / attack_seconds, 0.0, 1.0)
    closing = np.clip(left / release_seconds, 0.0, 1.0)
    return since, opening * closing * np.exp(-np.maximum(since, 0.0) / decay_seconds)
