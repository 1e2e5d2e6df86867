"""Anna and her passkey, with the browser's own virtual authenticator (Chrome DevTools Protocol, WebAuthn)."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import Open, Visitor

PASSWORD = "quattro parole a caso"
DESK = "/mazzini/banco/"


def give_device(visitor: Visitor) -> None:
    """Put a device into the browser that confirms at once, as a finger on the reader would."""
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def set_password(visitor: Visitor) -> None:
    """Choose a password: those of the cast have none."""
    visitor.go("/accesso/password/set/")
    for name in ("password1", "password2"):
        visitor.page.locator(f"input[name={name}]").fill(PASSWORD)
    visitor.page.locator("main form button[type=submit]").first.press("Enter")
    visitor.page.wait_for_load_state()


def sign_out(visitor: Visitor) -> None:
    """Leave, with the button that is on every page of the desk."""
    visitor.page.locator("form[action$='/accesso/logout/'] button").first.press("Enter")
    visitor.page.wait_for_url(lambda url: "/logout/" not in url and "/banco/" not in url)


def sign_in(page: Page, server: str, email: str) -> None:
    """Give e-mail and password."""
    page.goto(f"{server}/accesso/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form[action$='/accesso/login/'] button[type=submit]").press("Enter")
    page.wait_for_load_state()


@pytest.fixture
def device_page(visit: Open) -> Visitor:
    visitor = visit()
    give_device(visitor)
    return visitor


def add_passkey(visitor: Visitor, name: str, desk: str = DESK) -> None:
    """Somebody of the cast chooses a password, then goes to their own access and adds a passkey."""
    page = visitor.page
    visitor.enter(name)
    set_password(visitor)
    visitor.go(desk)
    page.locator("header a.who").press("Enter")
    expect(page.locator("h1")).to_have_text("Il tuo accesso")
    page.locator("main a[href$='/2fa/webauthn/add/']").press("Enter")
    page.wait_for_load_state()
    if "/reauthenticate/" in page.url:
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("main form button[type=submit]").first.press("Enter")
    page.wait_for_url("**/2fa/webauthn/add/**")
    page.locator("input[name=name]").fill("Computer dello sportello")
    page.locator("form[data-passkey] button[type=button]").press("Enter")
    # The first second factor brings its spare codes.
    page.wait_for_url("**/2fa/recovery-codes/**")


def test_anna_enters_with_password_and_passkey(device_page: Visitor) -> None:
    anna, page = device_page, device_page.page
    add_passkey(anna, "anna")
    anna.go("/accesso/2fa/webauthn/")
    expect(page.locator("main")).to_contain_text("Computer dello sportello")

    anna.go(DESK)
    sign_out(anna)
    sign_in(page, anna.server, "anna@example.org")
    page.wait_for_url("**/2fa/authenticate/**")
    # Between the two the desk is closed.
    refused = page.request.get(f"{anna.server}{DESK}", max_redirects=0)
    assert (refused.status, "/accesso/login/" in refused.headers["location"]) == (302, True)
    page.locator("form[data-passkey] button[type=button]").press("Enter")
    page.wait_for_url(f"**{DESK}")
    expect(page.locator("header a.who")).to_contain_text("Anna")


def test_with_the_password_alone_on_another_device_nobody_enters(device_page: Visitor, visit: Open) -> None:
    add_passkey(device_page, "bruno", "/milo/banco/")
    thief = visit()
    give_device(thief)
    sign_in(thief.page, thief.server, "bruno@example.org")
    thief.page.locator("form[data-passkey] button[type=button]").press("Enter")
    expect(thief.page.locator("[data-passkey-problem]")).to_be_visible()
    refused = thief.page.request.get(f"{thief.server}/milo/banco/", max_redirects=0)
    assert refused.status == 302


def test_whoever_has_no_second_factor_has_to_set_one_up(visit: Open) -> None:
    carla = visit()
    carla.enter("carla")
    set_password(carla)
    carla.go(DESK)
    sign_out(carla)
    sign_in(carla.page, carla.server, "carla@example.org")
    carla.page.goto(f"{carla.server}{DESK}")
    expect(carla.page.locator("h1")).to_have_text("Il tuo accesso")
    expect(carla.page.locator("main")).to_contain_text("Scegline una adesso")
    assert carla.page.url.endswith("/accesso/2fa/")


def test_without_script_the_page_says_what_else_there_is(visit: Open) -> None:
    elena = visit(java_script_enabled=False)
    elena.enter("elena")
    elena.go("/accesso/2fa/webauthn/add/")
    expect(elena.page.locator("[data-passkey-missing]")).to_be_visible()
    expect(elena.page.locator("form[data-passkey] button")).to_be_hidden()
