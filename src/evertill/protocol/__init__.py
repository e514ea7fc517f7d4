"""The words that server and terminal both speak: formats, names, states and pure rules. No I/O, no framework."""
