"""The demo: a whole world on one machine, set up and moved by the product's own commands and pages, and ended without a trace."""
