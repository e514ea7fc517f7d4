"""A terminal's generations: which slot and data are running, which are proven, and how to move between them."""
