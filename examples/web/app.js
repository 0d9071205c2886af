/**
 * The page: what the user does becomes a write, and what became of it is shown.
 *
 * @typedef {import("./api.js").Task} Task
 * @typedef {import("./queue.js").Entry} Entry
 * @typedef {import("./queue.js").Write} Write
 * @typedef {import("./sync.js").Outcome} Outcome
 */

import { setToken, takeTokenFromUrl, userId } from "./api.js";
import { confirmed, forgetAll, load, shown } from "./copy.js";
import { dueWords } from "./dates.js";
import { ask, find, make, setText } from "./dom.js";
import { edit, giveBack, onAdd } from "./forms.js";
import { focusTask, onAction, render } from "./list.js";
import { merge } from "./merge.js";
import { discard, entries, hasSeen, replace } from "./queue.js";
import * as sync from "./sync.js";

const account = find("#account", HTMLButtonElement);
const attention = find("#attention", HTMLElement);
const toast = find("#toast", HTMLElement);
const signin = find("#signin", HTMLDialogElement);

/** Reasons in words for users. Other messages of the service are shown as they are. @type {Record<string, string>} */
const REASONS = {
  PRECONDITION_FAILED: "Somebody else has changed it too.",
  TASK_NOT_FOUND: "Somebody has deleted it. You can add it again.",
};

/** Why nothing is sent or read now. */
const STATES = { offline: "Offline", busy: "The service is busy", signin: "Signed out", loading: "Loading…", "": "" };

// What the page shows.

function update() {
  render(shown(), sync.obstacle === "loading");
  const status = find("#status", HTMLElement);
  setText(status, statusWords());
  status.classList.toggle("unsaved", Boolean(sync.obstacle || entries().length));
  setText(account, userId() === null ? "Sign in" : "Sign out");
  showProblems(entries().filter(({ problem }) => problem));
}

/** Show what the service refused, and only if that has changed: buttons keep the focus. @param {Entry[]} problems */
function showProblems(problems) {
  const keys = problems.map(({ key }) => key).join(" ");
  if (attention.dataset.keys === keys) return;
  const hadFocus = attention.contains(document.activeElement);
  attention.dataset.keys = keys;
  attention.hidden = !problems.length;
  find("ul", HTMLElement, attention).replaceChildren(...problems.map(problemRow));
  if (hadFocus) find(problems.length ? "#attention button:not([hidden])" : "#add input", HTMLElement).focus();
}

function statusWords() {
  const problems = entries().filter(({ problem }) => problem).length;
  const waiting = entries().length - problems;
  const changes = (/** @type {number} */ count) => (count === 1 ? "1 change" : `${count} changes`);
  const words = STATES[sync.obstacle];
  const rest = [waiting && `${changes(waiting)} waiting`, problems && `${changes(problems)} not accepted`];
  return [words, ...rest].filter(Boolean).join(", ") || "All changes saved";
}

/** @param {Entry} entry that the service refused */
function problemRow(entry) {
  const row = make("attention-template");
  const title = entry.fields.title ?? entry.before?.title ?? "";
  setText(find("p", HTMLElement, row), `${title}: ${Object.values(errorsOf(entry)).flat().join(" ")}`);
  const [fix, drop] = [find("[name=mend]", HTMLElement, row), find("[name=discard]", HTMLElement, row)];
  fix.hidden = entry.kind === "undo";
  fix.addEventListener("click", () => mend(entry));
  drop.addEventListener("click", () => (discard(entry), update()));
  [fix, drop].forEach((button) => button.setAttribute("aria-label", `${button.textContent} ${title}`));
  return row;
}

/** Say what has happened, and offer to undo it. @param {string} text @param {Entry} [entry] */
function say(text, entry) {
  toast.hidden = false;
  setText(find("p", HTMLElement, toast), text);
  const button = find("[name=undo]", HTMLButtonElement, toast);
  button.hidden = !entry;
  button.onclick = () => entry && undo(entry);
}

// What the user does.

/** The task of a row. @param {string} uid */
const taskOf = (uid) => /** @type {Task} */ (shown().find((task) => task.uid === uid));

/**
 * Write a task as the user sees it.
 *
 * @param {Write["kind"]} kind
 * @param {Task} task
 * @param {Partial<Task>} [fields]
 */
function writeOf(kind, task, fields = {}) {
  return sync.write({ kind, uid: task.uid, id: task.id, version: task.version, fields, before: task });
}

/** @param {Partial<Task>} fields */
async function addTask(fields) {
  if (userId() === null) return void (giveBack(fields, {}), signIn("Sign in first."));
  const uid = crypto.randomUUID();
  const outcome = await sync.write({ kind: "create", uid, id: null, version: null, fields, before: null });
  const isBack = outcome.state === "refused" && giveBack(fields, errorsOf(outcome.entry));
  return isBack ? giveUp(outcome.entry) : show(outcome, "Added");
}

