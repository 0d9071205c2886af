/**
 * The writes that the service has not confirmed yet, in the order in which the user made them.
 *
 * They are in localStorage, so they survive a reload, and all tabs see them. Each has an item of its own there, so tabs
 * do not overwrite each other's.
 *
 * @typedef {import("./api.js").Task} Task
 *
 * @typedef {object} Problem why the service refused a write; the user has to decide
 * @property {string} code
 * @property {string} message
 * @property {Record<string, any>} details
 *
 * @typedef {object} Write
 * @property {"create" | "change" | "delete" | "undo"} kind
 * @property {string} uid of the task; a new one has no `id` yet
 * @property {number | null} id of the task
 * @property {number | null} version of the task that the user saw
 * @property {Partial<Task>} fields what to set
 * @property {Task | null} before the task that the user saw
 * @property {string} [undoes] the key of the write to undo
 * @property {number | null} [change] the number of that write, once it is known
 *
 * @typedef {Write & {place: string, key: string, sent: boolean, problem?: Problem}} Entry
 */

import { storageName } from "./api.js";

const nameOf = (/** @type {{place: string}} */ { place }) => `${storageName("queue")}/${place}`;

/** All entries, in order. @returns {Entry[]} */
export function entries() {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(nameOf({ place: "" })));
  return names.sort().map((name) => JSON.parse(localStorage.getItem(name) ?? "{}"));
}

/** Add a write at the end. @param {Write} write @returns {Entry} */
export function add(write) {
  const [last] = entries().slice(-1);
  // Later than the last one, even if the clock was set back. The key tells apart what two tabs add at once.
  const time = Math.max(Date.now(), Number(last?.place.split("-")[0] ?? 0) + 1);
  const key = crypto.randomUUID();
  const entry = { ...write, key, sent: false, place: `${String(time).padStart(16, "0")}-${key}` };
  return save(entry);
}

/**
 * Store an entry as it is now.
 *
 * @param {Entry} entry
 * @returns {Entry} the same, with a problem if there is no space for it
 */
export function save(entry) {
  if (isStored(entry)) return entry;
  localStorage.removeItem(storageName("copy")); // The copy can be read again, a write cannot.
  if (isStored(entry)) return entry;
  return { ...entry, problem: { code: "NO_SPACE", message: "This browser has no space left.", details: {} } };
}

/** Try to store an entry. @param {Entry} entry */
function isStored(entry) {
  try {
    localStorage.setItem(nameOf(entry), JSON.stringify(entry));
    return true;
  } catch {
    return false;
  }
}

/**
 * Put another write in the place of one that was refused. It is another request, so it has another key.
 *
 * @param {Entry} entry
 * @param {Partial<Write>} changes
 * @returns {Entry}
 */
export function replace(entry, changes) {
  const other = { ...entry, ...changes, key: crypto.randomUUID(), sent: false, problem: undefined };
  return save(other);
}

/** Remove an entry, and with a task that was never created its later writes. @param {Entry} entry */
export function discard(entry) {
  const depends = (/** @type {Entry} */ other) =>
    other.undoes === entry.key || (entry.kind === "create" && other.uid === entry.uid);
  for (const other of entries().filter(depends)) remove(other);
  remove(entry);
}

/** Remove an entry. @param {Entry} entry */
export function remove(entry) {
  localStorage.removeItem(nameOf(entry));
}

/** Fields that mean something only together. @type {(keyof Task)[]} */
const DUE = ["due_date", "due_time", "time_zone", "recurrence"];
/** What a deletion depends on: everything that users set. @type {(keyof Task)[]} */
const ALL = ["title", "description", "priority", "tags", "completed", "reminder", ...DUE];

/** Fields with those that mean something only together with them. @param {(keyof Task)[]} names */
const together = (names) => (names.some((name) => DUE.includes(name)) ? [...names, ...DUE] : names);

/** Some fields of a task. @param {Task} task @param {(keyof Task)[]} names */
const pick = (task, names) => Object.fromEntries(names.map((name) => [name, task[name]]));

/** A value for comparison: of a recurrence only what users set. @param {any} value */
export const comparable = (value) => JSON.stringify(value?.rule ? [value.rule, value.from] : value);

/** The next entry to send. Writes of a task wait for an earlier one that the user has to decide about. */
export function next() {
  const blocked = new Set();
  for (const entry of entries()) {
    if (entry.problem) blocked.add(entry.uid);
    else if (!blocked.has(entry.uid)) return entry;
  }
  return null;
}

/**
 * Tell the later entries what became of one: which id a new task has, what the user had before their eyes when making
 * the next change, and which change an undo takes back.
 *
 * @param {Entry} entry
 * @param {{task?: Task | null, change: number}} result
 */
export function settle(entry, { task, change }) {
  remove(entry);
  for (const other of entries()) {
    if (other.undoes === entry.key) save({ ...other, change });
    else if (other.uid === entry.uid && task) save(after(entry, task, other));
  }
}

/**
 * A later write of a task, now that an earlier one is made. If others have changed what it writes, it keeps its old
 * version, so the service refuses it, and the user is asked.
 *
 * @param {Entry} entry
 * @param {Task} task what the service has made of it
 * @param {Entry} other
 */
function after(entry, task, other) {
  // Where the earlier write set what was there already, the service has kept what others wrote.
  const isOwn = (/** @type {keyof Task} */ name) => comparable(entry.fields[name]) !== comparable(entry.before?.[name]);
  const written = together(/** @type {(keyof Task)[]} */ (Object.keys(entry.fields)).filter(isOwn));
  const before = { ...task, ...other.before, id: task.id, ...pick(task, written) };
  const isNew = entry.kind === "create" && task.updated_at === task.created_at;
  const isSeen = isNew || hasSeen({ ...other, before }, task);
  // No task that others have changed has version 1. The copy may know a newer version than that of this write.
  return { ...other, before, id: task.id, version: isSeen ? task.version : Math.min(other.version || 1, task.version) };
}

/**
 * Whether a user who saw `before` has seen what the service has now, as far as a write depends on it.
 *
 * @param {Pick<Write, "kind" | "fields" | "before">} write
 * @param {Task} task
 */
export function hasSeen({ kind, fields, before }, task) {
  const names = kind === "delete" ? ALL : together(/** @type {(keyof Task)[]} */ (Object.keys(fields)));
  return names.every((name) => comparable(before?.[name]) === comparable(task[name]));
}
