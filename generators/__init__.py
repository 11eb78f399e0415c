"""Text to images: the contract that every generator keeps, the bundled cascade and its rivals. Knows no Django.

    from generators import Generator, ImageRequest, registry

    cascade = registry.load("cascade", {}, size=64)
    image = next(cascade.generate([ImageRequest("0", "00000", "A red car.", sample=0, run_seed=0)])).image

What this page exports is public (`__init__.pyi` lists it) and is loaded when it is first used; the modules below may
move.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
