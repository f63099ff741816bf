"""What JupyterLab's server tells the launcher: the notebooks that came with the workbench, and what is in each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

ENDING = ".ipynb"


@dataclass(frozen=True)
class Tile:
    """A notebook in the launcher."""

    name: str  # of its file
    title: str  # its first heading
    label: str  # the part of it that fits a tile


def list_tiles() -> list[Tile]:
    """A tile for each notebook that came with the workbench, in the order of their numbers."""
    return [make_tile(name, read_shipped(name)) for name in list_shipped()]


def list_shipped() -> list[str]:
    """File names of the notebooks that came with the workbench."""
    return sorted(entry.name for entry in files("workbench_notebooks").iterdir() if entry.name.endswith(ENDING))


def make_tile(name: str, notebook: dict[str, Any]) -> Tile:
    """What a notebook's tile says: its first heading, up to a colon; the file's name where there is no heading."""
    lines = [
        line
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown"
        for line in "".join(cell["source"]).splitlines()
    ]
    title = next((line.lstrip("#").strip() for line in lines if line.startswith("#")), name.removesuffix(ENDING))
    return Tile(name, title, title.split(":")[0].strip())


def read_shipped(name: str) -> dict[str, Any]:
    """A notebook that came with the workbench, as JSON has it."""
    text = files("workbench_notebooks").joinpath(name).read_text(encoding="utf-8")
    notebook: dict[str, Any] = json.loads(text)
    return notebook


class TilesHandler(APIHandler):
    """``GET stem-workbench/notebooks``: the tiles."""

    @web.authenticated
    def get(self) -> None:
        """Answer with a list of `Tile`."""
        self.finish(json.dumps([asdict(tile) for tile in list_tiles()]))


class NotebookHandler(APIHandler):
    """``GET stem-workbench/notebooks/NAME``: a notebook, to be copied by who asks."""

    @web.authenticated
    def get(self, name: str) -> None:
        """Answer with the notebook of that name; 404 for any other file."""
        if name not in list_shipped():
            raise web.HTTPError(404, f"no notebook {name!r} came with the workbench")
        self.finish(json.dumps(read_shipped(name)))


def add_handlers(web_app: Any) -> None:
    """Make a Jupyter server answer the launcher."""
    address = url_path_join(web_app.settings["base_url"], "stem-workbench", "notebooks")
    web_app.add_handlers(".*$", [(address, TilesHandler), (f"{address}/([^/]+)", NotebookHandler)])
