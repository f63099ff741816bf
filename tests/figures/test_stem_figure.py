from __future__ import annotations

import torch

from workbench.core.audio import Audio
from workbench.figures.stems import draw_stems

RATE = 8000


def make_noise(seed: int) -> Audio[torch.Tensor]:
    return Audio(0.1 * torch.randn(2, 4000, generator=torch.Generator().manual_seed(seed)), RATE)


def read_caption(stems: dict[str, Audio[torch.Tensor]], mixture: Audio[torch.Tensor], left: torch.Tensor) -> str:
    sheet = draw_stems(stems, mixture=mixture, remainder=Audio(left, RATE))
    (caption,) = (title for axes in sheet.axes if "add up" in (title := axes.get_title(loc="left")))
    legend = sheet.axes[-1].get_legend().get_texts()[1].get_text()
    assert ("model" in legend) == ("model" in caption)
    return caption


def test_the_caption_says_whose_sum_it_is() -> None:
    first, second = make_noise(0), make_noise(1)
    mixture = Audio(first.data + second.data + 0.01 * make_noise(2).data, RATE)
    left = mixture.data - first.data - second.data
    drawn = read_caption({"first": first, "second": second}, mixture, left)
    assert drawn.startswith("the stems add up to the mixture but for −43.")
    derived = {"rest": Audio(mixture.data - first.data, RATE), "twice": Audio(2 * first.data, RATE)}
    not_drawn = read_caption(derived, mixture, left)
    assert not_drawn.startswith("the model's own stems add up to the mixture but for −43.")
    beside = read_caption({"first": first, "second": second, **derived}, mixture, left)
    assert beside == not_drawn


def test_an_exact_sum_of_stems_that_are_not_drawn_is_of_the_model_too() -> None:
    first = make_noise(0)
    caption = read_caption({"twice": Audio(2 * first.data, RATE)}, first, torch.zeros_like(first.data))
    assert caption == "the model's own stems add up to the mixture exactly"
