"""Django's PostgreSQL backend for tests: it may empty tables between them, which the product's triggers refuse."""
