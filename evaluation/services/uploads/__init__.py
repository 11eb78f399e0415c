"""Images that researchers bring: received, checked, matched to prompts, confirmed."""
