"""Programs that a language model writes as answers: run without trusting them.

The source is parsed, compared with a dialect of Python, and its syntax tree evaluated by functions
of ours. Nothing is ever compiled, executed or imported on a program's behalf.
"""

from hone.tasks.programs.faults import ProgramFault, Reason
from hone.tasks.programs.limits import Limits
from hone.tasks.programs.outcomes import Outcome, call_last, run_block

__all__ = ["Limits", "Outcome", "ProgramFault", "Reason", "call_last", "run_block"]
