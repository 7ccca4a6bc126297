"""The command line as `python -m lossspec`."""

from lossspec.cli import main

if __name__ == "__main__":
    main()
