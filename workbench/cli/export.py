"""``workbench export``: a notebook run from its first cell to its last, as one HTML file that needs nothing else."""

from __future__ import annotations

import os
import time
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.export_math import draw_formula
from workbench.cli.export_sound import EXACT_BYTES, compress_sound, measure_sound_bytes
from workbench.cli.messages import make_line, showing_notices
from workbench.errors import InvalidValue, WorkbenchError, WorkbenchNotice
from workbench.io.staging import staged_files
from workbench.pipeline.outputs import check_files
from workbench.pipeline.trace_step import format_bytes

if TYPE_CHECKING:
    from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# nbconvert's page without the scripts that it would fetch: require.js, jQuery, MathJax, Mermaid, widgets. Its style has
# code in widgets' pictures of themselves in the font of text, and words in their tables at the right.
TEMPLATE = """
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock html_head_js -%}
{%- block jupyter_widgets -%}{%- endblock jupyter_widgets -%}
{%- block html_head_js_mathjax -%}{%- endblock html_head_js_mathjax -%}
{%- block html_head_js_mermaidjs -%}{%- endblock html_head_js_mermaidjs -%}
{%- block html_head_css -%}
{{ super() }}
<style>
.jp-RenderedHTMLCommon pre { font-family: var(--jp-code-font-family); font-size: var(--jp-code-font-size); }
.jp-RenderedHTMLCommon table:not(.dataframe) :is(th, td) { text-align: left; }
</style>
{%- endblock html_head_css -%}
"""
# Of what an output offers, the first of these is shown; neither widgets nor scripts, which would need a kernel.
SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/latex", "text/plain"]
LOADING = {"script": "src", "img": "src", "audio": "src", "video": "src", "source": "src", "iframe": "src"}


def export_notebook(path: Path, *, out: Path | None, exact_sound: bool, overwrite: bool, quiet: bool) -> None:
    """Run a notebook and write it as HTML, beside it under its name unless ``out`` says where.

    Sound is 16-bit FLAC; more of it than `EXACT_BYTES` becomes Opus unless ``exact_sound``, and the page says so.
    """
    out = path.with_suffix(".html") if out is None else out
    check_files([out], overwrite=overwrite, inputs=[path])  # before any work
    started = time.perf_counter()
    with showing_notices():
        notebook = read_notebook(path)
        run_notebook(notebook, path=path)
        sound_bytes = measure_sound_bytes(notebook)
        if sound_bytes > EXACT_BYTES and not exact_sound:
            bit_rate = compress_sound(notebook)
            coding = f"Opus at {bit_rate / 1000:.0f} kbit/s, for listening"
            tell_coding(notebook, coding)
            warnings.warn(
                f"{path}: its sound would take {format_bytes(sound_bytes)}, so that it is {coding}; "
                "--exact-sound keeps it as it is",
                WorkbenchNotice,
                stacklevel=2,
            )
        page = render_notebook(notebook, path=path)
        for address in list_loaded(page):
            warnings.warn(f"{path}: the page loads {address}, so it needs a network", WorkbenchNotice, stacklevel=2)
        with staged_files([out], overwrite=overwrite) as (draft,):
            draft.write_text(page, encoding="utf-8")
    if not quiet:
        seconds = time.perf_counter() - started
        print(make_line(f"{out}: {format_bytes(out.stat().st_size)} ({seconds:.1f} s)"), flush=True)


def read_notebook(path: Path) -> NotebookNode:
    """A notebook of any version of the format, as one of version 4.

    Raises:
        InvalidValue: the file is missing, cannot be read or is no notebook.
    """
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise InvalidValue(f"cannot read {path}: {reason}; expected a notebook (.ipynb)") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without an id, which it then gives them
            notebook: NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
            nbformat.validate(notebook)
    except Exception as error:  # of nbformat's and jsonschema's many kinds, and KeyError for JSON of another shape
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise InvalidValue(f"{path} is not a notebook: {reason}") from error
    return notebook


