"""The server: rooms that own tables, doors that translate, one composition root (asgi)."""
