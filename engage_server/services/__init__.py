"""What a device or an operator can ask for, one module each. No Flask, no SQL, no click."""
