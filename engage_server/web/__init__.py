"""HTTP only: read, ask a service, render."""
