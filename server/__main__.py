"""`python -m server`."""

import gc
import sys

from server.streams import discard_unwritten, open_streams

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
    except MemoryError:
        sys.exit("error: there is too little memory to serve; give the process more")
    discard_unwritten()
    sys.exit(exit_code)
