"""Ratings are sealed: committed to in a chain that can't be written anew unseen."""
