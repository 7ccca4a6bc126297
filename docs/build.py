"""Build the site: `python docs/build.py`, with the extra `docs` installed."""

from lossdocs.build import main

if __name__ == "__main__":
    main()
