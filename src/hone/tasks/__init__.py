"""What is asked: problems, demonstrations by strategy, grading."""

from hone.tasks.parity import Parity
from hone.tasks.registry import parse_task

__all__ = ["Parity", "parse_task"]
