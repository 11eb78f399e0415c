"""The protocols that studies can be held under, the lab's own among them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation import protocols
from evaluation.api.base import Endpoint
from evaluation.api.serializers import ProtocolSerializer
from evaluation.protocols.serving import needs
from evaluation.protocols.summary import in_a_line
from evaluation.selectors.own_protocols import own_protocols


class ProtocolList(Endpoint):
    """All protocols."""

    @extend_schema(operation_id="protocols_list", responses=ProtocolSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the protocols: those that are included, then those of earlier studies, the newest first."""
        listed = [_entry(protocols.get(name), None) for name in protocols.names()]
        listed += [_entry(each.protocol, each.study) for each in own_protocols()]
        return Response(ProtocolSerializer(listed, many=True).data)


def _entry(protocol: protocols.Protocol, study: str | None) -> dict[str, object]:
    return {
        "name": protocol.name,
        "title": protocol.title,
        "source": protocol.source,
        "summary": in_a_line(protocol),
        "needs": sorted(needs(protocol)),
        "study": study,
        "declaration": protocol.specification(),
    }
