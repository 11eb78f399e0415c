"""How far single images show what their prompts ask for: CLIP score, checks of claims, text."""
