"""The API for other systems: ``/api/v1`` on the operators' listener, made from one table of routes."""
