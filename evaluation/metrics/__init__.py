"""Automatic companions of human judgement: the Frechet distance and its kin, and scores of single images. No Django.

>>> from evaluation.metrics import frechet_distance
>>> frechet_distance([0.0], [[1.0]], [1.0], [[4.0]])
2.0

What this page exports is public (`__init__.pyi` lists it) and is loaded when it is first used, since torch hangs on
some of it; the modules below may move, except `evaluation.metrics.frechet`.

Reading order: `frechet` (the distance); in `features`, `moments` (its input, mergeable), `protocols` and `resize` (how
an image becomes what a network sees), `extractors` (the networks), `images` (files to pixels), `pipeline` (a folder to
moments); then `distances` and `prompts`, which stand on them. `spec` says what a metric is, `registry` which there are.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
