"""Terminals and their models, the tokens they show, what they last said of themselves and when."""
