"""What each page shows, and what its forms do: one module and one template a page."""
