"""Studies: drafted, opened, locked, closed, and the links that let raters in."""
