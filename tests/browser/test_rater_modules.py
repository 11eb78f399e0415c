"""The rater's script comes as modules: each is preloaded once, under the address that the imports of it resolve to."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Page, Route
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from common.places import CHECKOUT
from evaluation.models import Rater, Study
from evaluation.services.studies.invitation import invitation_create
from tests.browser.steps import READY, Enter
from tests.studies.world import an_open_study, enrolled

ROOM = CHECKOUT / "evaluation" / "static" / "evaluation" / "rater"
IMPORT = re.compile(r"""^\s*(?:import|export)\b[^"';=(]*["']([^"']+)["']""", re.MULTILINE)


@pytest.fixture(scope="session")
def production_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All static files, other packages' too, as production serves them: under hashed names."""
    from django.test import override_settings

    root = tmp_path_factory.mktemp("static")
    with override_settings(**production(root)):
        call_command("collectstatic", interactive=False, verbosity=0)
    return root


def production(root: Path) -> dict[str, object]:
    """Settings as in production, but for compressed copies, which would only take time."""
    backend = {"BACKEND": "drawbench.static_files.HashedStaticFiles"}
    return {
        "STATIC_ROOT": root,
        "STORAGES": django_settings.STORAGES | {"staticfiles": backend},
        "WHITENOISE_SKIP_COMPRESS_EXTENSIONS": ["js", "css", "svg", "html", "json", "map", "txt"],
    }


@pytest.fixture(params=["plain", "hashed"])
def files(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Path | None]:
    """Where the hashed files lie, with the pages naming them; None where names are plain, as in development."""
    if request.param == "plain":
        yield None
        return
    root: Path = request.getfixturevalue("production_files")
    for name, value in production(root).items():
        setattr(settings, name, value)
    yield root


def test_the_production_settings_name_this_storage() -> None:
    """The tests' own settings serve plain names; what is tested here must be what production has."""
    assert '"drawbench.static_files.HashedStaticFiles"' in (CHECKOUT / "drawbench" / "settings.py").read_text()


@pytest.mark.django_db
@pytest.mark.usefixtures("local_services")
def test_each_module_is_preloaded_once_at_the_address_of_its_imports(files: Path | None) -> None:
    page = page_of_trials()
    [entry] = re.findall(r'<script type="module" src="([^"]+)"', page)
    preloaded = Counter(re.findall(r'<link rel="modulepreload" href="([^"]+)"', page))
    imported: set[str] = set()
    unread = [entry]
    while unread:
        address = unread.pop()
        for target in IMPORT.findall(source_of(address, files)):
            assert target.startswith("./"), f"{address} imports {target}, which is nowhere"
            resolved = urljoin(address, target)
            if resolved not in imported:
                imported.add(resolved)
                unread.append(resolved)
    assert preloaded == dict.fromkeys(imported, 1) and entry not in preloaded
    assert len(imported) == len(list(ROOM.glob("*.js"))) - 1, "no module lies there that the page does not use"
    for address in [entry, *imported] if files else []:
        assert re.search(r"\.[0-9a-f]{12}\.js$", address), f"{address} may not be kept for ever"


def test_every_import_is_seen_by_this_test_and_leads_to_no_circle() -> None:
    """Hashed names can't be given to modules that import one another: each one's name would depend on the other's."""
    graph = {path.name: {each[2:] for each in IMPORT.findall(path.read_text())} for path in ROOM.glob("*.js")}
    words = {path.name: path.read_text().count(' from "') for path in ROOM.glob("*.js")}
    assert {name: len(targets) for name, targets in graph.items()} == words
    while graph:
        leaves = {name for name, targets in graph.items() if not targets & set(graph)}
        assert leaves, f"these import one another: {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in leaves}


@pytest.mark.browser
def test_all_modules_come_together_and_once(
    page: Page, live_server: LiveServer, study: Study, enter: Enter, files: Path | None
) -> None:
    """The entry is held back: whatever the browser asks for meanwhile needed no further round trip."""
    asked: list[str] = []
    held: list[Route] = []

    def serve(route: Route) -> None:
        address = urlsplit(route.request.url).path
        if address.endswith(".js"):
            asked.append(address)
            if re.search(r"/rater(\.[0-9a-f]+)?\.js$", address):
                held.append(route)
                return
        give(route)

    def give(route: Route) -> None:
        if files is None:
            route.continue_()
        else:
            route.fulfill(path=files / urlsplit(route.request.url).path.removeprefix(f"/{static()}/"))

    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
    page.get_by_role("button", name="agree").click()
    page.route(f"**/{static()}/**", serve)
    page.get_by_role("button", name="Begin").click(no_wait_after=True)
    modules = len(list(ROOM.glob("*.js")))
    for _ in range(100):
        if len(asked) >= modules:
            break
        page.wait_for_timeout(100)
    assert len(held) == 1 and len(set(asked)) == modules, asked
    give(held[0])
    page.wait_for_selector(READY)
    assert Counter(asked) == dict.fromkeys(asked, 1), "nothing is fetched twice, nor after the entry"


def page_of_trials() -> str:
    """The page's HTML, for a rater who has read the instructions."""
    client = Client()
    enrolment = enrolled(an_open_study())
    client.cookies["rater"] = enrolment.session_key
    Rater.objects.update(instructed_at=enrolment.rater.consented_at)
    return client.get("/r/").content.decode()


def source_of(address: str, files: Path | None) -> str:
    name = address.removeprefix(f"/{static()}/")
    return (files / name if files else ROOM.parents[1] / name).read_text()


def static() -> str:
    return django_settings.STATIC_URL.strip("/")
