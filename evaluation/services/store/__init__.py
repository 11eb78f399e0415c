"""Image files under the hash of their bytes, and small versions of them."""
