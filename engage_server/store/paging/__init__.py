"""Pages of long lists, always after a key and never by an offset: the last page costs as much as the first."""
