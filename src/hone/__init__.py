"""A laboratory for what RL post-training does to a language model's reasoning."""

from importlib.metadata import version

__version__ = version("hone-lab")
