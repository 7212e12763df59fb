"""The ingress: a separate process that partners' systems call. Never a device listener."""
