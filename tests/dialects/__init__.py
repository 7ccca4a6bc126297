"""The dialects judged by the suites of the libraries whose names they have."""
