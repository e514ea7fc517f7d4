"""Groups, actions and their history, and standing: the one row a poll reads."""
