/**
 * Keeps the queue and the copy in step with the service: sends what waits, reads what changed, and tries again later.
 *
 * @typedef {import("./queue.js").Write} Write
 * @typedef {import("./queue.js").Entry} Entry
 * @typedef {import("./api.js").Task} Task
 *
 * @typedef {object} Outcome of a write
 * @property {Entry} entry
 * @property {"done" | "waiting" | "refused"} state
 * @property {number | null} change the number of the write, once it is known
 * @property {Task | null} next the next occurrence, if the write completed a task that recurs
 */

import { NotNow, Refused, Unauthorized, request } from "./api.js";
import { follow, forget, load, storeWritten } from "./copy.js";
import { add, discard, entries, next, save, settle } from "./queue.js";

const POLL_SECONDS = 20;
const LONGEST_WAIT_SECONDS = 60;

/** Tells the view that something has changed: "change", and "signin" if a token is needed. */
export const events = new EventTarget();

/** Why nothing can be sent or read now, or "". @type {"" | "loading" | "offline" | "busy" | "signin"} */
export let obstacle = "loading";

/** What this tab or another has sent, by key: the number of the change, and the next occurrence. */
const results = /** @type {Map<string, {change: number, next: Task | null}>} */ (new Map());
const otherTabs = new BroadcastChannel("taskapp.results");
otherTabs.onmessage = (/** @type {MessageEvent} */ { data }) => results.set(data.key, data.result);
const notify = () => events.dispatchEvent(new Event("change"));

let failures = 0;
let notBefore = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** The run that has not begun yet, which later callers share. @type {Promise<unknown> | null} */
let upcoming = null;

/** Follow the service from now on. */
export function start() {
  load();
  notify(); // The stored copy is shown at once.
  addEventListener("online", sync);
  addEventListener("offline", sync);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : sync()));
  addEventListener("storage", () => (load(), notify())); // Another tab has written something.
  return sync();
}

/** Send and read everything, after what is in progress. One tab at a time does it, so no write is sent twice. */
export function sync() {
  upcoming ??= navigator.locks.request("taskapp.sync", async () => {
    upcoming = null;
    await run();
  });
  return upcoming;
}

async function run() {
  clearTimeout(timer);
  let seconds = POLL_SECONDS;
  try {
    await drain();
    await follow();
    [failures, obstacle] = [0, ""];
  } catch (error) {
    seconds = waitAfter(error);
  }
  notify();
  // Some jitter, so that not all devices ask at the same moment.
  if (!document.hidden && obstacle !== "signin") timer = setTimeout(sync, seconds * 1000 * (1 + Math.random() / 4));
}

/** Take note of what is in the way, and return after how many seconds to try again. @param {unknown} error */
function waitAfter(error) {
  // A refused read means that the token is not good for this service.
  if (error instanceof Unauthorized || error instanceof Refused) {
    obstacle = "signin";
    events.dispatchEvent(new CustomEvent("signin", { detail: error.message }));
    return 0;
  }
  if (!(error instanceof NotNow)) throw error;
  failures += 1;
  obstacle = error.message === "offline" ? "offline" : "busy";
  notBefore = performance.now() + error.seconds * 1000;
  return error.seconds || Math.min(2 ** failures, LONGEST_WAIT_SECONDS);
}

/** Send the queue, in order. */
async function drain() {
  const wait = (notBefore - performance.now()) / 1000;
  if (wait > 0) throw new NotNow("busy", wait);
  if (!navigator.onLine) throw new NotNow("offline");
  for (let entry = next(); entry; entry = next()) {
    save({ ...entry, sent: true });
    try {
      confirm(entry, await send(entry));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refuse(entry, error);
    }
    notify();
  }
}

/** Send a write. Repeated, it has the same key and the same body, byte for byte. @param {Entry} entry */
function send({ kind, key, uid, id, version, fields, change }) {
  if (kind === "create") return request("POST", "tasks", { key, body: JSON.stringify({ uid, ...fields }) });
  if (kind === "undo") return request("POST", `changes/${change}/undo`, { key });
  if (kind === "delete") return request("DELETE", `tasks/${id}`, { key, version });
  return request("PATCH", `tasks/${id}`, { key, version, body: JSON.stringify(fields) });
}

/** The service has made a write. @param {Entry} entry @param {import("./api.js").ServiceResponse} response */
function confirm(entry, { headers, body }) {
  const change = Number(headers.get("Change"));
  /** @type {Task[]} */
  const tasks = [body.data, body.next].filter((task) => task?.uid);
  if (entry.kind === "delete") forget(/** @type {number} */ (entry.id), change);
  for (const { task, task_id } of body.data.results ?? []) {
    if (task) tasks.push(task);
    else forget(task_id, change);
  }
  tasks.forEach(storeWritten);
  settle(entry, { task: tasks.find(({ uid }) => uid === entry.uid), change });
  const result = { change, next: body.next ?? null };
  results.set(entry.key, result);
  otherTabs.postMessage({ key: entry.key, result });
}

/**
 * The service has refused a write: keep it for the user, unless it is done already.
 *
 * @param {Entry} entry
 * @param {Refused} error
 */
function refuse(entry, { status, code, message, details }) {
  if (details.current) storeWritten(details.current);
  const isUndone = entries().some(({ undoes }) => undoes === entry.key);
  if (isUndone || (entry.kind === "delete" && status === 404)) discard(entry);
  else if (entry.kind === "create" && status === 409) settle(entry, { task: details.current, change: 0 });
  else save({ ...entry, problem: { code, message, details } });
}

/**
 * Make a write: it is in the queue and shown at once, and sent when that is possible.
 *
 * @param {Write} write
 */
export function write(write) {
  return attempt(add(write));
}

/**
 * Send what is in the queue, and say what became of one entry.
 *
 * @param {Entry} entry
 * @returns {Promise<Outcome>}
 */
export async function attempt(entry) {
  notify();
  if (!entry.problem) await sync();
  const left = entries().find(({ key }) => key === entry.key);
  const state = (left ?? entry).problem ? "refused" : left ? "waiting" : "done";
  const { change = null, next = null } = results.get(entry.key) ?? {};
  return { entry: left ?? entry, state, change, next };
}

/**
 * Take a write back: out of the queue if it has never been made, or else by the undo of the service.
 *
 * @param {Entry} entry
 * @returns {Promise<Outcome | null>} null if nothing has to be sent
 */
export async function undo(entry) {
  const waiting = entries().find(({ key }) => key === entry.key);
  const change = results.get(entry.key)?.change ?? null;
  if (!waiting || (waiting.sent && !waiting.problem)) {
    const { uid, id, before } = entry;
    return write({ kind: "undo", uid, id, version: null, fields: {}, before, undoes: entry.key, change });
  }
  discard(waiting);
  notify();
  return null;
}
