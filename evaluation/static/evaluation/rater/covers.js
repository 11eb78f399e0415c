// Images that are blurred until the rater uncovers them. What was uncovered is kept here until the server has it.

import { at } from "./page.js";
import { config } from "./config.js";
import { Refused, pauses, request } from "./server.js";

const NAME = `drawbench-uncovered-${config.rater}`;
let memory = [];
let sending = null;

function read() {
  try { return JSON.parse(localStorage.getItem(NAME) ?? "[]"); } catch { return memory; }
}

function write(entries) {
  memory = entries;
  try {
    if (entries.length) localStorage.setItem(NAME, JSON.stringify(entries)); else localStorage.removeItem(NAME);
  } catch { /* the page keeps them */ }
}

async function send() {
  const pause = pauses();
  for (let entries = read(); entries.length; entries = read()) {
    try {
      await request(config.uncover, { uncovered: entries });
    } catch (error) {
      if (!(error instanceof Refused)) { await pause.wait(); continue; }
    }
    write(read().slice(entries.length)); // those that came meanwhile stay
  }
}

// Resolves when the server has all, or wants none of it.
export function flush() {
  sending ??= send().finally(() => { sending = null; });
  return sending;
}

// Uncovers the images of a trial, and keeps that.
export function uncover(trial) {
  const images = trial.covered.map((tile) => tile.firstChild.dataset.key);
  for (const tile of trial.covered) tile.classList.remove("covered");
  write([...read(), { assignment: trial.assignment, images: [...new Set(images)] }]);
  flush().catch(() => {});
}

// Says that there are covered images, and how to see them.
export function show(trial) { at("covers").hidden = trial.covered.length === 0; }
