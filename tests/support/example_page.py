"""The example front end in a browser, as a user sees it."""

import contextlib
import re

from tests.support.external import NODE_PACKAGES
from tests.support.waiting import wait_until

WHITE_SPACE = re.compile(r"\s+")


class ExamplePage:
    """The page in a tab of its own, with everything that the browser complains about."""

    def __init__(self, context, url, client):
        self.context, self.url, self.client = context, url, client
        self.complaints = []
        self.page = context.new_page()
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))

    def _note(self, kind, text):
        # Chromium itself reports each response with an error, and each lost connection, whatever the page does with it.
        if not text.startswith("Failed to load resource:"):
            self.complaints.append(f"{kind}: {text}")

    def open(self, token=None):
        self.page.goto(f"{self.url}/#token={token or self.client.token}")
        return self

    def opened(self):
        """Open the page, and wait until it has the tasks and works without a network."""
        self.open()
        self.wait_for_status("All changes saved")
        self.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
        return self

    @contextlib.contextmanager
    def held(self, method, url="**/api/**"):
        """Hold the requests of a method, as a slow network does, until the end of the context."""
        held = []

        def hold(route):
            if route.request.method == method:
                held.append(route)
            else:
                route.fallback()

        self.page.route(url, hold)
        yield held
        while held:
            held.pop().continue_()
        self.page.unroute(url, hold)

    def wait_for_held(self, held):
        """Wait for the first of the requests that ``held`` holds."""
        wait_until(lambda: [self.page.evaluate("0"), *held][1:], "there is no such request")

    def stored(self):
        """What is in the localStorage of the page."""
        return self.page.evaluate("({...localStorage})")

    def role(self, role, name=None, **options):
        return self.page.get_by_role(role, name=name, exact=True, **options)

    def status(self):
        return self.page.locator("#status").inner_text()

    def wait_for_status(self, text):
        wait_until(lambda: self.status() == text, lambda: f"the status is {self.status()!r}, not {text!r}")

    def wait_for_toast(self, text):
        toast = self.page.locator("#toast p")
        wait_until(lambda: toast.text_content() == text, lambda: f"the toast is {toast.text_content()!r}, not {text!r}")

    def add(self, title, **inputs):
        """Fill in the form for new tasks, and press Enter."""
        form = self.role("form", "New task")
        _fill(form, inputs)
        form.get_by_label("Title", exact=True).fill(title)
        form.get_by_label("Title", exact=True).press("Enter")

    def tasks(self):
        """The tasks that the service has, by their titles."""
        return {task["title"]: task for task in self.client.get().data}

    def saved_titles(self):
        """The titles of all tasks that the service has, in order, equal ones too."""
        return sorted(task["title"] for task in self.client.get().data)

    def row(self, title):
        return self.page.locator("li.task").filter(has=self.role("checkbox", title))

    def shown(self):
        """What the list shows: from each heading to the texts of its tasks, as a reader sees them."""
        sections = self.page.locator("#tasks section:visible").all()
        return {
            section.locator("h2").inner_text(): [_text(row) for row in section.locator("li").all()]
            for section in sections
        }

    def titles(self):
        """The titles of the list, or None while the page is reloaded."""
        from playwright.sync_api import Error  # noqa: PLC0415 # Optional; without it, no test comes here.

        try:
            return self.page.locator("li.task .title").all_inner_texts()
        except Error:
            return None

    def wait_for_titles(self, *titles):
        wait_until(lambda: self.titles() == [*titles], lambda: f"the list is {self.titles()}, not {titles}")

    def dialog(self):
        """The dialog that is open, the topmost one."""
        return self.page.locator("dialog[open]").last

    def save(self, **inputs):
        """Change inputs of the dialog, and press its button to save."""
        _fill(self.dialog(), inputs)
        self.dialog().locator("button[value=save]").click()

    def focused(self):
        """What has the focus, by its label or its text."""
        return self.page.evaluate("""() => {
            const {ariaLabel, labels, textContent} = document.activeElement;
            const label = labels?.[0]?.querySelector("span:not(.count)") ?? labels?.[0];
            return ariaLabel ?? (label?.textContent ?? textContent).trim();
        }""")

    def overflow(self):
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def violations(self):
        """What axe-core finds wrong with the page as it is."""
        self.page.evaluate((NODE_PACKAGES / "axe-core" / "axe.min.js").read_text())
        # Nothing may be half transparent, as at the start of an animation.
        self.page.evaluate("Promise.all(document.getAnimations().map(({finished}) => finished)).then(() => undefined)")
        found = self.page.evaluate("axe.run().then(({violations}) => violations)")
        return [(each["id"], node["html"], node["failureSummary"]) for each in found for node in each["nodes"]]


def _fill(form, inputs):
    """Set inputs, each by its label."""
    for name, value in inputs.items():
        label = name.replace("_", " ").capitalize()
        if label in {"Priority", "Repeats"}:
            form.get_by_role("combobox", name=label, exact=True).select_option(label=value)
        else:
            form.get_by_label(label, exact=True).fill(value)


def _text(row):
    parts = [row.locator("label").inner_text(), *row.locator(".meta span:visible").all_inner_texts()]
    # Editions of the locales differ in commas.
    return " | ".join(WHITE_SPACE.sub(" ", part).replace(",", "") for part in parts)
