"""Who may do what, decided in one place: people, their sign-ins, and tokens of other systems."""
