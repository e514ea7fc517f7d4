"""Evertill: an open terminal management system for payment terminals."""
