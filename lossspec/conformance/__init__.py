"""Does a loss do what it declares, on every backend? Cases, oracle, laws, matrix and report."""
