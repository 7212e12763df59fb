"""What the settings say about the OpenID provider."""
