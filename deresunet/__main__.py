"""`python -m deresunet`."""

from deresunet.cli import main

if __name__ == "__main__":
    main()
