"""A contract of SIMs in the document's shape, its map, and Prism, which answers by it and judges what it is asked."""
