"""One package per door: translates between the outside and the rooms; a call is at most one command and any number of reads."""
