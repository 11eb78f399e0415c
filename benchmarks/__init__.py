"""Commands that measure: each prints ratios against a peer or a floor, taken in one run."""
