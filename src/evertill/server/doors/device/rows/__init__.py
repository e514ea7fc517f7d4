"""The rows of the device API (DDI facts §1), one file per subject. Each is a plain function: one call in, at most one command of a room, one answer out."""
