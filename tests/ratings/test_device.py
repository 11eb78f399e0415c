"""Going on on another device by a one-time code: who gets in, once, and never doubly."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from common.hashes import bytes_sha256
from evaluation.models import DeviceCode, Rater, Rating, Study
from evaluation.selectors.trials import raters_of_browser, session_key_hash
from evaluation.services.rating.device import LENGTH, MOST_DEVICES, device_code_create, device_enrol
from evaluation.services.rating.enrol import rater_enrol
from evaluation.services.rating.erase import participant_erase
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.finish import rater_withdraw
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_close, study_pause
from tests.ratings.test_views import Browser
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def study() -> Study:
    return an_open_study()


def asked(browser: Browser) -> str:
    """The code that the page of the first device shows."""
    page = browser.client.post("/r/device").content.decode()
    found = re.search(r'id="device-code"[^>]*>([^<]+)<', page)
    assert found is not None, page
    return found[1]


def entered(code: str, client: Client | None = None) -> tuple[int, str, Client]:
    """Status and text of what another device gets for a code, and that device."""
    client = client or Client()
    response = client.post("/r/continue", {"code": code})
    return response.status_code, response.content.decode(), client


def other_device(browser: Browser) -> Browser:
    """The same rater's second browser."""
    status, _, client = entered(asked(browser))
    assert status == 302
    other = object.__new__(Browser)
    other.client, other.rater, other.session = client, browser.rater, browser.session
    return other


def test_a_code_lets_in_once(study: Study) -> None:
    browser = Browser(study)
    code = asked(browser)
    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", code)
    status, _, device = entered(f" {code.lower().replace('-', ' ')} ")
    assert status == 302 and raters_of_browser([session_key_hash(device.cookies["rater"].value)]) == [browser.rater]
    assert device.get("/r/instructions").status_code == 200
    status, text, third = entered(code)
    assert status == 404 and "was used already" in text and "rater" not in third.cookies


def test_a_code_expires(study: Study) -> None:
    code = asked(Browser(study))
    DeviceCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    status, text, _ = entered(code)
    assert status == 404 and "has expired" in text
    assert DeviceCode.objects.get().used_at is None


def test_a_new_code_ends_the_one_before(study: Study) -> None:
    browser = Browser(study)
    first, second = asked(browser), asked(browser)
    assert entered(first)[0] == 404 and entered(second)[0] == 302


def test_only_a_keyed_hash_is_kept(study: Study) -> None:
    code = asked(Browser(study)).replace("-", "")
    kept = DeviceCode.objects.get()
    values = [str(getattr(kept, field.name)) for field in DeviceCode._meta.concrete_fields]
    assert not any(code in value for value in values)
    assert kept.code_hash != bytes_sha256(code.encode()) and len(code) == LENGTH


def test_guessing_is_limited(study: Study) -> None:
    code = asked(Browser(study))
    answers = [entered("AAAA-AAAA")[0] for _ in range(11)]
    assert answers == [404] * 10 + [429]
    assert entered(code)[0] == 429, "a right one too, from this address"
    cache.clear()
    assert entered(code)[0] == 302


def test_right_codes_are_not_counted(study: Study) -> None:
    for _ in range(12):
        assert entered(asked(Browser(study)))[0] == 302
        if Rater.objects.count() == 6:
            study = an_open_study(name=f"more-{Rater.objects.count()}", raters_per_panel=12)


def test_asking_is_limited(study: Study) -> None:
    browser = Browser(study)
    answers = [browser.client.post("/r/device").status_code for _ in range(21)]
    assert answers == [200] * 20 + [429] and DeviceCode.objects.count() == 1


def test_opening_the_link_uses_nothing_up(study: Study) -> None:
    browser = Browser(study)
    page = browser.client.post("/r/device").content.decode()
    code = re.search(r'id="device-code"[^>]*>([^<]+)<', page)[1]  # type: ignore[index]
    assert '<svg viewBox="' in page and "data:" not in page
    client = Client()
    assert client.get("/r/continue").status_code == 200 and client.head(f"/r/continue?code={code}").status_code == 200
    assert DeviceCode.objects.get().used_at is None and entered(code)[0] == 302


