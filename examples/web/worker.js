/**
 * Keeps the files of the page, so that it opens without a network. With one, the files of the server come first.
 *
 * It leaves all other requests alone, such as those to the service, on whatever origin that is.
 */

const worker = /** @type {any} */ (self);
const CACHE = "taskapp.page";
const MODULES = ["api", "app", "copy", "dates", "dom", "forms", "list", "merge", "queue", "sync"];
const FILES = ["./", "style.css", "icon.svg", ...MODULES.map((name) => `${name}.js`)];
const URLS = FILES.map((file) => new URL(file, location.href).href);

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)));
});
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { origin, pathname } = new URL(event.request.url);
  const url = origin + pathname.replace(/\/index\.html$/, "/"); // Without a token that may be in the fragment.
  if (event.request.method === "GET" && URLS.includes(url)) event.respondWith(fromNetworkOrCache(event.request, url));
});

/** @param {Request} request @param {string} url @returns {Promise<Response>} */
async function fromNetworkOrCache(request, url) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(url, response.clone()).catch(() => {}); // No space.
    return response;
  } catch {
    return (await cache.match(url)) ?? Response.error();
  }
}
