"""Reports of studies, made and kept."""
