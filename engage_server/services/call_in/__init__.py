"""Answers call-ins: from the device's files here, or from the partner's own system."""
