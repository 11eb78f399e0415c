// How the page talks to the server.

import { config } from "./config.js";
import { say } from "./texts.js";

export { config };
const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
const TIMEOUT = 15000; // ms until a request counts as lost; it is then sent again, which is safe
const FIRST_DELAY = 1000; // ms between the first two attempts
const LONGEST_DELAY = 30000;

// The server refused the request itself: sending the same again would not help.
export class Refused extends Error {
  constructor(code, message) { super(message); this.code = code; }
}

// The JSON that the server answers. Throws `Refused`, or any other error where a later attempt may succeed.
export async function request(url, body) {
  const response = await fetch(url, {
    method: body ? "POST" : "GET",
    headers: { "Accept-Language": config.says.language, ...(body && { "Content-Type": "application/json", "X-CSRFToken": token }) },
    body: body ? JSON.stringify({ rater: config.rater, ...body }) : undefined,
    signal: AbortSignal.timeout(TIMEOUT),
    keepalive: Boolean(body), // an answer under way is still sent when the page is closed
    credentials: "same-origin",
  });
  if (response.ok) return response.json();
  if (response.status >= 500 || response.status === 429) throw new Error(`status ${response.status}`);
  const answer = await response.json().catch(() => ({}));
  throw new Refused(answer.error?.code ?? "reload", answer.error?.message ?? say("reload"));
}

export const sleep = (ms) => new Promise((done) => {
  const finish = () => { clearTimeout(timer); removeEventListener("online", finish); done(); };
  const timer = setTimeout(finish, ms);
  addEventListener("online", finish); // the connection is back: no need to wait longer
});

// Pauses between attempts, each twice as long as the one before.
export function pauses() {
  let delay = FIRST_DELAY;
  return {
    async wait() {
      await sleep(delay);
      delay = Math.min(2 * delay, LONGEST_DELAY);
    },
    reset() { delay = FIRST_DELAY; },
  };
}
