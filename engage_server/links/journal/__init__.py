"""What the ingress keeps and may read: events into a spool, and the link tables."""
