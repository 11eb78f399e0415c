"""Rivals: services, programs and pipelines as generators."""
