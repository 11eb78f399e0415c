"""How work reaches workers, and who holds what meanwhile."""
