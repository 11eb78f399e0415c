"""The literature that a report rests on, as BibTeX: DrawBench's paper, and what describes each method that it used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.analysis.effective import EFFECTIVE
from evaluation.analysis.sequential import T_SEQUENCE
from evaluation.reports.kit.source import KitSource

Fields = Mapping[str, str]

ENTRIES: Mapping[str, tuple[str, Fields]] = {
    "saharia2022imagen": (
        "inproceedings",
        {
            "author": "Saharia, Chitwan and Chan, William and Saxena, Saurabh and Li, Lala and Whang, Jay and Denton, "
            "Emily and Ghasemipour, Seyed Kamyar Seyed and Karagol Ayan, Burcu and Mahdavi, S. Sara and Gontijo Lopes, "
            "Rapha and Salimans, Tim and Ho, Jonathan and Fleet, David J. and Norouzi, Mohammad",
            "title": "Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding",
            "booktitle": "Advances in Neural Information Processing Systems",
            "volume": "35",
            "year": "2022",
            "eprint": "2205.11487",
        },
    ),
    "otani2023verifiable": (
        "inproceedings",
        {
            "author": "Otani, Mayu and Togashi, Riku and Sawai, Yu and Ishigami, Ryosuke and Nakashima, Yuta and "
            "Rahtu, Esa and Heikkil{\\\"a}, Janne and Satoh, Shin'ichi",
            "title": "Toward Verifiable and Reproducible Human Evaluation for Text-to-Image Generation",
            "booktitle": "Proceedings of the {IEEE/CVF} Conference on Computer Vision and Pattern Recognition",
            "pages": "14277--14286",
            "year": "2023",
        },
    ),
    "lee2023heim": (
        "inproceedings",
        {
            "author": "Lee, Tony and Yasunaga, Michihiro and Meng, Chenlin and others",
            "title": "Holistic Evaluation of Text-to-Image Models",
            "booktitle": "Advances in Neural Information Processing Systems",
            "volume": "36",
            "year": "2023",
            "eprint": "2311.04287",
        },
    ),
    "wiles2024gecko": (
        "misc",
        {
            "author": "Wiles, Olivia and Zhang, Chuhan and Albuquerque, Isabela and others",
            "title": "Revisiting Text-to-Image Evaluation with {Gecko}: On Metrics, Prompts, and Human Ratings",
            "year": "2024",
            "eprint": "2404.16820",
        },
    ),
    "cho2024dsg": (
        "inproceedings",
        {
            "author": "Cho, Jaemin and Hu, Yushi and Baldridge, Jason and others",
            "title": "{Davidsonian} Scene Graph: Improving Reliability in Fine-grained Evaluation for Text-to-Image "
            "Generation",
            "booktitle": "International Conference on Learning Representations",
            "year": "2024",
            "eprint": "2310.18235",
        },
    ),
    "louviere2015bestworst": (
        "book",
        {
            "author": "Louviere, Jordan J. and Flynn, Terry N. and Marley, A. A. J.",
            "title": "Best-Worst Scaling: Theory, Methods and Applications",
            "publisher": "Cambridge University Press",
            "year": "2015",
        },
    ),
    "li2024ksort": (
        "misc",
        {
            "author": "Li, Zhikai and Liu, Xuewen and Fu, Dongrong and others",
            "title": "{K}-Sort Arena: Efficient and Reliable Benchmarking for Generative Models via {K}-wise Human "
            "Preferences",
            "year": "2024",
            "eprint": "2408.14468",
        },
    ),
    "satterthwaite1946": (
        "article",
        {
            "author": "Satterthwaite, F. E.",
            "title": "An Approximate Distribution of Estimates of Variance Components",
            "journal": "Biometrics Bulletin",
            "volume": "2",
            "number": "6",
            "pages": "110--114",
            "year": "1946",
        },
    ),
    "henderson1953": (
        "article",
        {
            "author": "Henderson, C. R.",
            "title": "Estimation of Variance and Covariance Components",
            "journal": "Biometrics",
            "volume": "9",
            "number": "2",
            "pages": "226--252",
            "year": "1953",
        },
    ),
    "cameron2011multiway": (
        "article",
        {
            "author": "Cameron, A. Colin and Gelbach, Jonah B. and Miller, Douglas L.",
            "title": "Robust Inference with Multiway Clustering",
            "journal": "Journal of Business \\& Economic Statistics",
            "volume": "29",
            "number": "2",
            "pages": "238--249",
            "year": "2011",
        },
    ),
    "holm1979": (
        "article",
        {
            "author": "Holm, Sture",
            "title": "A Simple Sequentially Rejective Multiple Test Procedure",
            "journal": "Scandinavian Journal of Statistics",
            "volume": "6",
            "number": "2",
            "pages": "65--70",
            "year": "1979",
        },
    ),
    "bradleyterry1952": (
        "article",
        {
            "author": "Bradley, Ralph Allan and Terry, Milton E.",
            "title": "Rank Analysis of Incomplete Block Designs: {I}. The Method of Paired Comparisons",
            "journal": "Biometrika",
            "volume": "39",
            "number": "3/4",
            "pages": "324--345",
            "year": "1952",
        },
    ),
    "davidson1970": (
        "article",
        {
            "author": "Davidson, Roger R.",
            "title": "On Extending the {Bradley-Terry} Model to Accommodate Ties in Paired Comparison Experiments",
            "journal": "Journal of the American Statistical Association",
            "volume": "65",
            "number": "329",
            "pages": "317--328",
            "year": "1970",
        },
    ),
    "plackett1975": (
        "article",
        {
            "author": "Plackett, R. L.",
            "title": "The Analysis of Permutations",
            "journal": "Journal of the Royal Statistical Society Series C",
            "volume": "24",
            "number": "2",
            "pages": "193--202",
            "year": "1975",
        },
    ),
    "firth2019davidsonluce": (
        "misc",
        {
            "author": "Firth, David and Kosmidis, Ioannis and Turner, Heather L.",
            "title": "{Davidson-Luce} Model for Multi-item Choice with Ties",
            "year": "2019",
            "eprint": "1909.07123",
        },
    ),
    "krippendorff2011alpha": (
        "misc",
        {
            "author": "Krippendorff, Klaus",
            "title": "Computing {Krippendorff}'s Alpha-Reliability",
            "howpublished": "University of Pennsylvania, Departmental Papers (ASC)",
            "year": "2011",
        },
    ),
    "fleiss1971": (
        "article",
        {
            "author": "Fleiss, Joseph L.",
            "title": "Measuring Nominal Scale Agreement among Many Raters",
            "journal": "Psychological Bulletin",
            "volume": "76",
            "number": "5",
            "pages": "378--382",
            "year": "1971",
        },
    ),
    "waudbysmith2024betting": (
        "article",
        {
            "author": "Waudby-Smith, Ian and Ramdas, Aaditya",
            "title": "Estimating Means of Bounded Random Variables by Betting",
            "journal": "Journal of the Royal Statistical Society Series B",
            "volume": "86",
            "number": "1",
            "pages": "1--27",
            "year": "2024",
        },
    ),
    "wang2025anytime": (
        "article",
        {
            "author": "Wang, Hongjian and Ramdas, Aaditya",
            "title": "Anytime-Valid t-Tests and Confidence Sequences for {Gaussian} Means with Unknown Variance",
            "journal": "Sequential Analysis",
            "year": "2025",
        },
    ),
    "belz2025heds": (
        "inproceedings",
        {
            "author": "Belz, Anya and Thomson, Craig",
            "title": "{HEDS} 3.0: The Human Evaluation Data Sheet Version 3.0",
            "booktitle": "Proceedings of the Fourth Workshop on Generation, Evaluation and Metrics ({GEM}$^2$)",
            "pages": "60--81",
            "year": "2025",
            "eprint": "2412.07940",
        },
    ),
}
"""By key: the kind of entry and its fields."""

DRAWBENCH = "saharia2022imagen"
BY_SOURCE: Mapping[str, Sequence[str]] = {
    "2205.11487": (DRAWBENCH,),
    "Otani et al. 2023": ("otani2023verifiable",),
    "2311.04287": ("lee2023heim",),
    "2404.16820": ("wiles2024gecko",),
    "2310.18235": ("cho2024dsg",),
    "Louviere et al. 2015": ("louviere2015bestworst",),
    "2408.14468": ("li2024ksort",),
}
"""What a protocol's source names, and the entries that it means."""
LISTS = ("otani2023verifiable", "belz2025heds")
"""The two lists that the kit fills in."""
INTERVALS: Mapping[str, Sequence[str]] = {
    EFFECTIVE: ("henderson1953", "satterthwaite1946"),
    "anova": ("henderson1953", "satterthwaite1946"),
    "two_way": ("cameron2011multiway",),
    "by_rater": ("cameron2011multiway",),
    "by_prompt": ("cameron2011multiway",),
}
"""What describes an interval, by its name in the analysis."""
RANKING: Mapping[str, Sequence[str]] = {
    "davidson": ("davidson1970",),
    "bradley-terry": ("bradleyterry1952",),
    "plackett-luce": ("plackett1975",),
    "best-worst": ("plackett1975",),
    "davidson-luce": ("firth2019davidsonluce",),
}
"""What describes a model of rankings, by its name in the analysis."""


