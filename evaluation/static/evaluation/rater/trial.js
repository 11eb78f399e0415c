// A trial: a comparison as this rater sees it, with its images, its answers and their times.

import { decode, isDecoded, isFailed, tilesOf } from "./images.js";
import { LOADING, MISSING, READY } from "./states.js";

const LONGEST_MS = 2 ** 31 - 1;

// A random UUID; `crypto.randomUUID` is there only where the page comes by HTTPS or from this machine.
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// The image nodes are kept and swapped in whole, so that a decoded image stays decoded.
export class Trial {
  changed = () => {}; // called whenever the images' state may be another
  #pending = new Set();

  constructor(given) {
    Object.assign(this, given); // assignment, position, caption, left, right
    this.tiles = { left: tilesOf(this.left, "Set A"), right: tilesOf(this.right, "Set B") };
    this.reset();
    this.load();
  }

  // Forgets the answers: what is given from now on is another submission. `seen`: the sides that have been in view.
  reset() { this.submission = uuid(); this.answers = {}; this.times = {}; this.order = []; this.shownAt = null; this.seen = new Set(); }

  get all() { return [...this.tiles.left, ...this.tiles.right]; }
  get failed() { return this.all.filter(isFailed).length; }
  get answered() { return this.order.length > 0; }
  get images() {
    if (this.all.every(isDecoded)) return READY;
    return this.#pending.size ? LOADING : MISSING;
  }

  // Loads what is neither here nor under way. Both sets become ready together, or the trial is missing images.
  async load() {
    const tiles = this.all.filter((tile) => !isDecoded(tile) && !this.#pending.has(tile));
    const loads = tiles.map(async (tile) => {
      this.#pending.add(tile);
      await decode(tile);
      this.#pending.delete(tile);
    });
    this.changed();
    await Promise.all(loads);
    this.changed();
  }

  answer(question, choice) {
    this.answers[question] = choice;
    this.times[question] = Math.min(Math.round(performance.now() - this.shownAt), LONGEST_MS);
    this.order = [...this.order.filter((each) => each !== question), question];
  }

  // Takes the last answer back.
  takeBack() { delete this.answers[this.order.pop()]; }

  // The answers to `questions` as the server gets them.
  given(questions) {
    const { assignment, submission, answers, times } = this;
    return questions.map((question) => ({
      assignment, question, submission, choice: answers[question], response_time_ms: times[question],
    }));
  }
}
