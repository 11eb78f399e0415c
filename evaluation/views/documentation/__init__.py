"""The documentation's pages, for everybody."""
