"""What a device gets when it calls in: from its files here, or from the partner's own system."""
