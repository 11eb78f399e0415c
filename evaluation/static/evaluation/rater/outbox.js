// The outbox: answers stay in this browser until the server has confirmed that they are saved.

import { Refused, config, pauses, request } from "./server.js";

const NAME = `drawbench-answers-${config.rater}`;
const BATCH = 100; // answers in a request
let memory = []; // where the browser stores nothing for us
let stored = true;
let sending = null;
let listener = {};
let carrier = { after() {}, came() {}, lost() {} };

function read() {
  if (!stored) return memory;
  try { return JSON.parse(localStorage.getItem(NAME) ?? "[]"); } catch { stored = false; return memory; }
}

function write(answers) {
  memory = answers;
  if (!stored) return;
  try {
    if (answers.length) localStorage.setItem(NAME, JSON.stringify(answers)); else localStorage.removeItem(NAME);
  } catch { stored = false; }
}

const same = (a, b) => a.submission === b.submission && a.question === b.question;
const remove = (gone) => write(read().filter((each) => !gone.some((other) => same(each, other))));

async function send() {
  const pause = pauses();
  let most = BATCH;
  for (let batch = read(); batch.length; batch = read()) {
    batch = batch.slice(0, most);
    listener.saving();
    const after = carrier.after(); // JSON leaves it out where nothing is to be brought
    try {
      const { answers, ...brought } = await request(config.rate, { answers: batch, after });
      remove(batch);
      if (after !== undefined) { if (brought.trials) carrier.came(brought); else carrier.lost(); }
      answers.forEach((saved, n) => listener.answered(batch[n], saved));
      pause.reset();
    } catch (error) {
      if (after !== undefined) carrier.lost();
      if (!(error instanceof Refused)) {
        listener.waiting(read().length);
        await pause.wait();
      } else if (!["input", "not-yours"].includes(error.code)) {
        listener.refused(error); // nothing can be saved at present; the answers stay here
        throw error;
      } else if (batch.length > 1) most = 1; // find the one that can't be taken
      else remove(batch);
    }
  }
  listener.saved();
}

// Resolves when all is saved, however long that takes; one request at a time. Rejects if the server refuses.
export function flush() {
  sending ??= send().finally(() => { sending = null; });
  return sending;
}

export function put(answers) { write([...read(), ...answers]); return flush(); }
export const assignments = () => read().map((each) => each.assignment);
export const size = () => read().length;

// `to`: `saving()`, `answered(given, saved)` for each answer, `saved()` when none is left, `waiting(number of answers)`
// after an attempt that failed, `refused(error)`.
export function listen(to) { listener = to; }

// What an answer brings along: `by.after()`, the position that the next trials follow, or undefined for none;
// `by.came({total, finished, trials})`, or `by.lost()` where that request failed.
export function carry(by) { carrier = by; }

// Whether unsaved answers would be lost with the page.
export const lost = () => !stored && memory.length > 0;
