"""Makes the OpenAPI document of the table of routes."""
