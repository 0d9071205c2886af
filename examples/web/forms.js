/**
 * The forms of a task: from its fields to inputs and back, and the errors at the inputs.
 *
 * @typedef {import("./api.js").Task} Task
 * @typedef {import("./api.js").Recurrence} Recurrence
 * @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control
 */

import { ZONE } from "./dates.js";
import { ask, find, setText } from "./dom.js";

/** Fields that mean something only together. @type {(keyof Task)[]} */
const DUE = ["due_date", "due_time", "time_zone"];

const addForm = find("#add", HTMLFormElement);
const dialog = find("#edit", HTMLDialogElement);
const editForm = find("form", HTMLFormElement, dialog);
for (const name of ["priority", "recurrence"]) {
  const options = [...find(`[name=${name}]`, HTMLSelectElement, addForm).options];
  find(`[name=${name}]`, HTMLSelectElement, editForm).append(...options.map((option) => option.cloneNode(true)));
}

/** The words for a value of a select, which are those of its option. @param {string} name @param {string} value */
export function wordsFor(name, value) {
  const options = [...find(`[name=${name}]`, HTMLSelectElement, addForm).options];
  return options.find((option) => option.value === value)?.label;
}

/** A recurrence as the value of an option, and in words. @param {Recurrence | null} recurrence */
const ruleOf = (recurrence) =>
  recurrence ? recurrence.rule + (recurrence.from === "completion" ? " from completion" : "") : "";
export const repeatWords = (/** @type {Recurrence | null} */ recurrence) =>
  recurrence ? (wordsFor("recurrence", ruleOf(recurrence)) ?? `Repeats by ${ruleOf(recurrence)}`) : "";

/** @param {HTMLFormElement} form @param {string} name @returns {Control | null} */
const control = (form, name) => form.querySelector(`[name="${name}"]`);

/** Put a task into a form. @param {HTMLFormElement} form @param {Partial<Task>} task */
function fill(form, task) {
  const rule = ruleOf(task.recurrence ?? null);
  const values = { ...task, recurrence: rule, tags: task.tags?.join(", ") };
  const rules = find("[name=recurrence]", HTMLSelectElement, form);
  // A rule that another client has set must survive an edit of the title.
  if (![...rules.options].some(({ value }) => value === rule)) rules.add(new Option(rule, rule));
  for (const [name, value] of Object.entries(values)) {
    const input = control(form, name);
    if (input) input.value = String(value ?? "");
  }
}

/**
 * What is in a form, as fields of the service. An empty input is null there.
 *
 * @param {HTMLFormElement} form
 * @param {string | null} [timeZone] that of the task
 * @returns {Partial<Task>}
 */
function read(form, timeZone = null) {
  const value = (/** @type {string} */ name) => control(form, name)?.value || null;
  const [rule, from = "due_date"] = value("recurrence")?.split(" from ") ?? [];
  const tags = value("tags")?.split(",").map((tag) => tag.trim()) ?? [];
  const fields = {
    title: value("title") ?? "",
    description: value("description"),
    priority: value("priority"),
    tags: tags.filter(Boolean),
    due_date: value("due_date"),
    due_time: value("due_time"),
    time_zone: value("due_time") || rule ? (timeZone ?? ZONE) : value("due_date") && timeZone,
    recurrence: rule ? { rule, from } : null,
  };
  return /** @type {Partial<Task>} */ (fields);
}

/** What differs between two readings of a form. @param {Partial<Task>} before @param {Partial<Task>} after */
function difference(before, after) {
  const names = /** @type {(keyof Task)[]} */ (Object.keys(after));
  const changed = new Set(names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])));
  // The service takes a new rule only with its first day.
  if (changed.has("recurrence") || DUE.some((name) => changed.has(name))) DUE.forEach((name) => changed.add(name));
  return /** @type {Partial<Task>} */ (Object.fromEntries([...changed].map((name) => [name, after[name]])));
}

/**
 * Show the errors of a 422 at the inputs, and go to the first.
 *
 * @param {HTMLFormElement} form
 * @param {Record<string, string[]>} details sentences by field
 */
function showErrors(form, details) {
  clearErrors(form);
  for (const [name, sentences] of Object.entries(details)) {
    const [field] = name.replace("time_zone", "due_time").split(".");
    const input = control(form, field) ?? control(form, "title");
    const error = Object.assign(document.createElement("p"), { className: "error", id: `${form.id}-${field}-error` });
    error.textContent = sentences.join(" ");
    input?.setAttribute("aria-invalid", "true");
    input?.setAttribute("aria-describedby", error.id);
    input?.closest("label")?.after(error);
  }
  form.querySelector(/** @type {"input"} */ ("[aria-invalid]"))?.focus();
}

/** @param {HTMLFormElement} form */
function clearErrors(form) {
  for (const error of form.querySelectorAll(".error")) error.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

/** Call a function with the fields of each task that is added. @param {(fields: Partial<Task>) => void} add */
export function onAdd(add) {
  addForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = read(addForm);
    addForm.reset(); // The queue has it now.
    clearErrors(addForm);
    find("[name=title]", HTMLInputElement, addForm).focus();
    add(fields);
  });
}

/**
 * Give a refused task back to the form for new tasks, unless the user is writing the next one there.
 *
 * @param {Partial<Task>} fields
 * @param {Record<string, string[]>} errors
 * @returns {boolean} whether the form has it now
 */
export function giveBack(fields, errors) {
  if (control(addForm, "title")?.value) return false;
  fill(addForm, fields);
  showErrors(addForm, errors);
  return true;
}

/**
 * Let the user edit a task.
 *
 * @param {string} heading
 * @param {Partial<Task>} task as the service has it
 * @param {Partial<Task>} [fields] what the user has changed before
 * @param {Record<string, string[]>} [errors] what the service says about that
 * @returns {Promise<Partial<Task> | null>} the fields that differ from those of the task, or null if there are none
 */
export async function edit(heading, task, fields = {}, errors = {}) {
  setText(find("h2", HTMLElement, dialog), heading);
  editForm.reset();
  fill(editForm, task);
  const before = read(editForm, task.time_zone); // As the inputs show it, which is not always what was stored.
  fill(editForm, { ...task, ...fields });
  const hint = find(".hint", HTMLElement, dialog);
  hint.hidden = !task.time_zone || task.time_zone === ZONE;
  hint.textContent = `The time is on the clock of ${task.time_zone}.`;
  const answer = ask(dialog);
  showErrors(editForm, errors);
  if (!(await answer)) return null;
  const changes = difference(before, read(editForm, task.time_zone));
  return Object.keys(changes).length ? changes : null;
}
