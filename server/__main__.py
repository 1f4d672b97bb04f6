"""`python -m server`."""

import gc
import sys

from server.streams import discard_unwritten, open_streams

UNMAPPED = "failed to map segment"
"""What the loader of Linux says of a shared object where there is too little memory."""

if __name__ == "__main__":
    gc.disable()  # start-up makes no garbage to look for: 6 ms; serving enables it
    open_streams()
    try:
        from server.process import main

        exit_code = main()
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: {error.name} is not installed for {sys.executable}; use "
            ".venv-serve/bin/python, which `make serve` makes"
        )
    except (ImportError, MemoryError) as error:
        if isinstance(error, ImportError) and UNMAPPED not in str(error):
            raise
        sys.exit("error: there is too little memory to serve; give the process more")
    discard_unwritten()
    sys.exit(exit_code)
