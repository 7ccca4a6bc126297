"""One file a framework: the only places that import it. Found through the entry-point group `lossspec.backends`."""
