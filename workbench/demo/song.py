"""The demo song: 12 seconds in A minor at 112 beats a minute, with the stems it is made of.

Five bars, Am F C G | F G, and a last chord. All that is heard is in this folder: no file is read.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio
from workbench.demo.drums import Hit, play_drums
from workbench.demo.instruments import Chord, Note, play_bass, play_chords, play_lead
from workbench.demo.synthesis import SAMPLE_RATE, SONG_SAMPLES, render_noise

SEED = 112
BEATS_PER_MINUTE = 112.0
LEAD_IN_SECONDS = 0.1
PEAK = 0.9
FADE_OUT_SECONDS = 0.4
PADDED_SAMPLES = 552_960  # the song and half a second for the room, so nothing wraps round; 2^12 3^3 5, quick to FFT
# How loud each stem is in the mix (RMS, relative), in the order they are added.
STEM_LEVELS_DB = {"drums": 0.0, "bass": -0.5, "chords": -2.0, "lead": 0.0}
REVERB_LEVELS_DB = {"drums": -20.0, "bass": -30.0, "chords": -16.0, "lead": -14.0}

# (start beat, length in beats, pitches low to high)
CHORDS = (
    (0.0, 1.5, (57, 60, 64, 69)),  # Am
    (1.5, 2.5, (57, 60, 64, 69)),
    (4.0, 1.5, (57, 60, 65, 69)),  # F
    (5.5, 2.5, (57, 60, 65, 69)),
    (8.0, 1.5, (55, 60, 64, 67)),  # C
    (9.5, 2.5, (55, 60, 64, 67)),
    (12.0, 1.5, (55, 59, 62, 67)),  # G
    (13.5, 2.5, (55, 59, 62, 67)),
    (16.0, 2.0, (57, 60, 65, 69)),  # F
    (18.0, 2.0, (55, 59, 62, 67)),  # G
    (20.0, 2.2, (57, 60, 64, 69)),  # Am
)
ROOTS = ((0, 33), (4, 29), (8, 36), (12, 31), (16, 29))  # (first beat of a bar, pitch)
# (beat within the bar, length in beats, semitones above the root)
BASS_RHYTHM = ((0.0, 1.0, 0), (1.5, 0.5, 0), (2.0, 0.75, 0), (2.75, 0.5, 12), (3.5, 0.5, 7))
BASS_ENDING = ((18.0, 1.0, 31), (19.0, 0.5, 31), (19.5, 0.5, 32), (20.0, 2.2, 33))
# (start beat, length in beats, pitch, vowel): three phrases with rests between them
MELODY = (
    (0.5, 1.0, 57, "a"),
    (1.5, 0.5, 60, "o"),
    (2.0, 1.5, 64, "e"),
    (3.5, 0.5, 62, "i"),
    (4.0, 1.5, 60, "a"),
    (5.5, 0.5, 57, "o"),
    (6.0, 1.25, 60, "u"),
    (8.0, 0.75, 64, "a"),
    (8.75, 0.75, 67, "e"),
    (9.5, 1.5, 64, "i"),
    (11.0, 1.0, 60, "o"),
    (12.0, 1.5, 62, "a"),
    (13.5, 0.5, 59, "e"),
    (14.0, 1.25, 62, "o"),
    (16.0, 1.0, 65, "a"),
    (17.0, 1.0, 64, "e"),
    (18.0, 1.0, 62, "o"),
    (19.0, 1.0, 67, "i"),
    (20.0, 1.9, 69, "a"),
)
# (beat within the bar, drum, velocity)
GROOVE = (
    (0.0, "kick", 1.0),
    (1.5, "kick", 0.7),
    (2.0, "kick", 0.9),
    (1.0, "snare", 0.9),
    (3.0, "snare", 1.0),
    *((0.5 * eighth, "closed hat", 0.9 if eighth % 2 else 0.6) for eighth in range(7)),
    (3.5, "open hat", 0.9),
)
FILL = (
    (18.0, "snare", 0.8),
    (18.25, "snare", 0.5),
    (18.5, "snare", 0.7),
    (18.75, "high tom", 0.8),
    (19.0, "high tom", 0.9),
    (19.25, "high tom", 0.7),
    (19.5, "low tom", 0.9),
    (19.75, "low tom", 1.0),
    (20.0, "kick", 1.0),
    (20.0, "crash", 1.0),
)
FILL_START_BEAT = 18.0


def demo_song() -> dict[str, Audio[Tensor]]:
    """Play the song: ``"mixture"`` and its true stems ``"drums"``, ``"bass"``, ``"chords"``, ``"lead"``.

    Every call gives the same bits on the same machine and new tensors, so changing one harms nothing. ::

        song = demo_song()
        stems = [song[name].data for name in ("drums", "bass", "chords", "lead")]
        assert torch.equal(song["mixture"].data, stems[0] + stems[1] + stems[2] + stems[3])

    Shapes:
        each: (channel=2, time=529200), float32, at 44100 Hz; the mixture's peak is 0.9.
    """
    drums_rng, lead_rng, room_rng = np.random.default_rng(SEED).spawn(3)
    dry = {
        "drums": play_drums(drums_rng, hits=drum_hits()),
        "bass": play_bass(bass_notes()),
        "chords": play_chords(tuple(Chord(at(b), to_seconds(n), pitches) for b, n, pitches in CHORDS)),
        "lead": play_lead(lead_rng, notes=tuple(Note(at(b), to_seconds(n), p, v) for b, n, p, v in MELODY)),
    }
    stems = mix(dry, room=room_response(room_rng))
    audio = {name: Audio(torch.from_numpy(stem.astype(np.float32)), SAMPLE_RATE) for name, stem in stems.items()}
    # Summed after rounding to float32, in this order, so that the stems add up to the mixture bit for bit.
    mixture = audio["drums"].data + audio["bass"].data + audio["chords"].data + audio["lead"].data
    return {"mixture": Audio(mixture, SAMPLE_RATE), **audio}


def to_seconds(beats: float) -> float:
    """A length in beats, in seconds."""
    return beats * 60.0 / BEATS_PER_MINUTE


def at(beat: float) -> float:
    """When a beat falls, in seconds from the start of the file."""
    return LEAD_IN_SECONDS + to_seconds(beat)


def bass_notes() -> tuple[Note, ...]:
    """The bass line: the rhythm on each bar's root until the ending takes over."""
    first_of_ending = BASS_ENDING[0][0]
    line = [
        (bar + beat, length, root + interval)
        for bar, root in ROOTS
        for beat, length, interval in BASS_RHYTHM
        if bar + beat < first_of_ending
    ]
    return tuple(Note(at(beat), to_seconds(length), pitch) for beat, length, pitch in (*line, *BASS_ENDING))


