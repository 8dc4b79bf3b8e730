"""The keeper as a program: `python -I -S` compiles a program at every start, and a module only once."""

import sys

if __name__ == "__main__":
    sys.path.append(__file__.rpartition("/")[0])
    __import__("keeper").main()  # a module of its own here, for its package would load much more
