"""Statistics of human preference: DataFrame in, frozen dataclasses out. No Django, no torch; usable from a notebook.

>>> from evaluation.analysis import analyse, read_ratings  # doctest: +SKIP
>>> analyse(read_ratings("ratings.csv")).to_frame()  # doctest: +SKIP
"""

from evaluation.analysis.frame import RatingsError, read_ratings, validate_ratings
from evaluation.analysis.summary import analyse
from evaluation.analysis.summary_results import Analysis

__all__ = ["Analysis", "RatingsError", "analyse", "read_ratings", "validate_ratings"]
