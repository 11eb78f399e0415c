"""Procedural scenes: what is in a picture (`captions`), where it stands (`layout`), and its pixels (`render`)."""
