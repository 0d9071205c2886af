/**
 * The copy of the user's tasks: the list once, then only what changed.
 *
 * It is stored, so the page shows the tasks at once, and without a network.
 *
 * @typedef {import("./api.js").Task} Task
 */

import { Refused, request, storageName } from "./api.js";
import { entries } from "./queue.js";

/** @type {Map<number, Task>} */
let tasks = new Map();
/** The number of the newest change in the copy, or null without a copy. @type {number | null} */
let number = null;

/** Read the stored copy, if another tab or an earlier visit has stored a newer one. */
export function load() {
  const stored = JSON.parse(localStorage.getItem(storageName("copy")) ?? "null");
  if (!stored || stored.number < (number ?? 0)) return;
  tasks = new Map(stored.tasks.map((/** @type {Task} */ task) => [task.id, task]));
  number = stored.number;
}

/** Store the copy. It may be too large; the queue needs the space more, and the list can be read again. */
function save() {
  try {
    localStorage.setItem(storageName("copy"), JSON.stringify({ number, tasks: [...tasks.values()] }));
  } catch {
    forgetAll();
  }
}

/** Remove the stored copy. */
export const forgetAll = () => localStorage.removeItem(storageName("copy"));

/** Bring the copy up to date. @throws {import("./api.js").NotNow | import("./api.js").Unauthorized} */
export async function follow() {
  if (number === null) await start("tasks?sort=id&as_of=now");
  try {
    while (await readChanges());
  } catch (error) {
    if (!(error instanceof Refused && error.status === 410)) throw error;
    await start(error.details.restart); // This copy is so old that its changes are no longer known.
  }
  save();
}

/** Read the whole list, page by page. @param {string | undefined} path */
async function start(path) {
  const read = new Map();
  let first = null;
  while (path) {
    const { body, headers } = await request("GET", path);
    first ??= body.as_of; // What changes while we read the pages is newer, so the feed tells it.
    for (const task of body.data) read.set(task.id, task);
    path = headers.get("Link")?.match(/<([^>]+)>; rel="next"/)?.[1];
  }
  [tasks, number] = [read, first];
}

/** Apply what changed since. Return whether there is more. */
async function readChanges() {
  const known = /** @type {number} */ (number);
  const { status, body } = await request("GET", `changes?after=${known}&limit=1000`, { known });
  if (status === 304) return false;
  for (const change of body.data) {
    if (change.task) store(change.task);
    else forget(change.task_id, change.number);
  }
  number = body.pagination.after;
  return body.pagination.more;
}

/** Keep a task, unless the copy has a newer one. @param {Task} task */
function store(task) {
  if (task.version >= (tasks.get(task.id)?.version ?? 0)) tasks.set(task.id, task);
}

/** Forget a task that a change deleted, unless the copy has a newer one. @param {number} id @param {number} change */
export function forget(id, change) {
  if ((tasks.get(id)?.version ?? 0) < change) tasks.delete(id);
}

/** Keep a task of a response. What is older than the copy comes from a repeated write. @param {Task} task */
export function storeWritten(task) {
  if (task.version > (number ?? 0)) store(task);
}

/** The task of the copy with this uid, as the service has it. @param {string} uid */
export const confirmed = (uid) => [...tasks.values()].find((task) => task.uid === uid) ?? null;

/**
 * The tasks as they will be when the queue is empty.
 *
 * @returns {(Task & {waiting?: boolean})[]} `waiting` if the service has not confirmed it
 */
export function shown() {
  /** @type {Map<string, Task & {waiting?: boolean}>} */
  const all = new Map([...tasks.values()].map((task) => [task.uid, task]));
  for (const { kind, uid, fields, before } of entries()) {
    const task = kind === "undo" ? before : { ...BLANK, ...(all.get(uid) ?? before), ...withoutInstant(fields), uid };
    if (kind === "delete" || !task) all.delete(uid);
    else all.set(uid, { ...task, waiting: true });
  }
  return [...all.values()];
}

/** @type {Task} */
const BLANK = {
  ...{ id: Infinity, uid: "", title: "", description: null, completed: false, completed_at: null, priority: null },
  ...{ tags: [], due_date: null, due_time: null, time_zone: null, due_at: null, recurrence: null },
  ...{ reminder: null, created_at: "", updated_at: "", version: 0 },
};

/** A change of the day or the time makes the known instant wrong. @param {Partial<Task>} fields */
const withoutInstant = (fields) => ("due_date" in fields ? { ...fields, due_at: null } : fields);
