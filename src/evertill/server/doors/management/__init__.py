"""JSON for systems: /api/v1, with an OpenAPI description."""
