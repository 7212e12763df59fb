"""Taking over from the vendor's two sample servers."""
