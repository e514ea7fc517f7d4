"""Releases, artifacts, and the signed repository that alone can make a terminal trust them."""
