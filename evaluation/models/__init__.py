"""The nouns of the platform, one file each."""

from evaluation.models.account import SignInLink
from evaluation.models.crowd import Departure, RaterAbout
from evaluation.models.generation import GenerationRun, RunStatus, Sample, SampleFailure, StoredImage, Upload
from evaluation.models.incoming import IncomingFile
from evaluation.models.look import ResultLook
from evaluation.models.metric import MetricRun, MetricScore, MetricShard
from evaluation.models.rating import Rating, Theme
from evaluation.models.report import Report
from evaluation.models.seal import Seal, SealedRating
from evaluation.models.study import (
    Assignment,
    Comparison,
    DeviceCode,
    Invitation,
    Place,
    Rater,
    Refusal,
    SkipKind,
    Study,
    StudyImage,
    StudyQuestion,
    StudyRun,
    StudyStatus,
    Uncovering,
)
from evaluation.models.suite import Prompt, Suite
from evaluation.models.votes import ImportedVotes

__all__ = [
    "Assignment",
    "Comparison",
    "Departure",
    "DeviceCode",
    "GenerationRun",
    "ImportedVotes",
    "IncomingFile",
    "Invitation",
    "MetricRun",
    "MetricScore",
    "MetricShard",
    "Place",
    "Prompt",
    "Rater",
    "RaterAbout",
    "Rating",
    "Refusal",
    "Report",
    "ResultLook",
    "RunStatus",
    "Sample",
    "SampleFailure",
    "Seal",
    "SealedRating",
    "SignInLink",
    "SkipKind",
    "StoredImage",
    "Study",
    "StudyImage",
    "StudyQuestion",
    "StudyRun",
    "StudyStatus",
    "Suite",
    "Theme",
    "Uncovering",
    "Upload",
]
