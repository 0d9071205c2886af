/**
 * Keeps the files of the page, so that it opens without a network. With one, the files of the server come first.
 *
 * It never sees a request to the service, which is another origin.
 */

const worker = /** @type {any} */ (self);
const CACHE = "taskapp.page";
const MODULES = ["api", "app", "copy", "dates", "dom", "forms", "list", "merge", "queue", "sync"];
const FILES = ["./", "style.css", "icon.svg", ...MODULES.map((name) => `${name}.js`)];

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)));
});
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const isOurs = new URL(event.request.url).origin === location.origin;
  if (isOurs && event.request.method === "GET") event.respondWith(fromNetworkOrCache(event.request));
});

/** @param {Request} request @returns {Promise<Response>} */
async function fromNetworkOrCache(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch {
    return (await cache.match(request, { ignoreSearch: true })) ?? Response.error();
  }
}
