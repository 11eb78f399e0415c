"""Automatic scores of runs: asked for, computed by workers in parts, merged."""
