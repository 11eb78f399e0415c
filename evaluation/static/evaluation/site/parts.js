// A file sent in parts: a connection that breaks costs one part, and the same file goes on where it stopped, even after
// the page was closed. The addresses are the API's (docs/api.md).

const ADDRESS = "/api/v1/files/";
const SMALLEST = 256 * 1024;
const FIRST = 1024 * 1024;
const QUICK_MS = 2000; // a part that took less is followed by one twice as large
const SLOW_MS = 12000; // and one that took more by one half as large
const LATER = new Set([408, 425, 429, 500, 502, 503, 504]);
const LONGEST_WAIT_S = 30;

export class RefusedError extends Error {}

// Send `file`; resolves to its key once all of it has arrived. onProgress(bytes), onWait(seconds): a try failed.
// Rejects with a RefusedError whose message is for people.
export async function sendFile(file, { token, onProgress, onWait }) {
  const call = caller(token, onWait);
  let sent = await begun(file, call);
  let offset = sent.n_received;
  let size = Math.min(FIRST, sent.part_max_bytes);
  // The last part that is there is sent again: the server compares it, so another file of the same name is noticed.
  if (offset > 0) offset = Math.max(0, offset - size);
  while (offset < file.size) {
    onProgress(offset);
    const part = await read(file, offset, offset + size);
    const hash = await sha256(part);
    const began = performance.now();
    const answer = await call("PUT", `${ADDRESS}${sent.key}/part/?offset=${offset}${hash && `&sha256=${hash}`}`, part);
    if (answer.ok) {
      offset += part.byteLength;
      const took = performance.now() - began;
      if (took < QUICK_MS) size = Math.min(sent.part_max_bytes, size * 2);
      if (took > SLOW_MS) size = Math.max(SMALLEST, size / 2);
    } else if (answer.status === 409 && answer.told.field === "offset") {
      offset = answer.told.details.n_received; // another tab, or an answer that was lost
    } else if (answer.status === 404 || answer.status === 409) {
      forget(file);
      sent = await begun(file, call);
      offset = 0;
    } else {
      throw new RefusedError(answer.told.detail);
    }
  }
  onProgress(file.size);
  return sent.key;
}

// Once the file was used, it is not to be gone on with.
export function forget(file) {
  remembered(() => localStorage.removeItem(identity(file)));
}

async function begun(file, call) {
  const key = remembered(() => localStorage.getItem(identity(file)));
  if (key) {
    const known = await call("GET", `${ADDRESS}${key}/`);
    if (known.ok && known.told.n_bytes === file.size) return known.told;
  }
  const body = JSON.stringify({ file_name: file.name, n_bytes: file.size });
  const made = await call("POST", ADDRESS, body, "application/json");
  if (!made.ok) throw new RefusedError(made.told.detail);
  remembered(() => localStorage.setItem(identity(file), made.told.key));
  return made.told;
}

// A request that is tried until the server has an opinion of it.
function caller(token, onWait) {
  return async (method, address, body, type = "application/octet-stream") => {
    const headers = { Accept: "application/json", "X-CSRFToken": token, ...(body ? { "Content-Type": type } : {}) };
    for (let tries = 0; ; tries++) {
      const answer = await fetch(address, { method, body, headers, redirect: "error" }).catch(() => null);
      if (answer && !LATER.has(answer.status)) {
        if (answer.status === 401 || answer.status === 403) {
          throw new RefusedError("You are signed out. Sign in in another tab, then upload the file again: it goes on where it stopped.");
        }
        const told = await answer.json().catch(() => ({ detail: "The server gave an answer that this page does not understand. Reload it." }));
        return { ok: answer.ok, status: answer.status, told };
      }
      const seconds = Math.min(LONGEST_WAIT_S, 2 ** tries);
      onWait(seconds);
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    }
  };
}

async function read(file, from, to) {
  try {
    return await file.slice(from, to).arrayBuffer();
  } catch {
    throw new RefusedError("The file can't be read any more: it was changed or moved. Choose it again.");
  }
}

async function sha256(part) {
  if (!crypto.subtle) return ""; // plain HTTP from another machine
  const hash = await crypto.subtle.digest("SHA-256", part);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function identity(file) {
  return `drawbench-file:${file.name}:${file.size}:${file.lastModified}`;
}

function remembered(act) {
  try {
    return act();
  } catch {
    return null; // the browser keeps nothing for us: a reload begins anew
  }
}
