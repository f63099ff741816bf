"""Checks of the network by itself: what it gives for a chunk, and what it must leave alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

import torch
from torch import Tensor

from workbench.errors import CheckpointError
from workbench.registry import find_model, models
from workbench.registry.cards import ModelCard
from workbench.registry.checks.harness import Check, describe_error, fail, needing, skip
from workbench.registry.checks.model_subject import ModelSubject
from workbench.registry.validate import validate_model_card

HEAVY = ("torch", "numpy", "librosa", "scipy", "tensorflow", "jax")
LIST_LOADED = """
import importlib, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(*[name for name in sys.argv[2:] if name in sys.modules and name not in before])
"""
AXES = {4: "(batch, stem, channel, time)", 5: "(batch, stem, freq * channel, frame, 2)"}
# A network's sums come in another order in another batch: about 1e-7 a step, a thousand steps at the worst.
BATCH_TOLERANCE = 1e-4


@needing()
def check_card(subject: ModelSubject) -> None:
    """Every field of the card is one that the registry takes, the names of its stems among them."""
    validate_model_card(subject.card)
    assert subject.stem_names  # which raises for names that the given parameters make unfit


@needing(check_card)
def check_light_card(subject: ModelSubject) -> None:
    """Importing the module that registers the card loads no torch, so that listing models stays instant."""
    module = subject.card_module or find_card_module(subject.card)
    if module is None:
        skip("the card is not one of an installed plugin; name its module by card_module=")
    command = [sys.executable, "-c", LIST_LOADED, module, *HEAVY]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        fail(f"importing {module} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    loaded = done.stdout.split()
    if loaded:
        fail(
            f"importing {module} loads {', '.join(loaded)}: move the network to a module of its own and name it by "
            'load="package.module:function", or import inside of functions'
        )


def find_card_module(card: ModelCard) -> str | None:
    """Name the module of the installed plugin that registered this very card."""
    for row in models():
        found = find_model(row.id)
        if found.card is card:
            modules = [one.module for one in entry_points(group="workbench") if one.name == found.plugin]
            return modules[0] if modules else None
    return None


@needing(check_card)
def check_checkpoint(subject: ModelSubject) -> None:
    """A model that needs weights refuses to load without them, and from a file that holds none."""
    if not subject.card.needs_checkpoint:
        skip("the card says that it needs none")
    with tempfile.TemporaryDirectory() as folder:
        garbage = Path(folder) / "garbage.pt"
        garbage.write_bytes(b"these are no weights")
        for checkpoint, what in ((None, "without a checkpoint"), (garbage, "from a file that holds no weights")):
            one = ModelSubject(
                subject.card, parameters=subject.parameters, checkpoint=checkpoint, device=str(subject.device)
            )
            try:
                one.load()
            except CheckpointError:
                continue
            except Exception as error:  # the author's code may raise anything
                fail(
                    f"loading {what} raised {describe_error(error)}: raise workbench.errors.CheckpointError that "
                    "says what was expected"
                )
            fail(f"loading {what} gave a network, whose weights mean nothing: raise workbench.errors.CheckpointError")


@needing(check_card)
def check_loads(subject: ModelSubject) -> None:
    """``load(parameters, checkpoint, device)`` gives a torch module."""
    if subject.card.needs_checkpoint and subject.checkpoint is None:
        fail("the model needs weights: give the kit checkpoint= (--checkpoint), the path of their file")
    assert isinstance(subject.loaded, torch.nn.Module)


@needing(check_loads)
def check_eval_mode(subject: ModelSubject) -> None:
    """``load`` gives the network in evaluation mode, all of its parts."""
    training = [name or "the network" for name, module in subject.load().named_modules() if module.training]
    if training:
        fail(f"left in training mode: {', '.join(training[:3])}; end load with network.eval()")


@needing(check_loads)
def check_stem_axis(subject: ModelSubject) -> None:
    """A model of one stem gives it an axis of its own, (batch, 1, ...)."""
    if len(subject.stem_names) != 1:
        skip(f"the model has {len(subject.stem_names)} stems")
    expected = subject.expect_shape(2, channels=subject.channel_counts[-1])
    output = subject.run(subject.network, subject.make_chunks(2, channels=subject.channel_counts[-1]))
    if isinstance(output, Tensor) and output.ndim == len(expected) - 1:
        fail(f"the stem axis is missing: got {tuple(output.shape)}, expected {expected}: add output.unsqueeze(1)")


@needing(check_stem_axis)
def check_output_shape(subject: ModelSubject) -> None:
    """The output has the shape of the card's output type, for each number of channels that it declares."""
    for channels in subject.channel_counts:
        expected = subject.expect_shape(2, channels=channels)
        output = subject.run(subject.network, subject.make_chunks(2, channels=channels))
        if not isinstance(output, Tensor):
            fail(f"forward must give a tensor, got {type(output).__name__}: return {AXES[len(expected)]} alone")
        shape = tuple(output.shape)
        if len(shape) != len(expected) or shape[:1] + shape[2:] != expected[:1] + expected[2:]:
            fail(
                f"for chunks of {channels} channel(s) it gave {shape}, expected {expected} {AXES[len(expected)]}: "
                "mend forward, or channels and output_type of the card"
            )