def run_notebook(notebook: NotebookNode, *, path: Path) -> None:
    """Run all cells in a new kernel, in the notebook's folder; what they give replaces the outputs in ``notebook``.

    The kernel finds ``WORKBENCH_EXPORT`` in its environment, so that widgets give a picture and sound for a page.

    Raises:
        WorkbenchError: the kernel cannot be started or died, or a cell raised.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "python3"),
        extra_arguments=["--log-level=ERROR"],  # its warnings about the machine are not for here
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    position = 0
    try:
        # Not client.execute(), which takes SIGINT and SIGTERM for itself: here they end the command as everywhere.
        with client.setup_kernel(env=os.environ | {"WORKBENCH_EXPORT": "1"}):
            try:
                for position, cell in enumerate(notebook.cells, start=1):
                    client.execute_cell(cell, position - 1)
            except KeyboardInterrupt:
                client.shutdown_kernel = "immediate"  # which else waits for the cell
                raise
    except CellExecutionError as error:
        reason = " ".join(f"{error.ename}: {error.evalue}".split())
        cell = notebook.cells[position - 1]
        line = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
        raise WorkbenchError(
            f"{path}: cell {position} (of {len(notebook.cells)}, {line[:60]!r}) raised {reason}; nothing was written"
        ) from error
    except DeadKernelError as error:
        raise WorkbenchError(f"{path}: the kernel died in cell {position}; nothing was written") from error
    except NoSuchKernel as error:
        raise WorkbenchError(f"{path}: no kernel {error.name!r} is installed; see: jupyter kernelspec list") from error
    for position, cell in enumerate(notebook.cells, start=1):
        _drop_views(cell, position=position, path=path)


def _drop_views(cell: NotebookNode, *, position: int, path: Path) -> None:
    """Take out views of widgets other than the workbench's, which say nothing without a kernel."""
    for output in cell.get("outputs", ()):
        data: dict[str, Any] = output.get("data", {})
        if data.pop(WIDGET_VIEW, None) is not None and not set(data) & set(SHOWN[:-1]):
            warnings.warn(
                f"{path}: cell {position} shows a widget that cannot be exported; its text stands there instead",
                WorkbenchNotice,
                stacklevel=3,
            )


def tell_coding(notebook: NotebookNode, coding: str) -> None:
    """Say after the first cell how the sound of the page is coded."""
    from nbformat.v4 import new_markdown_cell

    line = f"*Sound on this page is {coding}: what is said of samples and levels holds for the run, not for it.*"
    notebook.cells.insert(1, new_markdown_cell(line))  # type: ignore[no-untyped-call]


def render_notebook(notebook: NotebookNode, *, path: Path) -> str:
    """A notebook with its outputs as one HTML page; pictures beside it that its text shows go into the page."""
    from jinja2 import pass_context
    from nbconvert import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
    from traitlets.config import Config

    class Renderer(IPythonRenderer):
        """Text with its formulas drawn."""

        def inline_math(self, body: str) -> str:
            return draw_formula(body, block=False)

        def block_math(self, body: str) -> str:
            return draw_formula(body, block=True)

    folder = str(path.resolve().parent)

    def render_text(context: Any, source: str) -> str:
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = Renderer(
            escape=False, attachments=attachments, embed_images=True, path=folder, exclude_anchor_links=True
        )
        text: str = MarkdownWithMath(renderer=renderer).render(source)
        return text

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        raw_template=TEMPLATE, config=Config({"NbConvertBase": {"display_data_priority": SHOWN}})
    )
    exporter.register_filter("markdown2html", pass_context(render_text))  # type: ignore[no-untyped-call]
    resources = {"metadata": {"name": path.stem, "path": folder}}
    page: str = exporter.from_notebook_node(notebook, resources=resources)[0]
    return page


def list_loaded(page: str) -> list[str]:
    """Addresses on a network that a page loads scripts, styles, pictures or sound from."""
    finder = _Finder()
    finder.feed(page)
    finder.close()
    return sorted(finder.found)


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = (given.get("href") if tag == "link" else given.get(LOADING.get(tag, ""))) or ""
        if address.lower().startswith(("http:", "https:", "//")):
            self.found.add(address)
