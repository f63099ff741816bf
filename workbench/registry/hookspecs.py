"""The hooks that a plugin may implement. Their docstrings are the manual of a plugin's author.

A plugin is a module that an entry point of the group ``workbench`` names in its package's pyproject::

    [project.entry-points.workbench]
    mine = "my_package.cards"

The name on the left is the plugin's name, the first part of its ids: a window ``welch`` becomes
``mine.welch``, and ``welch`` alone finds it while no other plugin has a window of that name.
``workbench plugins`` shows what was found, what it gave, and why something failed.

Four rules:

- The module must be light: to list what there is, all plugins are imported. Import torch inside of functions,
  or keep networks in a second module that a card names by text: ``load="my_package.network:load"``.
- A hook is a function of one argument, ``register``, without a default, decorated with ``@hookimpl``. It
  calls ``register(card)`` once for each card and returns nothing. It may implement either hook or both.
- A plugin works as a whole or not at all: if its import, a hook or a card fails, nothing of it is
  registered, the error is shown with the line in your file, and all other plugins work on.
- In a notebook no package is needed: ``register_window(card)`` and ``register_model(card)`` register one
  card as ``notebook.name``, and running the cell again replaces it.
"""

from __future__ import annotations

from collections.abc import Callable

import pluggy

from workbench.registry.cards import ModelCard, WindowCard

GROUP = "workbench"  # of entry points, and the name of the pluggy project

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def register_windows(register: Callable[[WindowCard], None]) -> None:
    """Bring windows for overlap-add. Eight lines that work::

        from workbench.registry import WindowCard, hookimpl

        def make_welch(length, *, dtype, device):
            import torch  # here, so that listing windows stays instant

            return 1 - ((2 * torch.arange(length, dtype=dtype, device=device) + 1) / length - 1) ** 2

        @hookimpl
        def register_windows(register):
            register(WindowCard(name="welch", make=make_welch, summary="A parabola."))

    ``make(length, *, dtype, device, **parameters)`` gives a finite tensor (length,) of that dtype on that
    device, for every length from 1 on. A shape that has a periodic and a symmetric form is given in its
    periodic one, whose shifted copies add up.

    Parameters are named in the card, ``parameters={"alpha": Parameter(0.5, 0.0, 1.0)}``: default, lowest
    and highest value. They come to ``make`` as floats, each always given; a user writes ``"tukey:alpha=0.3"``
    and a value out of range never reaches ``make``.

    ``cola_overlaps`` names overlaps at which shifted copies sum to a constant (constant overlap-add), and
    ``cola_square_overlaps`` those at which copies of its square do, for use before and after a process.
    Stitching divides by the windows' sum, so others work too; there it repairs more. A window with samples
    below 0 says ``nonnegative=False``.

    Args:
        register: takes one `WindowCard`; checks it at once, so that an error points to your own line.
    """


@hookspec
def register_models(register: Callable[[ModelCard], None]) -> None:
    """Bring separation models. Eight lines that work::

        from workbench.registry import ModelCard, hookimpl

        def load(parameters, checkpoint, device):
            from torch import nn  # here, so that listing models stays instant

            return nn.Unflatten(1, (1, -1))  # (batch, channel, time) -> (batch, stem, channel, time)

        @hookimpl
        def register_models(register):
            register(ModelCard(name="whole", load=load, summary="One stem, the song itself.", stems=["all"],
                               sample_rate=None, channels=None,
                               input_type="waveform", output_type="waveform"))

    ``load(parameters, checkpoint, device)`` gives a ``torch.nn.Module`` on that device, in evaluation mode.
    ``parameters`` is an instance of the card's ``parameters``, a frozen dataclass whose fields all have
    defaults (``None`` without one); ``checkpoint`` is a path or ``None``. A model that
    needs weights says ``needs_checkpoint=True`` and must refuse weights that do not fit:
    ``return load_weights(Network(), checkpoint).eval().to(device)``, from ``workbench.io``, does all of that,
    for safetensors and the files of ``torch.save``, and runs no code out of a file.

    The module's ``forward`` by ``input_type`` and ``output_type``; a waveform w is (batch, channel, time), a
    spectrogram S is (batch, freq * channel, frame, 2) with frequency outer, channel inner, real and imaginary
    part last; every result has an axis ``stem`` after ``batch``, in the order of the card's ``stems``:

    - ``waveform`` gets w, ``spectrogram`` gets S, ``waveform_and_spectrogram`` gets (S, w);
    - ``waveform`` gives (batch, stem, channel, time);
    - ``spectrogram_mask`` gives (batch, stem, freq * channel, frame, 2), a complex factor for S;
    - ``spectrogram`` gives the same shape, the stems' spectrograms.

    All but waveform to waveform need ``stft=StftConfig(...)`` in the card. ``sample_rate`` and ``channels``
    are what the model wants, ``None`` for any: songs are converted there and back. ``context="song"`` is
    for a model that must see the whole song at once. A network that must know how many frequencies there are, to
    tell them from channels or to make its layers, takes that from a parameter ``num_freqs: NumFreqs`` (of
    ``workbench.registry``) with the card's own as default: it follows whatever ``n_fft`` the user sets.
    ``needs_references=True`` is for a ceiling that is made from the true stems: ``forward`` gets them as one more, last
    argument, (batch, stem, ...) of the kind of its first.

    Args:
        register: takes one `ModelCard`; checks it at once, so that an error points to your own line.
    """
