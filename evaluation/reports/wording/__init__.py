"""What a report says in words: numbers in one form, texts for terminals, descriptions of figures."""
