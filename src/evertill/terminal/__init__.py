"""What runs on a payment terminal: supervisor, agent, screen, and the command line."""
