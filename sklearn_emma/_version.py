"""The version, in a file of its own: nothing needs the whole package for it."""

__version__ = "0.1.0"
