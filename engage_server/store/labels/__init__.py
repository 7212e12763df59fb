"""What people call devices, in the database."""
