"""`python -m server`."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # start-up makes no garbage to look for: 6 ms; serving enables it
    from server.process import main

    sys.exit(main())
