// The comparisons that come next: asked for and loaded while the rater looks at the present one.

import * as outbox from "./outbox.js";
import { Refused, config, pauses, request } from "./server.js";
import { Trial } from "./trial.js";

const AHEAD = 2; // trials kept loaded beyond the present one

export let total = 0; // trials of this rater in all
let trials = [];
let reached = -1; // position of the last trial that the server gave
let exhausted = false; // the server has no trial beyond those here
let round = 0; // a reply to a question from before `restart` is dropped
let filling = null;
let listener = { came() {}, lost() {} };

// Answered before this page was loaded: the server may name such a trial as open while its answer arrives.
const kept = new Set(outbox.assignments());

// The trials after a position, or from the first open one: `{total, finished, trials}`.
export const following = (after) =>
  request(`${config.next}?rater=${config.rater}${after === undefined ? "" : `&after=${after}`}`);

// What the server gave, unless everything was forgotten since `asked`.
function receive(answer, asked) {
  if (asked !== round) return;
  total = answer.total;
  if (answer.paused) trials = []; // what was loaded is not shown: it comes again when the study goes on
  reached = answer.trials.at(-1)?.position ?? reached;
  exhausted = answer.trials.length === 0;
  const answered = new Set([...kept, ...outbox.assignments()]);
  trials.push(...answer.trials.filter((each) => !answered.has(each.assignment)).map((each) => new Trial(each)));
  listener.came();
}

// An answer that is being saved brings the next trials along: then nothing else asks for them.
let brought = null; // resolves when it has, or has failed
outbox.carry({
  after() {
    if (filling || exhausted || trials.length > AHEAD) return undefined;
    let done;
    brought = { asked: round, arrived: new Promise((resolve) => { done = resolve; }), done: () => { brought = null; done(); } };
    return reached;
  },
  came(answer) {
    receive(answer, brought.asked);
    brought.done();
  },
  lost: () => brought.done(),
});

async function ask() {
  const pause = pauses();
  while (!exhausted && trials.length < AHEAD) {
    if (brought) { await brought.arrived; continue; }
    try {
      const asked = round;
      receive(await following(reached), asked);
      pause.reset();
    } catch (error) {
      if (error instanceof Refused) throw error;
      listener.lost();
      await pause.wait();
    }
  }
}

// Keeps the next trials at hand; resolves when they are. Rejects if the server refuses.
export function fill() {
  filling ??= ask().finally(() => { filling = null; });
  return filling;
}

export const take = () => trials.shift();
export const size = () => trials.length;
export const putBack = (trial) => trials.unshift(trial);
export const isExhausted = () => exhausted && trials.length === 0;

// Forgets what was loaded: the next `fill` begins at the first trial that the server has open.
export function restart() {
  trials = [];
  reached = -1;
  exhausted = false;
  round += 1;
  kept.clear(); // what the server has open now is open, an undo in another tab included
}

// `came()` after each reply, `lost()` after each failed attempt.
export function listen(to) { listener = to; }
