"""Statistics of human preference: DataFrame in, frozen dataclasses out. No Django, no torch; usable from a notebook.

>>> from evaluation.analysis import analyse, read_ratings  # doctest: +SKIP
>>> analyse(read_ratings("ratings.csv")).to_frame()  # doctest: +SKIP

What this page exports is public; the modules below it may move. Nothing here is heavy, so all is imported at once: a
function that has its module's name (`audit`) is then the function, whoever imported the module before.
"""

from evaluation.analysis.agreement import Agreement, fleiss_kappa, krippendorff_alpha
from evaluation.analysis.answer_analysis import analyse_answers
from evaluation.analysis.answer_results import AnswerAnalysis
from evaluation.analysis.answers import preferences, read_answers, validate_answers
from evaluation.analysis.audit import Audit, audit, possible_spread
from evaluation.analysis.automatic_agreement import automatic_agreement
from evaluation.analysis.automatic_results import AutomaticAgreement
from evaluation.analysis.automatic_scores import read_automatic_scores, validate_automatic_scores
from evaluation.analysis.betting import betting_bounds, betting_sequence
from evaluation.analysis.classic import (
    agresti_coull,
    clopper_pearson,
    goodman,
    holm,
    jeffreys,
    newcombe,
    sign_test,
    tango,
    tost,
    wald_net,
    wilson,
)
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.compare import Difference, Equivalence, Selection, differences, effect_in_words, equivalence
from evaluation.analysis.coverage import Coverage, coverage, coverage_like
from evaluation.analysis.crossed_spread import Spread, crossed_spread
from evaluation.analysis.displays import Displays, displays
from evaluation.analysis.draws import DrawParts, draw_parts
from evaluation.analysis.estimands import ESTIMANDS
from evaluation.analysis.estimates import Interval, MeanEstimate, PreferenceRate
from evaluation.analysis.families import Family
from evaluation.analysis.fragility import Fragility, fragility
from evaluation.analysis.frame import read_ratings, validate_ratings
from evaluation.analysis.groups import GroupResults, rates_by_group, without_rare
from evaluation.analysis.influence import Influence, influence
from evaluation.analysis.planning import (
    Components,
    Costs,
    Pilot,
    Plan,
    cheapest,
    components_from_pilot,
    detectable,
    nested_standard_error,
    power,
    precision_table,
    raters_needed,
    standard_error,
)
from evaluation.analysis.pooling import PooledRanking, rank_by_category
from evaluation.analysis.powered_ranking import PoweredRanking, powered_rankings
from evaluation.analysis.powered_results import PredictionPowered
from evaluation.analysis.prediction_powered import prediction_powered
from evaluation.analysis.preference import preference_rate
from evaluation.analysis.rank_correlation import kendall_tau_b
from evaluation.analysis.ranked import rank_orders
from evaluation.analysis.ranking import Ranking, rank_generators
from evaluation.analysis.raters import Screening, ScreeningRule, rater_table, screen
from evaluation.analysis.reliability import Reliability, dawid_skene, mace
from evaluation.analysis.resample import Resampled, pigeonhole_bootstrap
from evaluation.analysis.results import rounded
from evaluation.analysis.retest import Retest
from evaluation.analysis.score_drift import ScoreDrift, agreement_by_prompt, score_drift
from evaluation.analysis.score_report import ScoreReport, report_scores
from evaluation.analysis.scores import ScoreAnalysis, analyse_scores, read_scores, validate_scores
from evaluation.analysis.sequential import (
    LookSequence,
    StoppingRule,
    beta_binomial,
    decide,
    rater_means,
    replay,
    t_sequence,
)
from evaluation.analysis.sides import SideBias, side_bias
from evaluation.analysis.simulate import Crowd, CrowdSpec, Design, SimulatedTrial, simulate_ratings
from evaluation.analysis.style import StyleParts, read_styles, style_parts
from evaluation.analysis.summary import analyse
from evaluation.analysis.summary_results import Analysis
from evaluation.analysis.tally import tally_ratings
from evaluation.analysis.votes import Votes, read_votes
from evaluation.analysis.votes_pairs import pairs_of_scores

__all__ = [
    "Agreement",
    "Analysis",
    "AnswerAnalysis",
    "Audit",
    "AutomaticAgreement",
    "Components",
    "Costs",
    "Coverage",
    "Crowd",
    "CrowdSpec",
    "Design",
    "Difference",
    "Displays",
    "DrawParts",
    "ESTIMANDS",
    "Equivalence",
    "Family",
    "Fragility",
    "GroupResults",
    "Influence",
    "Interval",
    "LookSequence",
    "MeanEstimate",
    "Pilot",
    "Plan",
    "PooledRanking",
    "PoweredRanking",
    "PredictionPowered",
    "PreferenceRate",
    "Ranking",
    "RatingsError",
    "Reliability",
    "Resampled",
    "Retest",
    "ScoreAnalysis",
    "ScoreDrift",
    "ScoreReport",
    "Screening",
    "ScreeningRule",
    "Selection",
    "SideBias",
    "SimulatedTrial",
    "Spread",
    "StoppingRule",
    "StyleParts",
    "Votes",
    "agreement_by_prompt",
    "agresti_coull",
    "analyse",
    "analyse_answers",
    "analyse_scores",
    "audit",
    "automatic_agreement",
    "beta_binomial",
    "betting_bounds",
    "betting_sequence",
    "cheapest",
    "clopper_pearson",
    "components_from_pilot",
    "coverage",
    "coverage_like",
    "crossed_spread",
    "dawid_skene",
    "decide",
    "detectable",
    "differences",
    "displays",
    "draw_parts",
    "effect_in_words",
    "equivalence",
    "fleiss_kappa",
    "fragility",
    "goodman",
    "holm",
    "influence",
    "jeffreys",
    "kendall_tau_b",
    "krippendorff_alpha",
    "mace",
    "nested_standard_error",
    "newcombe",
    "pairs_of_scores",
    "pigeonhole_bootstrap",
    "possible_spread",
    "power",
    "powered_rankings",
    "precision_table",
    "prediction_powered",
    "preference_rate",
    "preferences",
    "rank_by_category",
    "rank_generators",
    "rank_orders",
    "rater_means",
    "rater_table",
    "raters_needed",
    "rates_by_group",
    "read_answers",
    "read_automatic_scores",
    "read_ratings",
    "read_scores",
    "read_styles",
    "read_votes",
    "replay",
    "report_scores",
    "rounded",
    "score_drift",
    "screen",
    "side_bias",
    "sign_test",
    "simulate_ratings",
    "standard_error",
    "style_parts",
    "t_sequence",
    "tally_ratings",
    "tango",
    "tost",
    "validate_answers",
    "validate_automatic_scores",
    "validate_ratings",
    "validate_scores",
    "wald_net",
    "wilson",
    "without_rare",
]
