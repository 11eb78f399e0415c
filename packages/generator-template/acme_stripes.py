import numpy as np

from generators import Failure, FailureKind, GeneratorInfo, GeneratorSpec, ImageResult, Parameter, request_seed

SPEC = GeneratorSpec(
    name="stripes",
    summary="Stripes in colours drawn from the prompt.",
    factory="acme_stripes:Stripes",
    parameters=(Parameter("width", "pixels a stripe is wide", 8, low=1, high=64),),
    sizes=(64, 256),
    devices=("cpu",),
)


class Stripes:
    batch_size = 8

    def __init__(self, parameters, *, size, device):
        self.size, self.width = size, parameters["width"]
        self.info = GeneratorInfo("stripes", version="1.0", weights_fingerprint="", provenance={"device": device})

    def generate(self, requests):
        for request in requests:
            if not request.prompt.strip():
                yield ImageResult(request.key, failure=Failure(FailureKind.REFUSED, "the prompt is empty"))
                continue
            seed = request_seed(request, "base")
            random = np.random.default_rng([seed, *request.prompt.encode("utf-8", "replace")])
            colours = random.integers(0, 256, (self.size, 3), dtype=np.uint8)
            row = colours[np.arange(self.size) // self.width]
            yield ImageResult(request.key, np.tile(row, (self.size, 1, 1)), provenance={"seed": seed})

    def close(self):
        pass
