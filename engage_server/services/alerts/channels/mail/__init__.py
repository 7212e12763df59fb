"""Mail: the message, the conversation with a server, and what its replies mean."""