/** @param {string} uid */
async function editTask(uid) {
  const task = taskOf(uid);
  const fields = await edit("Edit task", task);
  if (!fields) return;
  const now = taskOf(uid) ?? task; // The user's own write may have been made meanwhile.
  const isSeen = !task.version || hasSeen({ kind: "change", fields, before: task }, now);
  const seen = { ...task, id: now.id, version: isSeen ? now.version : task.version };
  show(await writeOf("change", seen, fields), "Saved");
}

/** @param {string} uid @param {boolean} completed */
async function completeTask(uid, completed) {
  show(await writeOf("change", taskOf(uid), { completed }), completed ? "Done" : "Open again");
}

/** @param {string} uid */
async function deleteTask(uid) {
  show(await writeOf("delete", taskOf(uid)), "Deleted");
}

/** @param {Entry} entry */
async function undo(entry) {
  toast.hidden = true;
  const outcome = sync.undo(entry); // The list shows it at once.
  focusTask(entry.uid);
  const result = await outcome;
  if (result?.state !== "refused") return;
  giveUp(result.entry);
  say(`This cannot be undone: ${result.entry.problem?.message}`);
}

/**
 * Show what became of a write.
 *
 * @param {Outcome} outcome
 * @param {string} words for success
 * @returns {void | Promise<void>}
 */
function show({ entry, state, change, next }, words) {
  if (state === "refused") return document.querySelector("dialog[open]") ? undefined : mend(entry); // Or later.
  const title = entry.fields.title ?? entry.before?.title;
  const following = next ? ` Next: ${dueWords(next)}.` : "";
  const waiting = state === "waiting" ? " (not sent yet)" : "";
  return say(`${words}: ${title}${waiting}.${following}`, waiting || change ? entry : undefined);
}

/**
 * Let the user change a write that the service refused. Until that succeeds, it stays in the queue.
 *
 * @param {Entry} entry
 * @returns {Promise<void>}
 */
async function mend(entry) {
  if (entry.problem?.code === "PRECONDITION_FAILED") return mendConflict(entry);
  if (entry.problem?.code === "TASK_NOT_FOUND") return mendLost(entry);
  const changes = await edit("Fix task", confirmed(entry.uid) ?? {}, entry.fields, errorsOf(entry));
  if (changes) show(await sync.attempt(replace(entry, { fields: changes })), "Saved");
}

/** What is wrong with a write, by field. @param {Entry} entry @returns {Record<string, string[]>} */
function errorsOf({ problem }) {
  if (problem?.code === "VALIDATION_ERROR") return problem.details;
  return { title: [REASONS[problem?.code ?? ""] ?? problem?.message ?? ""] };
}

/** Somebody has deleted the task. Offer to add it again, with the user's change. @param {Entry} entry */
async function mendLost(entry) {
  const { time_zone, completed, ...lost } = { ...entry.before, ...entry.fields };
  const fields = await edit("Add it again", { time_zone }, lost, errorsOf(entry));
  if (!fields) return;
  giveUp(entry);
  addTask({ ...fields, completed });
}

/** @param {Entry} entry @returns {Promise<void>} */
async function mendConflict(entry) {
  const fields = await merge(entry);
  if (fields === null) return undefined;
  if (fields === "nothing") return giveUp(entry);
  const other = replace(entry, { fields, version: entry.problem?.details.current.version });
  return show(await sync.attempt(other), entry.kind === "delete" ? "Deleted" : "Saved");
}

/** @param {Entry} entry */
function giveUp(entry) {
  discard(entry);
  update();
}

/** Ask for a token. The queue stays: it is sent as soon as the token is good. @param {string} reason */
async function signIn(reason) {
  if (signin.open) return;
  const [before, input] = [userId(), find("input", HTMLInputElement, signin)];
  setText(find(".hint", HTMLElement, signin), reason);
  input.value = "";
  if (!(await ask(signin))) return;
  if (userId(input.value.trim()) === null) return signIn("This is not a token of a user. Paste all of it.");
  setToken(input.value);
  if (before !== null && userId() !== before) return location.reload(); // Nothing of another user stays in memory.
  load();
  sync.sync();
}

function signOut() {
  forgetAll(); // But not the queue: it has what the service does not have yet.
  setToken(null);
  location.reload();
}

takeTokenFromUrl();
addEventListener("hashchange", () => location.hash.includes("token=") && location.reload());
onAdd(addTask);
onAction({ edit: editTask, remove: deleteTask, complete: completeTask, filter: update });
account.addEventListener("click", () => (userId() === null ? signIn("") : signOut()));
find("[name=dismiss]", HTMLElement, toast).addEventListener("click", () => (toast.hidden = true));
sync.events.addEventListener("change", update);
sync.events.addEventListener("signin", (event) => signIn(/** @type {CustomEvent<string>} */ (event).detail));
navigator.serviceWorker?.register("worker.js");
sync.start();
