"""HTTP only: reads a request, asks a service, renders the answer."""
