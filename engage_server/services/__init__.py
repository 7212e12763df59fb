"""Everything that a device or an operator can ask for, one room for each subject. No Flask, no SQL, no click."""
