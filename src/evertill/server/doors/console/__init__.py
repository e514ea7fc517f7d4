"""The operator's console: pages for staff."""
