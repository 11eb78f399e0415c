"""The design of studies: which samples, which sides, which order, which panel. Pure, and random only by seed.

Every draw takes its own `random.Random` from `rng_for`, so that a draw depends on the study's seed and on what it is
for, not on what was drawn before. Python's generator rather than NumPy's: its streams do not change with a version of
a library, and a place that is given again in the middle of a study must get the same row of the same design.
"""

from evaluation.design.allocation import PanelPlan, PanelShape, PlannedTrial, Showing, plan_panel
from evaluation.design.counterbalance import balanced_orders, balanced_sides
from evaluation.design.errors import DesignError
from evaluation.design.panels import next_place
from evaluation.design.samples import choose_samples
from evaluation.design.seeds import derived_seed, rng_for

__all__ = [
    "DesignError",
    "PanelPlan",
    "PanelShape",
    "PlannedTrial",
    "Showing",
    "balanced_orders",
    "balanced_sides",
    "choose_samples",
    "derived_seed",
    "next_place",
    "plan_panel",
    "rng_for",
]
