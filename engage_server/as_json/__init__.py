"""One shape for each thing: what ``--json`` prints, and what an API gives. Keys are for good."""
