"""Certificate requests for Telekom's portal: the four profiles, the organisation, and the files."""
