"""The reference till: a cash till that shows how a payment application behaves under updates.

It imports nothing outside the standard library and its own folder. What others may rely on is written in CONTRACT.md.
"""
