"""All stems of a song in step: to hear alone, together, against another separation and against the mixture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stems import MIXTURE
from workbench.errors import InvalidValue
from workbench.figures.envelope import measure_peak, measure_rms, to_decibels
from workbench.figures.stems import describe_residual, draw_stems
from workbench.figures.style import LEVEL_MAP, color_stems, list_names
from workbench.widgets.base import CANVAS_KIT, audio_html, read_module, read_style
from workbench.widgets.levels import colour_table, encode_peaks
from workbench.widgets.messages import read_choice, read_part, read_place
from workbench.widgets.player_spectrum import encode_track_levels, measure_top
from workbench.widgets.player_state import MOST_RANGE_DB, PlayerState
from workbench.widgets.player_tracks import TrackSet, check_alike, read_tracks, subtract_stems
from workbench.widgets.sound import choose_gain, encode_track, encode_tracks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BLOCKS = 32_768  # of a lane: 0.13 MB a track, 9 ms a block in a song of five minutes
FEWEST_SAMPLES_A_BLOCK = 16


class StemPlayer(PlayerState):
    """Plays stems on one clock, with waveforms, mute, solo, gain, loop, A/B and null test.

    The sound goes to the browser when it is first played, as 16-bit FLAC, which is for listening: the tracks here stay
    exact. Only the view that was started plays.

    Args:
        tracks: a separation, a trace, a mapping from names to ``Audio`` (``mixture`` is the song itself), or a song.
        other: another separation of that song, as side B.
        mixture: the song, where ``tracks`` does not bring it.
        traits: what to begin with, such as ``solo=["vocals"]``.

    Attributes:
        playing: whether sound runs.
        current_seconds: where; set it to seek. While it plays, the browser tells four times a second.
        mute: names of tracks that are not heard; at first the mixture, which would double its stems.
        solo: if there are any, exactly these are heard, muted or not.
        gains_db: dB by name, from -60 to 12; a name that is not there has 0.
        master_db: likewise for all together.
        loop_seconds: ``[from, to]``, or empty for none.
        side: ``"A"`` or ``"B"``.
        null_test: whether the mixture minus all its stems is heard, whatever mute, solo and gains are.
        null_result: what that leaves over, in words; in numbers `null_level_db`.
        spectrogram_stem: the track whose spectrogram is shown, or empty.
        range_db: of its colours, from 20 to 120.
        shown: what is shown of the song, ``[from, to]`` in seconds, then perhaps in hertz; empty for all.

    Raises:
        InvalidType: tracks that are no ``Audio``.
        InvalidValue: nothing to play, samples that no song may have, tracks of different rates or lengths, or a state
            that cannot be.
    """

    _esm = read_module(*CANVAS_KIT, "sound.js", "player_sound.js", "player_parts.js", "stem_player.js")
    _css = read_style("stem_player.css")

    def __init__(
        self, tracks: object, *, other: object = None, mixture: Audio[Tensor] | None = None, **traits: Any
    ) -> None:
        self._sets = {"A": read_tracks(tracks, argument="tracks")}
        if other is not None:
            self._sets["B"] = read_tracks(other, argument="other")
            if not self._sets["B"].stems:
                raise InvalidValue("other holds no stems to compare with: expected at least one besides the mixture")
        known = [] if mixture is None else [read_tracks(mixture, argument="mixture").mixture]
        known += [tracks.mixture for tracks in self._sets.values()]
        self._mixture = next((song for song in known if song is not None), None)
        sides, numbered = number_tracks(self._sets, self._mixture)
        check_alike(numbered)
        self._audio = [audio for _, audio in numbered]
        num_samples, sample_rate = self._audio[0].data.shape[-1], self._audio[0].sample_rate
        per_block = max(FEWEST_SAMPLES_A_BLOCK, math.ceil(num_samples / MOST_BLOCKS))
        full_scale = max(measure_peak(audio.data) for audio in self._audio) or 1.0
        is_doubled = self._mixture is not None and bool(self._sets["A"].stems)
        super().__init__(
            **{"label": "Stem player", "mute": [MIXTURE] if is_doubled else [], **traits},
            sides=sides,
            sample_rate=sample_rate,
            duration_seconds=num_samples / sample_rate,
            block_seconds=per_block / sample_rate,
            peaks=[encode_peaks(audio, samples_per_block=per_block, full_scale=full_scale) for audio in self._audio],
        )
        self.watch(self._measure_null, "null_test", "side")
        self.on_message(self._answer)
        self._measure_null()

    @property
    def tracks(self) -> dict[str, Audio[Tensor]]:
        """What there is to hear on the side that is chosen, by name."""
        song = {} if self._mixture is None else {MIXTURE: self._mixture}
        return {**song, **self._sets[self.side].stems}

    @property
    def null_level_db(self) -> float:
        """RMS of the mixture minus all stems of this side, in dB of the mixture's; minus infinity for nothing.

        Raises:
            InvalidValue: no mixture, or no stems.
        """
        mixture, left = self._subtract()
        return to_decibels(measure_rms(left.data), reference=measure_rms(mixture.data))

    def _subtract(self) -> tuple[Audio[Tensor], Audio[Tensor]]:
        """The mixture, and what the stems leave of it."""
        tracks = self._sets[self.side]
        if self._mixture is None or not tracks.summed:
            raise InvalidValue("a null test needs the mixture and its stems: give both, the song as mixture=")
        return self._mixture, subtract_stems(tracks, self._mixture)

    def _measure_null(self, change: object = None) -> None:
        if not self.null_test:
            self.null_result = ""
            return
        with self.working():
            try:
                self.null_result = describe_residual(*self._subtract())
            except InvalidValue:  # a side without stems was chosen, where the page could not end the test
                self.null_test = False
                raise

    def _answer(self, content: dict[str, Any], buffers: list[Any]) -> None:
        """What a view asks for; the answer carries the number of its request, since all views hear it."""
        request = read_part(content, "request", str)
        with self.working():
            if read_choice(content, "ask", choices=("sound", "spectrogram")) == "sound":
                self._send_sound(request)
            else:
                self._send_spectrogram(request, key=read_place(content, "key", count=len(self._audio)))

    def _send_sound(self, request: str) -> None:
        gain = choose_gain(self._audio)
        for key, track in enumerate(encode_tracks(self._audio, gain=gain)):
            self.send({"request": request, "sound": key, "gain": gain}, [track])

    def _send_spectrogram(self, request: str, *, key: int) -> None:
        top_db = measure_top(self._audio[0])  # the first one's, so that colours of tracks can be compared
        picture = encode_track_levels(self._audio[key], top_db=top_db, range_db=MOST_RANGE_DB)
        content = {
            "request": request,
            "spectrogram": key,
            "rows": picture.levels.num_rows,
            "columns": picture.levels.num_columns,
            "frame_seconds": picture.frame_seconds,
            "bin_hertz": picture.bin_hertz,
            "low_db": picture.levels.low,
            "high_db": picture.levels.high,
        }
        self.send(content, [picture.levels.data, colour_table(LEVEL_MAP)])

    def figure(self) -> Figure:
        """Waveforms and spectrograms of the chosen side, and with the null test what its stems leave over."""
        num_channels = max(audio.data.shape[0] for audio in self.tracks.values())
        stems = {name: spread(audio, num_channels=num_channels) for name, audio in self.tracks.items()}
        mixture = stems.pop(MIXTURE, None)
        remainder = self._subtract()[1] if self.null_test else None
        colors = {track["name"]: track["color"] for side in self.sides for track in side["tracks"] if track["color"]}
        return draw_stems(stems, mixture=mixture, remainder=remainder, colors=colors)

    def describe(self) -> str:
        """The tracks, how long they are, and what is heard of them."""
        heard = self.solo or [name for name in self.tracks if name not in self.mute]
        what = "the mixture minus its stems" if self.null_test else list_names(heard) if heard else "nothing"
        return f"{list_names(list(self.tracks))}, {self.duration_seconds:.1f} s; heard: {what}"

    def export_html(self) -> str:
        """The picture, and each track with the browser's own controls."""
        gain = choose_gain(self._audio)
        sounds = []
        for index, side in enumerate(self.sides):
            for track in side["tracks"]:
                if index and track["role"] == MIXTURE:
                    continue  # it is the first side's as well
                name = (
                    track["name"]
                    if len(self.sides) == 1 or track["role"] == MIXTURE
                    else (f"{side['letter']}: {track['name']}")
                )
                sounds.append(audio_html(encode_track(self._audio[track["key"]], gain=gain), label=name))
        return super().export_html() + "".join(sounds)


def spread(audio: Audio[Tensor], *, num_channels: int) -> Audio[Tensor]:
    """A mono track on all channels, as it is heard beside others."""
    return Audio(audio.data.expand(num_channels, -1), audio.sample_rate)


def number_tracks(
    sets: dict[str, TrackSet], mixture: Audio[Tensor] | None
) -> tuple[list[dict[str, Any]], list[tuple[str, Audio[Tensor]]]]:
    """The sides as the browser has them, and name and audio of each track; its key is its place there."""
    colors = color_stems(dict.fromkeys(name for tracks in sets.values() for name in tracks.stems))
    numbered: list[tuple[str, Audio[Tensor]]] = []
    shared: list[dict[str, Any]] = []
    if mixture is not None:
        numbered.append((MIXTURE, mixture))
        shared.append({"key": 0, "name": MIXTURE, "color": None, "role": MIXTURE})
    sides = []
    for letter, tracks in sets.items():
        entries = list(shared)
        for name, audio in tracks.stems.items():
            role = "derived" if name in tracks.derived else "stem"
            entries.append({"key": len(numbered), "name": name, "color": colors[name], "role": role})
            numbered.append((name, audio))
        sides.append({"letter": letter, "title": tracks.title, "tracks": entries})
    return sides, numbered
