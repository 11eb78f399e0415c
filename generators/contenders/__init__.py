"""Systems of other shapes on the cascade's own blocks, to be compared with it: what each leaves out or does otherwise.

`specs` names them, `folder` is where their weights lie, `load` puts them before the cascade's super-resolution.
"""
