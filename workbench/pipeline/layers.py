"""Documents of the config's form laid over each other, remembering which of them decided each setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.pipeline.merging import merge

# Who may decide a setting, from the strongest to the weakest.
ARGUMENT = "argument"
SETTING = "setting"
CONFIG = "config"
FROM_FRAME_SIZE = "from transform.n_fft"  # what follows the frame size that a setting or config gives
CARD = "model card"
SONG = "song"
DEFAULT = "default"

Path = tuple[str, ...]


@dataclass
class Layers:
    """What the layers come to.

    Attributes:
        document: the merged document.
        origins: path -> the layer that decided it. What a layer gave as a whole, such as a section that no lower
            layer had, is there once, under the path of the whole.
    """

    document: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)

    def lay(self, origin: str, document: Mapping[str, Any]) -> None:
        """Lay one more document over those there are."""

        def record(path: Path) -> None:
            for known in [known for known in self.origins if known[: len(path)] == path]:
                del self.origins[known]  # parts of what is replaced as a whole
            self.origins[path] = origin

        self.document = merge(self.document, document, record=record)

    def find_origin(self, path: Path) -> str:
        """The layer that decided a setting; `DEFAULT` for what none of them speaks of."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return DEFAULT


def lay_layers(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> Layers:
    """Lay documents, each with the name of its origin, over each other; the weakest comes first."""
    laid = Layers()
    for origin, document in layers:
        laid.lay(origin, document)
    return laid
