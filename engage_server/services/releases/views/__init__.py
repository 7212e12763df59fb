"""What people look at: what a release holds, and how two of them differ."""
