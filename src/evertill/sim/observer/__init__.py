"""Watches the demo from outside: HTTP, pages, /proc, folders, the tills' journals and the bytes on the wire. Imports nothing of Evertill but itself."""
