"""The losses of other libraries under their own names and conventions, on the arrays of any framework."""
