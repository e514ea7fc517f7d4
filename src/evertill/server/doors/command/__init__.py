"""The command line as a door: one module per noun, each command one use case of a room.

A module declares its verbs with argparse only; rooms are imported inside the functions that run, because Django must first know which installation (`--data`) it serves, and because
`evertill bundle` and `evertill keys` work where no installation is.
"""
