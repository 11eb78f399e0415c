"""A study's sealed bundle, made when it is asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.http import FileResponse, HttpResponseBase
from django.shortcuts import redirect

from evaluation.errors import InputError
from evaluation.selectors.studies import study_by_name
from evaluation.services.reporting.bundle import study_export
from evaluation.views.researcher.pages import ResearcherRequest, page, tell


@page("POST", form_at="researcher:study")
def bundle(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Seal what is not sealed yet, and send the bundle. The file has no name any more once it is open: nobody has to
    clean it up.
    """
    study = study_by_name(name)
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / f"{study.name}-bundle.zip"
            study_export(study=study, out=out)
            response = FileResponse(out.open("rb"), as_attachment=True, filename=out.name)
    except InputError as error:
        tell(request, error)
        return redirect("researcher:study", name=name)
    response["Cache-Control"] = "no-store"
    return response
