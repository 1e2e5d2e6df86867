"""Somebody who never touches the mouse, and counts."""

from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

# Runs in every page before its own scripts: whoever points at something is told on.
WATCH_POINTER = """
for (const kind of ["pointerdown", "pointermove", "mousedown", "mousemove", "touchstart", "wheel"]) {
  addEventListener(kind, () => window.pointerUsed(kind), {capture: true});
}
"""


@dataclass
class Keyboard:
    """The keys of one operator. `strokes` counts every key, letters included; `pointer` is what betrayed a mouse."""

    page: Page
    strokes: int = 0
    pointer: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.expose_function("pointerUsed", lambda kind: self.pointer.append(kind))
        self.page.add_init_script(WATCH_POINTER)

    def press(self, key: str, times: int = 1) -> None:
        """Press a key, with its modifiers («Alt+n» is one)."""
        for _time in range(times):
            if key.startswith("Alt+"):
                self.press_access_key(key.removeprefix("Alt+"))
            else:
                self.page.keyboard.press(key)
            self.strokes += 1

    def press_access_key(self, letter: str) -> None:
        """Press Alt and a letter. Playwright leaves out the letter itself, by which Chromium finds the access key."""
        cdp = self.page.context.new_cdp_session(self.page)
        key = {
            "modifiers": 1,
            "key": letter,
            "code": f"Key{letter.upper()}",
            "windowsVirtualKeyCode": ord(letter.upper()),
        }
        cdp.send("Input.dispatchKeyEvent", {"type": "keyDown", "unmodifiedText": letter, **key})
        cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
        cdp.detach()

    def write(self, text: str) -> None:
        """Type a text where the cursor is."""
        self.page.keyboard.type(text)
        self.strokes += len(text)

    def has(self, target: Locator) -> bool:
        """Is the cursor there?"""
        return bool(target.evaluate("element => element === document.activeElement"))

    def tab_to(self, target: Locator, *, back: bool = False, most: int = 60) -> None:
        """Reach something with Tab alone; fail if it is further than `most` steps, or not to be reached."""
        expect(target).to_be_visible()
        for _step in range(most):
            if self.has(target):
                return
            self.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{target} is not within {most} steps of Tab")

    def choose(self, target: Locator) -> None:
        """Reach a group of choices with Tab, then the wanted one with the arrows."""
        name = target.get_attribute("name")
        group = self.page.locator(f"input[name='{name}']")
        for _step in range(60):
            if any(self.has(group.nth(number)) for number in range(group.count())):
                break
            self.press("Tab")
        for _step in range(group.count()):
            if target.is_checked():
                return
            self.press("ArrowDown")
        assert target.is_checked(), f"{target} cannot be chosen with the arrows"
