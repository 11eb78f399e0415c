"""Addresses that take a form: none answers 405 to a reload, and an error leads to the fields concerned."""

from __future__ import annotations

import re

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import URLPattern, reverse

from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, Study
from evaluation.services.runs.request import RunDraft, more_images, name_taken, run_render
from evaluation.services.scoring.request import metric_request
from evaluation.services.studies.invitation import invitation_create
from evaluation.views.rater.urls import urlpatterns as rater_patterns
from evaluation.views.researcher.urls import urlpatterns
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db

PARTS = {
    "pk": 1,
    "key": "6f1d3c9a-6c0e-5f0b-9d0a-3c5f1f6f2a11",
    "sha256": "0" * 64,
    "name": "trial",
    "number": 0,
    "width": 16,
    "height": 16,
}
SCRIPTS = {f"{page}{each}" for page in ("", "preview-") for each in ("rate", "undo", "skip", "uncover")}
"""Addresses of the rater's script: no browser shows them."""


def every(patterns: list[URLPattern], space: str) -> list[tuple[str, str]]:
    found = []
    for each in patterns:
        values = {name: (PARTS | {"suffix": "csv" if "ratings" in str(each.name) else "svg"})[name]
                  for name in each.pattern.converters}  # fmt: skip
        found.append((str(each.name), reverse(f"{space}:{each.name}", kwargs=values)))
    return found


def test_no_address_of_a_page_answers_405_to_a_reload(signed_in: Client, study: Study) -> None:
    led = 0
    for name, address in every(urlpatterns, "researcher"):  # type: ignore[arg-type]
        answer = signed_in.get(address)
        assert answer.status_code != 405 or name in SCRIPTS, name
        if name in POST_ONLY:
            assert answer.status_code == 302 and answer.headers["Location"] == POST_ONLY[name](address), name
            assert signed_in.head(address).status_code == 302
            assert signed_in.put(address).status_code == 405
            led += 1
    assert led == len(POST_ONLY)
    for name, address in every(rater_patterns, "rater"):
        assert signed_in.get(address).status_code != 405 or name in SCRIPTS, name


def up(levels: int):  # type: ignore[no-untyped-def]
    """The address so many parts further up."""
    return lambda address: "/".join(address.rstrip("/").split("/")[:-levels]) + "/"


POST_ONLY = {
    **dict.fromkeys(
        ("cancel-run", "pause-run", "retry-run", "resume-run", "cancel-score", "retry-score", "score-anew"), up(1)
    ),
    **dict.fromkeys(("match-upload", "confirm-upload", "drop-upload", "open-study", "delete-study", "invite"), up(1)),
    **dict.fromkeys(("revoke-invitation", "recode-invitation"), up(3)),
    "study-bundle": up(1),
    **dict.fromkeys(("set-password", "rotate-token"), up(1)),
    **dict.fromkeys(("renew-link", "revoke-links", "block-account", "invite-colleague"), lambda address: "/team/"),
    "revoke-rater": up(2),
    "study-runs": lambda address: "/studies/new/",
    "plan-draft": lambda address: "/studies/new/",
    "sign-out": lambda address: "/",
}


def test_a_link_to_signing_out_signs_nobody_out(signed_in: Client) -> None:
    signed_in.get("/sign-out/")
    assert signed_in.get("/").status_code == 200


@pytest.mark.parametrize(
    ("address", "given", "fields"),
    [
        ("/studies/trial/invitations/", {"max_raters": 0, "days": "x"}, ("max_raters", "days")),
        ("/studies/new/", {"name": "a b", "design_seed": -1}, ("name", "design_seed", "runs")),
        ("/runs/new/", {"generator": "cascade", "samples_per_prompt": 0, "parameter-guidance": 900},
         ("samples_per_prompt", "parameter-guidance")),
        ("/suites/", {"name": "x" * 101}, ("name",)),
        ("/uploads/new/", {"run_name": ""}, ("run_name", "file")),
        ("/account/password/", {"new_password1": "a", "new_password2": "b"}, ("new_password2",)),
        ("/runs/{run}/scores/new/", {"metric": "clip-score", "parameter-batch": "x"}, ()),
    ],
)  # fmt: skip
def test_errors_are_summed_up_with_links_to_their_fields(
    signed_in: Client, study: Study, address: str, given: dict[str, object], fields: tuple[str, ...]
) -> None:
    answer = signed_in.post(address.replace("{run}", str(study.study_runs.all()[0].run_id)), given)
    text = answer.content.decode()
    if not fields and answer.status_code != 422:
        pytest.skip("this metric is not here")
    assert answer.status_code == 422
    summary = re.search(
        r'<div class="notice error" id="form-errors" role="alert" tabindex="-1" autofocus>.*?</div>', text, re.S
    )
    assert summary is not None and text.count('id="form-errors"') == 1
    assert "Nothing was saved." in summary[0]
    for field in fields:
        assert f'href="#id_{field}"' in summary[0], field
    for target in re.findall(r'href="#([^"]+)"', summary[0]):
        assert f'id="{target}"' in text, f"{target} leads nowhere"


# --- Advice fits the run --------------------------------------------------------------------------------------------


def test_no_one_is_told_to_resume_an_upload() -> None:
    suite = a_suite()
    a_run(suite, "one", samples=1)
    for origin, status, wanted in (
        ("uploaded", "done", False),
        ("rendered", "done", False),
        ("rendered", "failed", True),
        ("rendered", "queued", True),
    ):
        GenerationRun.objects.update(origin=origin, status=status)
        run = GenerationRun.objects.get()
        assert ("resume" in name_taken("one")) is wanted, (origin, status)
        assert ("Upload" in more_images(run)) is (origin == "uploaded")
        with pytest.raises(ConflictError) as error:
            run_render(RunDraft(suite=suite, generator="cascade", name="one"))
        assert ("resume" in error.value.message) is wanted
    run.samples.all().delete()
    GenerationRun.objects.update(origin="uploaded", status="done")
    run.refresh_from_db()
    with pytest.raises(InputError) as refused:
        metric_request(run=run, metric="clip-score", operator=True)
    assert "resume" not in refused.value.message.lower() and "retry" not in refused.value.message.lower()


def test_a_revoked_link_is_told_where_the_page_begins(signed_in: Client, study: Study) -> None:
    invitation = invitation_create(study=study)
    answer = signed_in.post(f"/studies/trial/invitations/{invitation.pk}/revoke/")
    assert answer.headers["Location"] == "/studies/trial/", "its message stands at the top"
    assert [str(each) for each in get_messages(answer.wsgi_request)]
