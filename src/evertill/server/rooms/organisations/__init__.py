"""The tree: one operator at the root, agents, merchants, stores."""
