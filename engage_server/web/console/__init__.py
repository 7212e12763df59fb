"""The operators' pages: what people see in a browser."""
