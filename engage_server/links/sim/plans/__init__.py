"""What would change if a Thing got another state, and how many of them are changed without doing one twice."""
