"""What a report shows: the ratings file, figures, tables and words. Pure: no database, no requests."""