def test_a_code_opens_its_own_study_alone(study: Study) -> None:
    other = Browser(an_open_study(name="other"))
    code = asked(Browser(study))
    status, _, device = entered(code, other.client)
    assert status == 302
    keys = [session_key_hash(key) for key in unquote(device.cookies["rater"].value).split(".")]
    assert [rater.study.name for rater in raters_of_browser(keys)] == ["trial", "other"]
    only_code = entered(asked(Browser(study)))[2]
    refused = only_code.get("/r/next", {"rater": str(other.rater.key)})
    assert refused.status_code == 403 and refused.json()["error"]["code"] == "no-session"


def test_a_closed_study_is_refused_kindly(study: Study) -> None:
    browser = Browser(study)
    code = asked(browser)
    study_close(study=study)
    status, text, device = entered(code)
    assert status == 410 and "This study is closed. Thank you" in text and "rater" not in device.cookies
    assert browser.client.post("/r/device").status_code == 410


def test_in_a_paused_study_a_code_leads_to_the_page_that_says_so(study: Study) -> None:
    browser = Browser(study)
    study_pause(study=study, paused=True)
    status, _, device = entered(asked(browser))
    assert status == 302 and "This study is paused" in device.get("/r/").content.decode()


def test_who_has_left_or_finished_gets_no_code(study: Study) -> None:
    browser = Browser(study)
    code = device_code_create(rater=browser.rater)
    rater_withdraw(rater=browser.rater)
    for refused in (lambda: device_code_create(rater=browser.rater), lambda: device_enrol(code=code)):
        with pytest.raises(RaterError) as error:
            refused()
        assert error.value.code == "dropped"
    assert Client().post("/r/device").status_code == 403


def test_both_devices_go_on(study: Study) -> None:
    browser = Browser(study)
    device = other_device(browser)
    answers: list[Any] = [one.get(f"/r/next?rater={one.rater.key}") for one in (browser, device)]
    seen = [[each["assignment"] for each in one["trials"]] for one in answers]
    assert seen[0] == seen[1]
    assert browser.post("/r/rate", answers=browser.answers())["status"] == 200
    assert device.post("/r/rate", answers=browser.answers())["status"] == 200
    assert Rating.objects.count() == 4
    assert device.client.get("/r/i/" + str(study.images.first().key) + ".webp").status_code == 200  # type: ignore[union-attr]


def test_two_devices_make_one_vote(study: Study) -> None:
    browser = Browser(study)
    device = other_device(browser)
    first, second = browser.answers("left"), browser.answers("right")
    assert browser.post("/r/rate", answers=first)["status"] == 200
    told = device.post("/r/rate", answers=second)
    assert [each["status"] for each in told["answers"]] == ["repeated"] * 2  # type: ignore[attr-defined]
    assert [each["choice"] for each in told["answers"]] == ["left"] * 2  # type: ignore[attr-defined]
    assert Rating.objects.count() == 2 and set(Rating.objects.values_list("shown_choice", flat=True)) == {"left"}


def test_the_oldest_of_too_many_devices_stays_behind(study: Study) -> None:
    browser = Browser(study)
    devices = [other_device(browser) for _ in range(MOST_DEVICES + 1)]
    assert [one.client.get("/r/instructions").status_code for one in devices] == [403] + [200] * MOST_DEVICES
    assert browser.client.get("/r/instructions").status_code == 200, "where the rater began"


def test_coming_back_by_the_recruitment_site_ends_them(study: Study) -> None:
    invitation = invitation_create(study=study)
    first = rater_enrol(invitation=invitation, participant="ada", session="one")
    device = device_enrol(code=device_code_create(rater=first.rater))
    assert raters_of_browser([session_key_hash(device.session_key)]) == [first.rater]
    rater_enrol(invitation=invitation, participant="ada", session="one")
    assert raters_of_browser([session_key_hash(each.session_key) for each in (first, device)]) == []


def test_deleting_a_raters_data_ends_them(study: Study) -> None:
    first = rater_enrol(invitation=invitation_create(study=study), participant="ada", session="one")
    device = device_enrol(code=device_code_create(rater=first.rater))
    participant_erase(study=study, who="ada")
    assert raters_of_browser([session_key_hash(each.session_key) for each in (first, device)]) == []
    assert Rater.objects.get(pk=first.rater.pk).device_key_hashes == []
