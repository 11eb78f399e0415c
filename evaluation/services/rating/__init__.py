"""Raters and what they answer: coming in, answering, taking back, skipping, leaving; and the simulated crowd."""
