"""How much of something fits: each limit once, for columns, forms, the API, readers and commands alike.

A column of the database, the field of a form and the check of a reader that hold one thing take one name from here.
"""

from __future__ import annotations

PROMPT = 32_000
"""Characters of a prompt: what the longest text encoders take, some 8,000 tokens."""
CATEGORY = 200
"""Characters of a category; a panel of raters is called by it."""
SUITE_NAME = 100
STUDY_NAME = 100
RUN_NAME = 120
LABEL = 120
"""Characters of a run's label in a study, and of an invitation's."""
GENERATOR = 100
METRIC = 100
TITLE = 200
LICENCE = 200
CONTACT = 200
CONSENT = 20_000
CONTENT_WARNING = 2_000
SOURCE = 500
"""Characters of where a suite was read from, and of a path."""
FILE_NAME = 300
"""Characters of the name that an uploaded file had; of a longer one the end is kept."""
NAME_IN_ARCHIVE = 500
"""Characters of a path inside an upload."""
FOLDER = 200
"""Characters of a folder's name inside a cache of ours."""
QUESTION = 60
"""Characters of a question's id, with a claim's number, and of a closed answer's."""
SHOWN_PIXELS = 20_000
"""Pixels, of the page or of the device, that an image is shown wide at most: above any screen."""
LANGUAGE = 35
"""Characters of a language tag."""
PARTICIPANT = 200
"""Characters of a crowd platform's ids."""
COMPLETION_CODE = 100
COMPLETION_URL = 500
PLATFORM = 20
"""Characters of a recruitment site's name among ours."""
TERMS = 1_000
"""Characters of what a crowd study declares of its approval, pay, retention and withdrawal, each."""
ABOUT = 300
"""Characters of a question about the rater, and of each of its answers."""
ABOUT_ID = 30
USERNAME = 150
"""Characters of an account's name, as Django has it."""
PASSWORD = 4_096
REASON = 200
"""Characters that are kept of why a trial was skipped."""
METRIC_LABEL = 300
REFERENCE_NAME = 200
REFERENCE = 250
"""Characters by which a suite (`name@version`), a reference (`run:NAME`) or an option is named: above all of these."""
MESSAGE = 2_000
"""Characters that are kept of what a program said (`common.text.cleaned`)."""
FINGERPRINT = 64
"""Hexadecimal digits of a SHA-256."""
SIGNATURE = 128
"""Hexadecimal digits of an Ed25519 signature."""
PARAMETER = 1_000
"""Characters of a parameter of kind text."""
ARGUMENT = 100_000
"""Characters of an argument of a command: far above any use, and below what a terminal's line takes."""

COLUMN = 2**31 - 1
BIG_COLUMN = 2**63 - 1
"""The largest numbers that columns of whole numbers take."""

VOTES_FILE = 2**29
"""Bytes of a file of votes that is in another form than ours, and is read whole."""
WORKBOOK = 2**29
"""Bytes that an Excel workbook may unpack to."""

JSON_DEPTH = 64
"""Lists and objects inside each other, in JSON from outside."""
