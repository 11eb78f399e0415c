"""Generation runs: asked for, drawn, exported."""
