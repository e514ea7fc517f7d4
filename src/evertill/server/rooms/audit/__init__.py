"""What was done, by whom, and what was refused: append-only rows written in the transaction of the act itself."""
