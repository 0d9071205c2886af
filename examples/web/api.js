/**
 * Requests to the service: the token, the headers that make writes safe, and what a response means.
 *
 * @typedef {{rule: string, from: "due_date" | "completion"}} Recurrence
 *
 * @typedef {object} Task
 * @property {number} id
 * @property {string} uid
 * @property {string} title
 * @property {string | null} description
 * @property {boolean} completed
 * @property {string | null} completed_at
 * @property {"urgent" | "high" | "medium" | "low" | null} priority
 * @property {string[]} tags
 * @property {string | null} due_date
 * @property {string | null} due_time
 * @property {string | null} time_zone
 * @property {string | null} due_at
 * @property {Recurrence | null} recurrence
 * @property {{minutes_before: number} | {at: string} | null} reminder
 * @property {string} created_at
 * @property {string} updated_at
 * @property {number} version
 *
 * @typedef {{status: number, headers: Headers, body: any}} ServiceResponse
 */

const SERVICE = document.querySelector("meta[name=taskapp-url]")?.getAttribute("content") ?? "";
const BASE = new URL(`${SERVICE.replace(/\/$/, "")}/`, location.href); // It may have a path.
const SECONDS_TO_RESPOND = 30;
const TOKEN = "taskapp.token";

/** The service cannot be reached, or wants us to wait. The request may have taken effect: send it again as it is. */
export class NotNow extends Error {
  /**
   * @param {string} reason
   * @param {number} [seconds] how long the service wants us to wait
   */
  constructor(reason, seconds = 0) {
    super(reason);
    this.seconds = seconds;
  }
}

/** The token is missing, invalid or expired. */
export class Unauthorized extends Error {}

/** The service refuses the request, and would again. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {{code: string, message: string, details?: Record<string, any>}} error
   */
  constructor(status, { code, message, details = {} }) {
    super(message);
    Object.assign(this, { status, code, details });
  }
  status = 0;
  code = "";
  /** @type {Record<string, any>} */
  details = {};
}

/** Take the token out of the URL, where it would stay in the history and in bookmarks. */
export function takeTokenFromUrl() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  setToken(token);
  history.replaceState(null, "", location.pathname + location.search);
}

/** Keep a token until this tab is closed, or forget it. @param {string | null} token */
export function setToken(token) {
  if (token) sessionStorage.setItem(TOKEN, token.trim());
  else sessionStorage.removeItem(TOKEN);
}

/** The user of a token, or null. Only the service can tell if a token is valid. */
export function userId(token = sessionStorage.getItem(TOKEN)) {
  try {
    const [, payload] = /** @type {string[]} */ (token?.match(/^[\w-]+\.([\w-]+)\.[\w-]+$/));
    const bytes = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const json = new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
    return /** @type {string | null} */ (JSON.parse(json).sub ?? null);
  } catch {
    return null;
  }
}

/** The name under which something of the user is in localStorage. It has no slash. @param {"queue" | "copy"} what */
export const storageName = (what) => `taskapp.${what}.${encodeURIComponent(userId() ?? "")}`;

/** The user whose tasks are in memory, until the page is loaded again. @type {string | null} */
let owner = null;

/**
 * Send a request about the user's tasks.
 *
 * @param {string} method
 * @param {string} path below the user, such as `tasks/7`, or from the root, such as that of a `Link`
 * @param {object} [options]
 * @param {string | null} [options.body] JSON
 * @param {string} [options.key] with which a write takes effect once, however often it is sent
 * @param {number | null} [options.version] what the user has seen; if others have changed the same, it fails
 * @param {number} [options.known] the newest change that is known; if there is no other, the response is a 304
 * @returns {Promise<ServiceResponse>}
 * @throws {NotNow | Unauthorized | Refused}
 */
export async function request(method, path, { body = null, key, version, known } = {}) {
  const user = userId();
  if (user === null) throw new Unauthorized("Sign in with a token.");
  owner ??= user;
  const headers = new Headers({ Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` });
  if (body !== null) headers.set("Content-Type", "application/json");
  if (key) headers.set("Idempotency-Key", key);
  if (version) {
    headers.set("If-Match", `"${version}"`);
    headers.set("Prefer", "merge=disjoint"); // Changes of other fields by others are no conflict.
  }
  if (known !== undefined) headers.set("If-None-Match", `"${known}"`);
  const url = new URL(path.startsWith("/") ? path : `api/${encodeURIComponent(user)}/${path}`, BASE);
  const response = await send(url, { method, headers, body });
  // The page is about to be loaded again. Nothing of one user may be stored as another's.
  if (userId() !== owner) throw new NotNow("busy");
  return understand(response);
}

/** Send a request and read the response to its end. @param {URL} url @param {RequestInit} options */
async function send(url, options) {
  try {
    const signal = AbortSignal.timeout(SECONDS_TO_RESPOND * 1000);
    const response = await fetch(url, { ...options, signal });
    const { status, headers } = response;
    return { status, headers, body: status === 304 ? null : await response.json() };
  } catch {
    // No connection, a broken one, or a response of somebody else, such as the Wi-Fi of a hotel.
    throw new NotNow("offline");
  }
}

/**
 * Return a response that is not an error.
 *
 * @param {ServiceResponse} response
 * @throws {NotNow | Unauthorized | Refused}
 */
function understand(response) {
  const { status, headers, body } = response;
  if (status < 400) return response;
  const wait = Number(headers.get("Retry-After"));
  if (status === 429 || status >= 500 || (status === 409 && wait)) throw new NotNow("busy", wait);
  const error = body.error ?? { code: "UNKNOWN", message: `The service responded with ${status}.` };
  throw status === 401 ? new Unauthorized(error.message) : new Refused(status, error);
}
