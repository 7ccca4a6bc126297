"""The command line, as `lossspec` and as `python -m lossspec`: with the extra `check`, or in plain text without it."""


def main() -> None:
    """Run the command line."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as missing:
        from lossspec.plain import main as plain

        plain(missing.name or "rich and typer")
    else:
        from lossspec.cli import app

        app()


if __name__ == "__main__":
    main()
