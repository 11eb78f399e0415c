"""Suites of prompts become rows."""
