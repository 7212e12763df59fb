"""One result, five forms. Same input and time, same bytes: nothing here reads a clock, a terminal or a locale."""
