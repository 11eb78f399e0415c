"""Researchers' accounts: sign-in links and tokens of the API."""
