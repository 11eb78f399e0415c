"""Which file shows which prompt, told from names, manifests and tables."""