@needing(check_output_shape)
def check_stems(subject: ModelSubject) -> None:
    """It gives as many stems as the card names."""
    num_given = subject.plain_output.shape[1]
    if num_given != len(subject.stem_names):
        fail(
            f"the network gives {num_given} stems, the card names {len(subject.stem_names)} "
            f"({', '.join(subject.stem_names)}): make them agree"
        )


@needing(check_output_shape)
def check_output_dtype(subject: ModelSubject) -> None:
    """The output is of floating point, in the dtype of its input: float32 where the weights are."""
    dtype = subject.plain_output.dtype
    if dtype != subject.dtype:
        fail(f"the output is {dtype}, expected {subject.dtype}, as its input: convert it in forward")


@needing(check_stems, check_output_dtype)
def check_finite(subject: ModelSubject) -> None:
    """No NaN and no infinity for an ordinary sound."""
    if not subject.plain_output.isfinite().all():
        fail("NaN or infinity for a tone in noise: look for divisions by 0, logarithms and roots of it")


@needing(check_finite)
def check_silence(subject: ModelSubject) -> None:
    """No NaN and no infinity for silence."""
    silence = torch.zeros_like(subject.make_chunks(1, channels=subject.channel_counts[-1]))
    if not subject.run(subject.network, silence).isfinite().all():
        fail("NaN or infinity for silence: guard divisions, logarithms and normalizations against 0")


@needing(check_finite)
def check_determinism(subject: ModelSubject) -> None:
    """In evaluation mode the same input gives the same bits."""
    chunks = subject.make_chunks(1, channels=subject.channel_counts[-1])
    if not torch.equal(subject.run(subject.network, chunks), subject.plain_output):
        fail("two calls gave different bits: no random numbers in evaluation mode, or from a generator with a seed")


@needing(check_determinism)
def check_batch_invariance(subject: ModelSubject) -> None:
    """A chunk gives the same alone as beside others, to float tolerance."""
    chunks = subject.make_chunks(3, channels=subject.channel_counts[-1])
    together = subject.run(subject.network, chunks)
    for index, chunk in enumerate(chunks.split(1)):
        alone = subject.run(subject.network, chunk)[0]
        difference = float((together[index] - alone).abs().max())
        if difference > BATCH_TOLERANCE * max(float(alone.abs().max()), 1e-6):
            fail(
                f"chunk {index} of 3 differs by {difference:.2g} from what it gives alone: take no statistics and no "
                "maximum over the batch"
            )


@needing(check_finite)
def check_input_kept(subject: ModelSubject) -> None:
    """The input is as before after the call."""
    chunks = subject.make_chunks(1, channels=subject.channel_counts[-1])
    wrapped = subject.wrap(subject.network, channels=chunks.shape[1], chunk_size=chunks.shape[2])
    with torch.no_grad():
        # converted here, or the wrapper would give the network a converted copy
        inputs = [value.to(subject.dtype, copy=True) for value in subject.prepare_inputs(wrapped, chunks)]
        before = [value.clone() for value in inputs]
        wrapped.run_model(*inputs)
    if not all(torch.equal(one, other) for one, other in zip(inputs, before, strict=True)):
        fail("forward changed its input in place: work on a copy (x = x * gain, not x *= gain)")


@needing(check_finite)
def check_gradient(subject: ModelSubject) -> None:
    """A gradient reaches the input, finite and not all 0; what cannot be differentiated cannot be trained or tuned."""
    chunks = subject.make_chunks(1, channels=subject.channel_counts[-1]).requires_grad_()
    wrapped = subject.wrap(subject.network, channels=chunks.shape[1], chunk_size=chunks.shape[2])
    advice = "no detach, no_grad, numpy, round or argmax on the way; a model that cannot be differentiated fails here"
    try:
        output = wrapped.run_model(*subject.prepare_inputs(wrapped, chunks))
    except RuntimeError as error:  # what torch raises where autograd cannot follow, as for .numpy()
        fail(f"with a gradient wanted it raised {describe_error(error)}: {advice}")
    # weights of its own for each value: masks that sum to 1 would have a gradient of 0 for a plain sum
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).to(output)
    total = (output * weights).sum()
    (gradient,) = torch.autograd.grad(total, chunks, allow_unused=True) if output.requires_grad else (None,)
    if gradient is None:
        fail(f"the output does not depend on the input for autograd: {advice}")
    if not bool(gradient.any()):
        fail(f"the gradient at the input is 0 everywhere: {advice}")
    if not gradient.isfinite().all():
        fail("the gradient at the input has NaN or infinity: guard square roots and divisions at 0")


NETWORK_CHECKS: tuple[Check[ModelSubject], ...] = (
    check_card,
    check_light_card,
    check_checkpoint,
    check_loads,
    check_eval_mode,
    check_stem_axis,
    check_output_shape,
    check_stems,
    check_output_dtype,
    check_finite,
    check_silence,
    check_determinism,
    check_batch_invariance,
    check_input_kept,
    check_gradient,
)
