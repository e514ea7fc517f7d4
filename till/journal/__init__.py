"""The journal: what was sold, refunded, paid and settled, durable before anybody is told. Nothing outside writes its
tables.
"""
