"""A package to start a plugin from. `plugin-template` is that package, as real files under a name to be replaced."""
