"""The sealed bundle of a study: what is in it, how its ratings are committed to, and how a stranger checks it. Pure.

docs/bundle.md has the form. Nothing here knows Django: `python -m evaluation.reports.bundle FILE` checks a bundle with
numpy, scipy, pandas and cryptography alone.
"""
