"""A plugin for stem-workbench: `cards` says what it brings, `network` and `window` hold the code."""
