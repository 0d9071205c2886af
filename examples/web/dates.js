/**
 * When tasks are due, in the reader's time zone and language.
 *
 * A day is text, such as "2026-12-24", and no time zone changes it. Only a task with a time is due at an instant.
 *
 * @typedef {import("./api.js").Task} Task
 * @typedef {Pick<Task, "completed" | "due_date" | "due_time" | "time_zone" | "due_at">} Due
 */

const LOCALE = navigator.languages;
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const relativeDay = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
const days = new Intl.NumberFormat(LOCALE, { style: "unit", unit: "day", unitDisplay: "long" });

/** The day of an instant on a clock, by default the reader's. @param {Date} instant @param {string} [timeZone] */
export function dayOf(instant, timeZone) {
  const format = new Intl.DateTimeFormat("en", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const part = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}`;
}

/** How many days lie between two days. In UTC each day has 24 hours. @param {string} from @param {string} to */
const daysBetween = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);

/**
 * The instant at which a task is due. The service computes it. For a change that it does not have yet, the clock of the
 * reader is near enough.
 *
 * @param {Due} task
 */
const instantOf = (task) => new Date(task.due_at ?? `${task.due_date}T${task.due_time}`);

/** The day on which a task is due for the reader. @param {Due} task */
const dueDay = (task) => (task.due_time ? dayOf(instantOf(task)) : /** @type {string} */ (task.due_date));

/** Whether a task is overdue, by the rule of the service. @param {Due} task */
export function isOverdue(task, now = new Date()) {
  if (task.completed || !task.due_date) return false;
  if (task.due_time) return instantOf(task) < now;
  return task.due_date < dayOf(now, task.time_zone ?? undefined);
}

/** In how many days a task is due, negative in the past, and null without a day. @param {Due} task */
export const daysLeft = (task, now = new Date()) => (task.due_date ? daysBetween(dayOf(now), dueDay(task)) : null);

/** The words for when a task is due, such as "tomorrow at 17:00", or "". @param {Due} task */
export function dueWords(task, now = new Date()) {
  const left = daysLeft(task, now);
  if (left === null) return "";
  const time = task.due_time ? instantOf(task).toLocaleTimeString(LOCALE, { timeStyle: "short" }) : "";
  if (!isOverdue(task, now)) return [dayWords(dueDay(task), left), time].filter(Boolean).join(", ");
  return left < 0 ? `overdue by ${days.format(-left)}` : `overdue since ${time}`;
}

/** A day in words: relative if it is near, with its year if it is far. @param {string} day @param {number} left */
function dayWords(day, left) {
  if (Math.abs(left) <= 1) return relativeDay.format(left, "day");
  /** @type {Intl.DateTimeFormatOptions} */
  const format = left > 1 && left < 7 ? { weekday: "long" } : { weekday: "short", day: "numeric", month: "short" };
  if (left < -180 || left > 180) format.year = "numeric";
  return new Date(day).toLocaleDateString(LOCALE, { ...format, timeZone: "UTC" });
}

/** A day with its weekday and year, for comparing. @param {string} day */
export const fullDay = (day) => new Date(day).toLocaleDateString(LOCALE, { dateStyle: "full", timeZone: "UTC" });

/** Compare for sorting: what is due first, and with a time before without. @param {Task} a @param {Task} b */
export function byDue(a, b) {
  const [first, second] = [a, b].map((task) => `${task.due_date ?? "9999"} ${task.due_time ?? "99"}`);
  return first < second ? -1 : first > second ? 1 : a.id - b.id;
}
