"""How a request is answered: with prepared bytes, by the app in a few threads, or with a refusal."""
