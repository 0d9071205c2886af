// Sends requests again if that is safe. For openapi-fetch, and for everything else that uses fetch.

const READS = ["GET", "HEAD"];
const TRIES = 6;
const LONGEST_WAIT = 60;

const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/**
 * Fetch, and repeat what failed.
 *
 * A response with `Retry-After` is repeated after so many seconds, such as a 429, a 503, or a 409 while the first
 * request with the same key is in progress. A request without a response is repeated after longer and longer waits. A
 * write may have been made in both cases, so it is repeated only if it has an `Idempotency-Key`.
 */
export async function fetchWithRetry(request: Request): Promise<Response> {
  const repeatable = READS.includes(request.method) || request.headers.has("Idempotency-Key");
  for (let attempt = 1; repeatable && attempt < TRIES; attempt++) {
    let response: Response;
    try {
      response = await fetch(request.clone());
    } catch (error) {
      if (request.signal.aborted) throw error;
      await sleep(0.5 * 2 ** (attempt - 1) * (0.5 + Math.random()));
      continue;
    }
    const seconds = response.headers.get("Retry-After") ?? "";
    if (!/^\d+$/.test(seconds) || Number(seconds) > LONGEST_WAIT) return response;
    await response.body?.cancel();
    await sleep(Number(seconds) + Math.random() / 2);
  }
  return fetch(request);
}
