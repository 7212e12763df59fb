"""What you and Telekom exchange: which parts are there, which are missing, and what is wrong with them."""
