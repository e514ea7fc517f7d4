"""When and whether: policies in the tree, changes with proof, decide() and its explanation."""
