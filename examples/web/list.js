/**
 * The list: which tasks it shows, in which groups, and how it changes without moving the reader's focus.
 *
 * @typedef {import("./api.js").Task & {waiting?: boolean}} Task
 */

import { byDue, daysLeft, dueWords, isOverdue } from "./dates.js";
import { find, make, setText } from "./dom.js";
import { repeatWords, wordsFor } from "./forms.js";

const container = find("#tasks", HTMLElement);
const filter = find("search", HTMLElement);

/** @type {Record<string, (task: Task) => boolean>} */
const FILTERS = {
  open: (task) => !task.completed,
  overdue: (task) => isOverdue(task),
  done: (task) => task.completed,
};

/** The groups in their order, each with its heading. */
const GROUPS = ["Overdue", "Today", "Tomorrow", "Next 7 days", "Later", "Without a date", "Done"].map((heading) => {
  const section = make("group-template");
  const [title, list] = [find("h2", HTMLElement, section), find("ul", HTMLElement, section)];
  title.textContent = heading;
  title.id = `group-${heading.replaceAll(" ", "-")}`;
  section.setAttribute("aria-labelledby", title.id);
  container.append(section);
  return { heading, section, list };
});

/** The heading under which a task is. @param {Task} task */
function groupOf(task) {
  const left = daysLeft(task);
  if (task.completed) return "Done";
  if (left === null) return "Without a date";
  if (isOverdue(task)) return "Overdue";
  if (left <= 0) return "Today"; // A task of another time zone may have a day that is over here, and not there.
  return left === 1 ? "Tomorrow" : left < 7 ? "Next 7 days" : "Later";
}

/** Compare for sorting: what was done last, and before it what is not confirmed. @param {Task} a @param {Task} b */
const byDone = (a, b) => ((a.completed_at ?? "Z") < (b.completed_at ?? "Z") ? 1 : -1);

/** Show tasks, as far as the filter lets them through. @param {Task[]} tasks @param {boolean} isLoading */
export function render(tasks, isLoading) {
  const text = normalize(find("[name=text]", HTMLInputElement, filter).value);
  const show = find("[name=show]:checked", HTMLInputElement, filter).value;
  const textOf = (/** @type {Task} */ { title, description, tags }) => normalize([title, description, tags].join(" "));
  const found = tasks.filter((task) => textOf(task).includes(text));
  for (const radio of filter.querySelectorAll("[name=show]")) {
    const count = found.filter(FILTERS[/** @type {HTMLInputElement} */ (radio).value]).length;
    setText(find(".count", HTMLElement, /** @type {HTMLElement} */ (radio.parentElement)), count ? String(count) : "");
  }
  const visible = found.filter(FILTERS[show]).sort(show === "done" ? byDone : byDue);
  keepingFocus(() => place(visible));
  const reason = text ? "Nothing found." : show === "open" ? "All done. Enjoy the day." : "Nothing here.";
  showEmpty(visible.length || isLoading ? "" : reason);
}

/** Text for searching: without regard to case and to how accents are encoded. @param {string} text */
const normalize = (text) => text.normalize().toLowerCase().trim();

/** @param {string} text */
function showEmpty(text) {
  const empty = find("#empty", HTMLElement);
  empty.hidden = !text;
  setText(empty, text);
}

/** Put each task under its heading. A task that stays keeps its element, and so its focus. @param {Task[]} tasks */
function place(tasks) {
  const uids = new Set(tasks.map(({ uid }) => uid));
  const rows = new Map([...container.querySelectorAll("li")].map((row) => [row.dataset.uid ?? "", row]));
  for (const [uid, row] of rows) if (!uids.has(uid)) row.remove();
  for (const { heading, section, list } of GROUPS) {
    const members = tasks.filter((task) => groupOf(task) === heading);
    members.forEach((task, index) => {
      const row = rows.get(task.uid) ?? make("task-template");
      fillRow(row, task);
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    section.hidden = !members.length;
  }
}

/** @param {HTMLElement} row @param {Task} task */
function fillRow(row, task) {
  const set = (/** @type {string} */ selector, /** @type {string} */ text) => {
    const element = find(selector, HTMLElement, row);
    setText(element, text);
    element.hidden = !text;
  };
  row.dataset.uid = task.uid;
  row.dataset.priority = task.priority ?? "";
  row.classList.toggle("overdue", isOverdue(task));
  set(".title", task.title);
  set(".notes", task.description ?? "");
  set(".due", dueWords(task));
  set(".repeats", repeatWords(task.recurrence));
  set(".priority", task.priority ? `${wordsFor("priority", task.priority)} priority` : "");
  set(".tags", task.tags.map((tag) => `#${tag}`).join(" "));
  set(".waiting", task.waiting ? "not saved yet" : "");
  const [checkbox, meta] = [find("input", HTMLInputElement, row), find(".meta", HTMLElement, row)];
  checkbox.checked = task.completed;
  meta.id = `meta-${task.uid}`;
  checkbox.setAttribute("aria-describedby", meta.id);
  for (const button of row.querySelectorAll("button")) button.ariaLabel = `${button.textContent} ${task.title}`;
}

/** Change the list. If that removes what has the focus, the task in its place gets it. @param {() => void} change */
function keepingFocus(change) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const place = [...container.querySelectorAll("li")].findIndex((row) => row.contains(focused));
  change();
  if (place === -1 || document.activeElement === focused) return;
  const rows = container.querySelectorAll("li");
  if (focused?.isConnected) focused.focus(); // It was only moved.
  else if (rows.length) find("input", HTMLInputElement, rows[Math.min(place, rows.length - 1)]).focus();
  else find("#add [name=title]", HTMLInputElement).focus();
}

/** Move the focus to a task, if it is shown. @param {string} uid */
export function focusTask(uid) {
  const row = container.querySelector(`[data-uid="${CSS.escape(uid)}"]`);
  (row ? find("input", HTMLInputElement, row) : find("#add [name=title]", HTMLInputElement)).focus();
}

/**
 * Call functions when the user acts on a task, and when the filter changes.
 *
 * @param {{edit: (uid: string) => void, remove: (uid: string) => void, complete: (uid: string, done: boolean) => void,
 *   filter: () => void}} on
 */
export function onAction(on) {
  const uidOf = (/** @type {Event} */ { target }) =>
    /** @type {Element} */ (target).closest("li")?.dataset.uid ?? "";
  container.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (button?.name === "edit") on.edit(uidOf(event));
    if (button?.name === "delete") on.remove(uidOf(event));
  });
  container.addEventListener("change", (event) =>
    on.complete(uidOf(event), /** @type {HTMLInputElement} */ (event.target).checked),
  );
  filter.addEventListener("input", on.filter);
}