def protocol_keys(source: KitSource) -> list[str]:
    """What the study's protocol was taken from."""
    said = str(source.protocol.get("source", ""))
    return list(dict.fromkeys(key for name, keys in BY_SOURCE.items() if name in said for key in keys))


def interval_keys(source: KitSource) -> list[str]:
    """What describes the default intervals that the report has."""
    rates = [each.overall.net for each in source.document.analysis.comparisons]
    means = [each.mean for each in source.document.answers.estimates] if source.document.answers else []
    methods = dict.fromkeys(each.default for each in (*rates, *means) if each.interval is not None)
    return list(dict.fromkeys(key for method in methods for key in INTERVALS.get(method, ())))


def has_holm(source: KitSource) -> bool:
    """Whether any p-value of the report is adjusted over several."""
    rates = [each.overall for each in source.document.analysis.comparisons]
    families = any(each.standing is not None and (each.standing.n or 1) > 1 for each in rates)
    categories = [rate for each in source.document.analysis.comparisons for rate in each.categories.values()]
    return families or any(each.p_holm is not None for each in categories)


def ranking_keys(source: KitSource) -> list[str]:
    """What describes the report's rankings."""
    models = [each.model for each in source.rankings]
    return list(dict.fromkeys(key for model in models for key in RANKING.get(model.lower(), ())))


