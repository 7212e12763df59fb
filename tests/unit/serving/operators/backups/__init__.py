"""The process of the nightly backup."""
