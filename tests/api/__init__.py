"""What others judge about the API, on a real running pair: its document, and what their tools do with it."""
