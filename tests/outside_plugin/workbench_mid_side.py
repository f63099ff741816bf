"""Mid and side as a separation model, and the Welch window. So small that cards and network share a file:
torch is imported where it is used, so that listing models stays instant."""

from workbench.registry import ModelCard, Parameter, WindowCard, hookimpl


def make_welch(length, *, dtype, device, power):
    """A parabola, 1 - x^2 over x from -1 to 1, sampled in the middle of each step."""
    import torch

    x = (torch.arange(length, dtype=dtype, device=device) + 0.5) * (2 / length) - 1  # (length,)
    return (1 - x.square()).clamp(min=0) ** power


def load_mid_side(parameters, checkpoint, device):
    """Mid is what both channels share, side what is left of each; they sum to the song."""
    import torch

    class MidSide(torch.nn.Module):
        def forward(self, waveform):
            mid = waveform.mean(dim=1, keepdim=True).expand_as(waveform)  # (batch, channel, time)
            return torch.stack([mid, waveform - mid], dim=1)  # (batch, stem, channel, time)

    return MidSide().to(device).eval()


@hookimpl
def register_windows(register):
    register(
        WindowCard(
            name="welch",
            make=make_welch,
            summary="A parabola.",
            parameters={"power": Parameter(default=1.0, minimum=0.0, maximum=4.0)},
        )
    )


@hookimpl
def register_models(register):
    register(
        ModelCard(
            name="mid_side",
            load=load_mid_side,
            summary="What both channels share, and what differs.",
            stems=["mid", "side"],
            sample_rate=None,
            channels=2,
            input_type="waveform",
            output_type="waveform",
            chunk_seconds=1.0,
        )
    )
