"""Plugins in the box. They come in by the same entry points as anyone's and import only `workbench`."""
