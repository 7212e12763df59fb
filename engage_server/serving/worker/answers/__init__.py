"""What a request is answered with: prepared bytes, the app in a few threads, or a refusal."""
