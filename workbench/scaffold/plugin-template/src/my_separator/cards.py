"""The cards: all that the workbench knows of this plugin before it is used.

To list what there is, the workbench imports the cards of every plugin. So nothing here may import torch, nor a module
that does: the network and the window are named by text, ``"package.module:function"``, and imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.core import StftConfig
from workbench.errors import InvalidValue
from workbench.registry import ModelCard, NumFreqs, Parameter, WindowCard, hookimpl

# The transform of a spectrogram model, in samples.
STFT = StftConfig(n_fft=2048, hop_length=512, win_length=2048)


# What a user may set, as in ``--set model.threshold_db=3``. Each field has a type and a default; keep the class frozen.
@dataclass(frozen=True)
class GateParameters:
    """Settings of the model.

    Args:
        threshold_db: decibels by which a bin must exceed its neighbours to belong half to the first stem.
        softness_db: decibels over which it goes from one stem to the other, above 0.
        num_freqs: frequencies of the transform. By its type it follows whatever ``n_fft`` a user sets.
    """

    threshold_db: float = 3.0
    softness_db: float = 2.0
    num_freqs: NumFreqs = STFT.num_freqs

    def __post_init__(self) -> None:
        """Refuse what cannot be: say what was got, and what is expected."""
        if not -200 <= self.threshold_db <= 200:
            raise InvalidValue(f"threshold_db must be from -200 to 200, got {self.threshold_db}")
        if not 0 < self.softness_db <= 200:
            raise InvalidValue(f"softness_db must be above 0 and at most 200, got {self.softness_db}")


MODEL = ModelCard(
    # Its id is the plugin's name in pyproject.toml, a dot, and this.
    name="my_separator",
    load="my_separator.network:load",
    summary="What stands out of the spectrum and what is left, by a spectral gate.",
    # What comes out, in order, a file each. A function of the parameters may give the names too.
    stems=("foreground", "background"),
    # What the network wants; songs are converted there and back. None: any.
    sample_rate=44100,
    channels=None,
    # In: "waveform" (batch, channel, time), "spectrogram" (batch, freq·channel, frame, 2), or
    # "waveform_and_spectrogram", which forward gets as (spectrogram, waveform).
    input_type="spectrogram",
    # Out: "waveform" (batch, stem, channel, time), "spectrogram_mask" or "spectrogram", both
    # (batch, stem, freq·channel, frame, 2). From waveform to waveform no stft is needed.
    output_type="spectrogram_mask",
    stft=STFT,
    parameters=GateParameters,
    # How a song is cut up unless the user says otherwise; a network that must see all of it says context="song".
    chunk_seconds=4.0,
    overlap=0.25,
    window="hann",
    # True where the network gives nothing of use without trained weights: then a checkpoint must be given.
    needs_checkpoint=False,
    license=None,  # of the weights or the method
    paper=None,  # whom to cite
)

WINDOW = WindowCard(
    name="power_sine",
    make="my_separator.window:make_power_sine",
    summary="A sine to a power: 0 is rectangular, 1 the sine, 2 Hann; more is narrower.",
    # Name, default and range of what a user may set, as in "power_sine:power=3". No other value reaches the function.
    parameters={"power": Parameter(default=2.0, minimum=0.0, maximum=8.0, summary="The sine's exponent.")},
    # Overlaps at which shifted copies sum to a constant, with the default power; and those at which their squares do.
    # Leave out what you are not sure of; what stands here is checked.
    cola_overlaps=(0.5, 0.75, 0.875),
    cola_square_overlaps=(0.75, 0.875),
)


@hookimpl
def register_models(register: Callable[[ModelCard], None]) -> None:
    """Bring the model; with several, call ``register`` for each."""
    register(MODEL)


@hookimpl
def register_windows(register: Callable[[WindowCard], None]) -> None:
    """Bring the window. A plugin without windows leaves this function out."""
    register(WINDOW)
