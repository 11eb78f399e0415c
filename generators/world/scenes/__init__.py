"""Procedural scenes: what is in a picture (`truth`), sentences that say it (`captions`), where it stands (`layout`),
and its pixels, drawn one by one on the CPU (`render`) or by the thousand with torch (`compose`)."""

WORLD = "scenes/2"
"""The version of this world, kept with the weights that were trained on it. scenes/1: 54 objects on plain grounds."""
