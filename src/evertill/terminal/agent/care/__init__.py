"""Keeping what is installed whole and running: a damaged slot, a till that hangs, and what is thrown away when it is old."""
