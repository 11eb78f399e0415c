"""Distances between sets of images, from their features: Frechet and its kin, their errors, their metrics."""
