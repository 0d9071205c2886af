/**
 * What to do when others have changed the same fields: the user chooses, field by field.
 *
 * @typedef {import("./api.js").Task} Task
 * @typedef {import("./queue.js").Entry} Entry
 */

import { fullDay } from "./dates.js";
import { ask, find, make, setText } from "./dom.js";
import { repeatWords, wordsFor } from "./forms.js";
import { comparable } from "./queue.js";

/**
 * What can be chosen: fields that mean something only together, and their words.
 *
 * @type {{label: string, names: (keyof Task)[], words: (task: Task) => string}[]}
 */
const CHOICES = [
  { label: "Title", names: ["title"], words: (task) => task.title },
  { label: "Notes", names: ["description"], words: (task) => task.description || "None" },
  { label: "Due", names: ["due_date", "due_time", "time_zone", "recurrence"], words: whenWords },
  { label: "Priority", names: ["priority"], words: (task) => wordsFor("priority", task.priority ?? "") ?? "None" },
  { label: "Tags", names: ["tags"], words: (task) => task.tags.join(", ") || "None" },
  { label: "State", names: ["completed"], words: (task) => (task.completed ? "Done" : "Open") },
];

/** @param {Task} task */
function whenWords(task) {
  const words = [task.due_date && fullDay(task.due_date), task.due_time, repeatWords(task.recurrence)];
  return words.filter(Boolean).join(", ") || "Never";
}

/**
 * The fields of a write that cannot be merged, because others have changed them to something else.
 *
 * @param {Entry} entry that the service refused with a 412
 */
function conflictsOf({ fields, problem }) {
  const { current, changed } = problem?.details ?? {};
  const differs = (/** @type {keyof Task} */ name) =>
    name in fields && comparable(fields[name]) !== comparable(current[name]);
  const isTheirs = (/** @type {string} */ name) => !changed || changed.includes(name); // Without a list, any may be.
  return CHOICES.filter(({ names }) => names.some(differs) && names.some(isTheirs));
}

/**
 * Let the user choose.
 *
 * @param {Entry} entry that the service refused with a 412
 * @returns {Promise<Partial<Task> | "nothing" | null>} the fields to write all the same; "nothing" if there are none;
 *   null to decide later
 */
export async function merge(entry) {
  const theirs = /** @type {Task} */ (entry.problem?.details.current);
  const mine = { ...theirs, due_at: null, ...entry.fields };
  const isDeletion = entry.kind === "delete";
  const conflicts = conflictsOf(entry);
  if (!conflicts.length && !isDeletion) return entry.fields;

  const rows = isDeletion
    ? [choice("Task", "Delete it", `Keep it: ${CHOICES.map(({ words }) => words(theirs)).join(" · ")}`)]
    : conflicts.map(({ label, words }) => choice(label, words(mine), words(theirs)));
  find("#choices", HTMLElement).replaceChildren(...rows);
  if (!(await ask(find("#merge", HTMLDialogElement)))) return null;

  const left = { ...entry.fields };
  rows.forEach((row, index) => {
    const chosen = find("input:checked", HTMLInputElement, row).value;
    if (chosen === "theirs") conflicts[index]?.names.forEach((name) => delete left[name]);
  });
  const keepsTask = isDeletion && find("input:checked", HTMLInputElement, rows[0]).value === "theirs";
  return keepsTask || (!isDeletion && !Object.keys(left).length) ? "nothing" : left;
}

/** One choice. @param {string} label @param {string} mine @param {string} theirs */
function choice(label, mine, theirs) {
  const row = make("choice-template");
  setText(find("legend", HTMLElement, row), label);
  row.querySelectorAll("input").forEach((input) => (input.name = label));
  row.querySelectorAll(".value").forEach((value, index) => setText(value, [mine, theirs][index]));
  return row;
}
