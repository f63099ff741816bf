"""The notebooks in JupyterLab's launcher: a tile for each, in a section of their own.

The page's part is ``launcher.js``, a JupyterLab extension as it is loaded, without a build step; installation puts it
with ``package.json`` into ``share/jupyter/labextensions/stem-workbench``. It asks the server's part, here, for the
notebooks, so that they are installed once and an editable installation offers them as they are; what turns that part on
goes from ``stem-workbench.json`` to ``etc/jupyter/jupyter_server_config.d``.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "workbench.labextension"}]


def _load_jupyter_server_extension(server_app: Any) -> None:
    from workbench.labextension.server import add_handlers

    add_handlers(server_app.web_app)