def drum_hits() -> tuple[Hit, ...]:
    """The groove in each bar until the fill, which leads into the last chord."""
    groove = [
        (bar + beat, drum, velocity)
        for bar, _ in ROOTS
        for beat, drum, velocity in GROOVE
        if bar + beat < FILL_START_BEAT
    ]
    return tuple(Hit(at(beat), drum, velocity) for beat, drum, velocity in (*groove, *FILL))


def room_response(rng: np.random.Generator) -> Float[np.ndarray, "channel=2 time"]:
    """Impulse response of a small room: 15 ms of nothing, then noise that dies by 60 dB in 0.45 s.

    Each side has an energy of 1, so what comes out is about as loud as what went in.
    """
    silence, num_samples = round(0.015 * SAMPLE_RATE), round(0.45 * SAMPLE_RATE)
    decay = np.exp(-np.linspace(0.0, np.log(1000.0), num_samples))
    response = np.zeros((2, silence + num_samples))
    for side in response:
        side[silence:] = decay * render_noise(rng, num_samples=num_samples, low_hz=200.0, high_hz=5000.0)
        side /= np.sqrt(np.sum(side**2))
    return response


def mix(
    dry: dict[str, Float[np.ndarray, "channel=2 time"]], *, room: Float[np.ndarray, "channel=2 room_time"]
) -> dict[str, Float[np.ndarray, "channel=2 time"]]:
    """Put each stem in the room at its level, fade all out, and scale them by one gain to the peak.

    Every stem gets its own share of the room, so the stems with their reverberation still add up.
    """
    response = np.fft.rfft(room, PADDED_SAMPLES)  # (channel, bin)
    fade_samples = round(FADE_OUT_SECONDS * SAMPLE_RATE)
    fade = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade_samples + 1) / fade_samples)
    stems = {}
    for name, stem in dry.items():
        sent = np.fft.rfft(stem[0] + stem[1], PADDED_SAMPLES)  # (bin,)
        sent *= decibels(REVERB_LEVELS_DB[name]) / 2.0
        heard = np.fft.irfft(sent * response, PADDED_SAMPLES)[:, :SONG_SAMPLES]
        heard += stem
        heard[:, -fade_samples:] *= fade
        heard *= decibels(STEM_LEVELS_DB[name]) / np.sqrt(np.mean(heard**2))
        stems[name] = heard
    total = stems["drums"] + stems["bass"] + stems["chords"] + stems["lead"]
    gain = PEAK / max(total.max(), -total.min())
    return {name: gain * stem for name, stem in stems.items()}


def decibels(level_db: float) -> float:
    """A level in decibels as a linear gain."""
    return float(10.0 ** (level_db / 20.0))
