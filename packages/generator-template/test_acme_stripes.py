from generators import conformance, registry


def test_stripes_keeps_the_contract():
    assert conformance.check(registry.load("stripes", {}, size=64), size=64) == []
