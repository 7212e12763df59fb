"""What waits on this host: uploads for partners' systems, uploads that these refused, and databases for doors."""
