"""A world to live in: virtual terminals and the demo. Knows neither server nor terminal, only what both speak."""
