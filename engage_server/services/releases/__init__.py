"""The life of a release, which workers and hosts serve it, and until when its certificates are valid."""
