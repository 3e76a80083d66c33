"""Warnings of a class of their own, so that they can be silenced by themselves."""

from sklearn_emma._inputs.doubts import ModesWarning

__all__ = ["ModesWarning"]
