// The states by name: of a trial's images, and of the page.

// A trial's images.
export const LOADING = "loading"; // some are still on their way
export const MISSING = "missing"; // all attempts are over, and some did not come
export const READY = "ready"; // every image of all sets is decoded: only now can the trial be answered

// The page.
export const WAITING = "waiting"; // no comparison is here: the server or the connection is waited for
export const COMPARING = "comparing"; // a comparison is shown; it takes answers once its images are decoded
export const ASKING = "asking"; // an undo or a skip is with the server: nothing else is taken meanwhile
export const DONE = "done"; // no comparison is left: the rater finishes, or undoes the last one
export const STOPPED = "stopped"; // the server takes nothing more: only a reload leads on

const NEXT = {
  [WAITING]: [WAITING, COMPARING, ASKING, DONE, STOPPED],
  [COMPARING]: [COMPARING, WAITING, ASKING, DONE, STOPPED],
  [ASKING]: [COMPARING, WAITING, DONE, STOPPED],
  [DONE]: [DONE, WAITING, ASKING, STOPPED],
  [STOPPED]: [],
};

let state = WAITING;
document.body.dataset.state = state; // for tests

export const is = (name) => state === name;

// The only way from state to state. Returns true, or false where `name` may not follow the present one.
export function become(name) {
  if (!NEXT[state].includes(name)) return false;
  state = name;
  document.body.dataset.state = name;
  return true;
}
