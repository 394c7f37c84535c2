"""The models of the book, one family a file; each is readable after its chapter."""
