"""The table of routes, one module for each thing that they are about."""
