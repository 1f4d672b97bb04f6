"""`python -m server`."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # start-up makes no garbage to look for: 6 ms; serving enables it
    try:
        from server.process import main
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: {error.name} is not installed for {sys.executable}; use "
            ".venv-serve/bin/python, which `make serve` makes"
        )
    sys.exit(main())
