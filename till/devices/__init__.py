"""Devices, since 1.2.0: a receipt printer and a card and code reader. Which ones is kept beside the journal."""
