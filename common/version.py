"""The program's version, which its packages share."""

VERSION = "0.1.0"
