"""Plans of studies: what one would find, take and cost."""

from __future__ import annotations

from dataclasses import replace

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common import limits
from evaluation import protocols
from evaluation.api.base import Endpoint, ErrorSerializer
from evaluation.api.fields import Named, Number, Query, Whole, Words
from evaluation.errors import ConflictError
from evaluation.protocols import MOST_RATERS
from evaluation.selectors.own_protocols import protocol_named
from evaluation.selectors.plan import (
    MOST_GENERATORS,
    MOST_PAY,
    MOST_SECONDS,
    MOST_SET,
    PlanAsked,
    pilot_named,
    plan_of_study,
    prompts_read,
    study_plan,
    suite_prompts,
)
from evaluation.selectors.studies import study_by_name
from evaluation.selectors.suites import suite_by_name

NUMBERS = ("generators", "raters", "set_size", "seconds", "pay", "width")


class PlanQuery(Query):
    """What is to be planned: a study by its name, or the numbers of one."""

    study = Words(required=False, help_text="Name of a study; what else is given here replaces what it declares")
    suite = Words(required=False, max_length=limits.REFERENCE, help_text="The suite whose prompts are rated")
    prompts = Words(
        required=False,
        max_length=limits.SOURCE,
        pattern=r"[1-9][0-9]{0,4}([,;] ?[1-9][0-9]{0,4})*",
        pattern_words="Give whole numbers with commas between, such as 12 or 20,20,12.",
        help_text="Or how many prompts, or how many in each category: 20,20,12",
    )
    protocol = Named(
        names=protocols.names,
        required=False,
        max_length=limits.REFERENCE,
        help_text="Default: drawbench; or a protocol of your own, by name or as study:NAME; not with a study's name",
    )
    generators = Whole(
        required=False, min_value=1, max_value=MOST_GENERATORS, help_text="Runs that are compared; default: 2"
    )
    raters = Whole(
        required=False, min_value=1, max_value=MOST_RATERS, help_text="Raters of each trial; default: the protocol's"
    )
    set_size = Whole(
        required=False, min_value=1, max_value=MOST_SET, help_text="Images per set; default: the protocol's"
    )
    seconds = Number(
        required=False,
        min_value=0.1,
        max_value=MOST_SECONDS,
        help_text="That a trial takes; default: the pilot's, or by what it shows and asks",
    )
    pay = Number(required=False, min_value=0, max_value=MOST_PAY, help_text="For an hour of work, in any currency")
    width = Number(
        required=False, min_value=0.001, max_value=0.99, help_text="Half-width wanted of the net share's interval"
    )
    pilot = Words(required=False, help_text="Study or imported votes whose variances and times are used")


class PlanView(Endpoint):
    """A plan."""

    query = PlanQuery

    @extend_schema(
        operation_id="plan_retrieve",
        responses={
            200: OpenApiResponse(OpenApiTypes.OBJECT, description="A drawbench-plan/1 document"),
            404: OpenApiResponse(ErrorSerializer, description="There is no such suite, study, protocol or pilot."),
            409: OpenApiResponse(ErrorSerializer, description="What was asked contradicts itself."),
        },
    )
    def get(self, request: Request) -> Response:
        """Get what a study would find, how long raters would work, and what they would cost. Nothing is saved."""
        given = self.asked
        prompts = None
        if "suite" in given and "prompts" in given:
            raise ConflictError("Give either a suite or the number of prompts.", field="prompts")
        if "suite" in given:
            prompts = suite_prompts(suite_by_name(given["suite"]))
        elif "prompts" in given:
            prompts = prompts_read(given["prompts"])
        if "study" in given:
            if "protocol" in given:
                raise ConflictError("A study has its protocol. Leave one of the two out.", field="protocol")
            asked = plan_of_study(study_by_name(given["study"]))
            asked = asked if prompts is None else replace(asked, prompts=prompts)
        else:
            protocol = protocol_named(given.get("protocol", "drawbench"))
            asked = PlanAsked(protocol=protocol, prompts=prompts or {"": 200})
        numbers = {name: given[name] for name in NUMBERS if name in given}
        pilot = pilot_named(given["pilot"]) if "pilot" in given else None
        return Response({"schema": "drawbench-plan/1", **study_plan(replace(asked, **numbers, pilot=pilot)).to_dict()})