def agreement_keys(source: KitSource) -> list[str]:
    """What describes the coefficients of agreement that the report has."""
    methods = " ".join(each.method for found in source.document.analysis.agreement.values() for each in found)
    if source.document.answers is not None:
        methods += " ".join(each.method for each in source.document.answers.agreement.values())
    named = {"krippendorff2011alpha": "alpha", "fleiss1971": "kappa"}
    return [key for key, word in named.items() if word in methods.lower()]


def stopping_keys(source: KitSource) -> list[str]:
    """What describes the interval of the declared stopping rule; none without a rule."""
    rule = source.specification.get("stopping_rule")
    if not rule:
        return []
    return ["wang2025anytime" if rule.get("method", T_SEQUENCE) == T_SEQUENCE else "waudbysmith2024betting"]


def used(source: KitSource) -> list[str]:
    """The keys of everything that a paper on this report cites, DrawBench's paper first."""
    keys = [DRAWBENCH, *protocol_keys(source), *interval_keys(source), *ranking_keys(source), *agreement_keys(source)]
    keys += ["holm1979"] if has_holm(source) else []
    return list(dict.fromkeys([*keys, *stopping_keys(source), *LISTS]))


def bibtex(source: KitSource) -> str:
    """All that is `used`, as a .bib file."""
    return "\n".join(_entry(key) for key in used(source))


def _entry(key: str) -> str:
    kind, fields = ENTRIES[key]
    own = {name: text for name, text in fields.items() if name != "eprint"}
    if "eprint" in fields:  # styles without eprint print a note
        own |= {"eprint": fields["eprint"], "archivePrefix": "arXiv", "note": f"arXiv:{fields['eprint']}"}
    lines = [f"  {name} = {{{text}}}," for name, text in own.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}", ""])
