"""Sites and the devices on their lists."""
