"""Text to images: the contract that every generator keeps, the bundled cascade and its rivals. Knows no Django."""
