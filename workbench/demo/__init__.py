"""A short piece of music made in code, with its true stems: something to separate without any file."""
