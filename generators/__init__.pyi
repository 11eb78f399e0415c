# The public face: a name here is loaded from its module when it is first used.
from . import conformance as conformance
from . import registry as registry
from .contract import Failure as Failure
from .contract import FailureKind as FailureKind
from .contract import Generator as Generator
from .contract import GeneratorError as GeneratorError
from .contract import GeneratorFactory as GeneratorFactory
from .contract import GeneratorInfo as GeneratorInfo
from .contract import GeneratorSpec as GeneratorSpec
from .contract import ImageRequest as ImageRequest
from .contract import ImageResult as ImageResult
from .contract import Parameter as Parameter
from .contract import ParameterValue as ParameterValue
from .manifest import read_manifest as read_manifest
from .seeding import derive_seed as derive_seed
from .seeding import noise as noise
from .seeding import request_seed as request_seed
