"""Checks of a network's state: that it moves between devices and dtypes, and that a state dict holds all of it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from workbench.registry.checks.harness import Check, describe_error, fail, needing, skip
from workbench.registry.checks.model_subject import ModelSubject
from workbench.registry.checks.network import check_determinism, check_finite

LOUD_PEAK = 8.0  # 18 dB above full scale, as a float file may hold; its spectrogram stays within float16
MOVE_TOLERANCE = 1e-3  # of the peak: another precision or device rounds every sum differently
LACKING = ("not implemented for", "Unsupported dtype", "doesn't support", "not supported", "unsupported ScalarType")


@needing(check_finite)
def check_device_moves(subject: ModelSubject) -> None:
    """All of its state is on the device it was loaded for, and follows ``.to(device)``."""
    fresh = subject.load()
    state = {**dict(fresh.named_parameters()), **dict(fresh.named_buffers())}
    astray = [name for name, tensor in state.items() if tensor.device.type != subject.device.type]
    if astray:
        fail(f"load left {', '.join(astray[:3])} off {subject.device}: end it with network.to(device)")
    plain = list_plain_tensors(subject.network)
    if plain:
        fail(
            f".to(device) leaves behind the tensor {', '.join(plain[:3])}: "
            'use self.register_buffer("name", tensor, persistent=False)'
        )
    if subject.device.type == "cpu" or not state:
        return
    moved = copy_network(subject).to("cpu").to(subject.device)
    if not torch.equal(run_copy(subject, moved), subject.plain_output):
        fail(f"after .to('cpu') and back to {subject.device} it gives something else: keep no state outside of buffers")


def list_plain_tensors(network: nn.Module) -> list[str]:
    """Name attributes that hold a tensor, alone or in a list, which is neither parameter nor buffer.

    A list of the parameters themselves, as torch's recurrent layers keep one, moves with them.
    """
    parameters = {id(one) for one in network.parameters()}
    found = []
    for prefix, module in network.named_modules():
        for name, value in vars(module).items():
            if name.startswith("_") and name in vars(nn.Module()):
                continue  # where torch itself keeps parameters, buffers and modules
            if name in list_recomputed(module):
                continue
            values = value if isinstance(value, list | tuple) else (value,)
            if any(isinstance(one, Tensor) and id(one) not in parameters for one in values):
                found.append(f"{prefix}.{name}" if prefix else name)
    return found


def list_recomputed(module: nn.Module) -> list[str]:
    """Name plain tensors that torch's older ``weight_norm`` and ``spectral_norm`` make anew before each forward."""
    hooks = (hook for hook in module._forward_pre_hooks.values() if isinstance(hook, WeightNorm | SpectralNorm))
    return [hook.name for hook in hooks]


def copy_network(subject: ModelSubject) -> nn.Module:
    """A deep copy of the network, whatever gradients it was run with before."""
    if any(list_recomputed(module) for module in subject.network.modules()):
        # their tensor can be copied only when it was made without a gradient, as in this run
        subject.run(subject.network, subject.make_chunks(1, channels=subject.channel_counts[-1]))
    return copy.deepcopy(subject.network)


@needing(check_determinism)
def check_float64(subject: ModelSubject) -> None:
    """Converted to float64 it gives the same to float tolerance, and converted back the same bits."""
    if subject.device.type == "mps":
        skip("mps has no float64")
    network = convert(subject, torch.float64)
    expected = subject.plain_output
    output = run_copy(subject, network)
    difference = float((output - expected).abs().max())
    if not difference <= MOVE_TOLERANCE * max(float(expected.abs().max()), 1e-6):
        fail(f"in float64 it differs by {difference:.2g} from float32: no fixed dtype in forward, take the input's")
    back = network.to(subject.dtype)
    if not torch.equal(run_copy(subject, back), expected):
        fail("after .to(torch.float64) and back it gives other bits: keep no state outside of parameters and buffers")


@needing(check_determinism)
def check_bfloat16(subject: ModelSubject) -> None:
    """Converted to bfloat16 it still runs and gives finite values."""
    network = convert(subject, torch.bfloat16)
    output = run_copy(subject, network)
    if output.shape != subject.plain_output.shape or not output.isfinite().all():
        fail("in bfloat16 it gives another shape, NaN or infinity: compute what needs precision in float32")


@needing(check_determinism)
def check_float16_overflow(subject: ModelSubject) -> None:
    """Converted to float16 it stays finite for a loud song."""
    network = convert(subject, torch.float16)
    chunks = subject.make_chunks(1, channels=subject.channel_counts[-1])
    output = run_copy(subject, network, chunks=chunks / chunks.abs().max() * LOUD_PEAK)
    if not output.isfinite().all():
        fail(
            f"in float16 a song with a peak of {LOUD_PEAK:g} gives NaN or infinity (float16 ends at 65504): compute "
            "powers and sums in float32"
        )


def convert(subject: ModelSubject, dtype: torch.dtype) -> nn.Module:
    """A copy of the network in another dtype; skips where it has no weights."""
    if not any(parameter.is_floating_point() for parameter in subject.network.parameters()):
        skip("it has no weights, so that a separation always gives it float32")
    return copy_network(subject).to(dtype)


def run_copy(subject: ModelSubject, network: nn.Module, *, chunks: Tensor | None = None) -> Tensor:
    """What a moved or converted network gives; skips where the device has no such operation."""
    if chunks is None:
        chunks = subject.make_chunks(1, channels=subject.channel_counts[-1])
    try:
        output: Tensor = subject.run(network, chunks)
    except RuntimeError as error:  # NotImplementedError is one too
        if any(words in str(error) for words in LACKING):
            skip(f"{subject.device} lacks an operation: {describe_error(error)}")
        fail(f"a copy of it raised {describe_error(error)}: no fixed dtype or device in forward, take the input's")
    return output


@needing(check_determinism)
def check_state_dict(subject: ModelSubject) -> None:
    """A network loaded anew, with this one's state dict, gives the same bits."""
    fresh = subject.load().eval().to(subject.device)
    fresh.load_state_dict(copy.deepcopy(subject.network.state_dict()))
    if not torch.equal(run_copy(subject, fresh), subject.plain_output):
        fail("a fresh network with the same state dict gives something else: keep all state in parameters and buffers")


WEIGHT_CHECKS: tuple[Check[ModelSubject], ...] = (
    check_device_moves,
    check_float64,
    check_bfloat16,
    check_float16_overflow,
    check_state_dict,
)
