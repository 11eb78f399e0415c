"""Pipelines of Hugging Face's diffusers as generators: one, or several in a row."""
