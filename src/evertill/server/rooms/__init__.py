"""One package per room. A room owns its tables and alone writes them; imports go downwards only (see docs/architecture.md)."""
