"""The command ``openai-realtime``, also ``python -m openai_realtime``."""

import sys

_NEEDED = ("click", "rich")
_MISSING = "openai-realtime: the command line needs click and rich: pip install 'openai-realtime[cli]'"
_BAD_USAGE, _INTERRUPTED = 2, 130


def main() -> None:
    """Run the command line, or say in one line how to install what it needs."""
    try:
        from .cli import main as cli  # noqa: PLC0415 - only here can a missing extra be told from a broken one

        cli()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        sys.stderr.write(f"{_MISSING}\n")
        sys.exit(_BAD_USAGE)
    except KeyboardInterrupt:  # while the modules were loading; later ones end in the command line
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
