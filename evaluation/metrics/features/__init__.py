"""Images to features to moments: decoding, resizing, extractors, statistics, references."""
