"""Shifts, since 1.2.0: the drawer is opened with a float and counted at the end. Journal schema 3 keeps them."""
