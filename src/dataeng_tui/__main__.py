"""``python -m dataeng_tui``."""

from dataeng_tui.cli import main

if __name__ == "__main__":
    main()
