"""Discounts, since 1.1.0: a percentage or an amount off a sale. Journal schema 2 keeps them."""
