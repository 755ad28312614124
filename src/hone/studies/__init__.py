"""What is claimed: the built-in studies, and what a study file of one's own is made of."""

from hone.studies.courses import courses
from hone.studies.registry import find_study, study_names
from hone.studies.study import Claim, Figure, Study

__all__ = ["Claim", "Figure", "Study", "courses", "find_study", "study_names"]
