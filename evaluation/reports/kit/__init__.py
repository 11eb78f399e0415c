"""The paper kit: what a paper needs of a study's report, in one zip. `source` says what it is made of, `contents` what
is in it.
"""
