"""What is asked: problems, demonstrations by strategy, grading."""

from hone.tasks.field_arithmetic import FieldArithmetic
from hone.tasks.parity import Parity
from hone.tasks.registry import parse_task
from hone.tasks.rendering import rendering

__all__ = ["FieldArithmetic", "Parity", "parse_task", "rendering"]
