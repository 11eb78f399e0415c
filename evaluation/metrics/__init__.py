"""Automatic companions of human judgement: the Frechet distance and its kin. No Django.

>>> from evaluation.metrics.frechet import frechet_distance
>>> frechet_distance([0.0], [[1.0]], [1.0], [[4.0]])
2.0

Reading order: `frechet` (the distance), `moments` (its input, mergeable), `protocols` and `resize` (how an image
becomes what a network sees), `extractors` (the networks), `images` (files to pixels), `pipeline` (a folder to moments).
Only `extractors`, `networks` and `pipeline` load torch, and they do when called.
"""
