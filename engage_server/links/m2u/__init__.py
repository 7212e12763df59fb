"""Talk2M M2U: an industrial router sends through Talk2M, which calls us and says whose router it was."""
