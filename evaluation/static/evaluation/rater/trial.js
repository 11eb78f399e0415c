// A trial: a comparison as this rater sees it, with its images, its questions, its answers and their times.

import { decode, isDecoded, isFailed, tilesOf } from "./images.js";
import { isEnough, kindOf, sentOf } from "./kinds.js";
import { config } from "./server.js";
import { GUIDE, GUIDE_NAME, namesOf, sidesOf } from "./sides.js";
import { LOADING, MISSING, READY } from "./states.js";

const LONGEST_MS = 2 ** 31 - 1;
const declared = new Map(config.asks.map((question) => [question.id, question]));

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
    const { assignment, position, caption, left, right, sets, asked, claims, guide, words, covered } = given;
    const keys = sets ?? [left, right];
    const sides = sidesOf(given), names = namesOf(keys.length);
    Object.assign(this, { assignment, position, caption });
    // what stands side by side, from the left: the photograph that is not rated first
    this.shown = keys.map((each, n) => ({ side: sides[n], name: names[n], tiles: tilesOf(each, names[n], covered) }));
    this.sets = keys.length;
    if (guide) this.shown.unshift({ side: GUIDE, name: GUIDE_NAME, tiles: tilesOf([guide], GUIDE_NAME, covered) });
    // the questions asked here: those about claims once for each, under the claim's number
    this.questions = (asked ?? config.questions).map((id) => {
      const [of, claim] = id.split(":");
      return { ...declared.get(of), id, claim: claims?.[claim] ?? "", words: words ?? [], sets: keys.length };
    });
    this.reset();
    this.load();
  }

  // Forgets the answers: what is given from now on is another submission. `seen`: the sides that have been in view;
  // `passed`: the questions with which the rater is done; `attending`: the one that was chosen by hand.
  reset() {
    Object.assign(this, { submission: uuid(), answers: {}, times: {}, shownAt: null, attending: null });
    this.steps = [];
    this.seen = new Set();
    this.passed = new Set();
  }

  get all() { return this.shown.flatMap(({ tiles }) => tiles); }
  get covered() { return this.all.filter((tile) => tile.classList.contains("covered")); }
  get failed() { return this.all.filter(isFailed).length; }
  get answered() { return this.steps.length > 0; }
  get images() {
    if (this.all.every(isDecoded)) return READY;
    return this.#pending.size ? LOADING : MISSING;
  }

  // Loads what is neither here nor under way. All sets become ready together, or the trial is missing images.
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

  question(id) { return this.questions.find((question) => question.id === id); }

  // The question that a key answers: the one chosen by hand, or the first that is open.
  get active() {
    const isOpen = (question) => (kindOf(question).steps ? !this.passed.has(question.id) : !this.isEnough(question));
    return this.question(this.attending) ?? this.questions.find(isOpen);
  }

  isEnough(question) { return isEnough(question, this.answers[question.id]); }
  get isComplete() { return this.questions.every((question) => this.isEnough(question)); }

  // `given`: the answer, or a function of what it was.
  answer(id, given) {
    const question = this.question(id), kind = kindOf(question), before = this.answers[id];
    const value = typeof given === "function" ? given(before) : given;
    if (!(kind.joins && this.steps.at(-1)?.id === id)) this.steps.push({ id, before, time: this.times[id] });
    this.#set(id, value, Math.min(Math.round(performance.now() - this.shownAt), LONGEST_MS));
    this.attending = kind.steps || !this.isEnough(question) ? id : null;
  }

  #set(id, value, time) {
    if (value === undefined) delete this.answers[id]; else this.answers[id] = value;
    this.times[id] = time;
    this.passed.delete(id);
  }

  // The rater goes to a question.
  attend(id) { this.attending = id; }

  // The rater is done with the active question. Returns false where it still wants an answer.
  pass() {
    const { active } = this;
    if (!active || !this.isEnough(active)) return !active;
    this.passed.add(active.id);
    this.attending = null;
    return true;
  }

  // Takes the last step of an answer back.
  takeBack() {
    const { id, before, time } = this.steps.pop();
    this.#set(id, before, time);
    this.attending = kindOf(this.question(id)).steps ? id : null;
  }

  // The answers as the server gets them. A question left open without need was answered by going on. `display`: how the
  // images stand on the page.
  given(display) {
    const { assignment, submission } = this;
    const now = Math.min(Math.round(performance.now() - this.shownAt), LONGEST_MS);
    return this.questions.map((question) => ({
      assignment,
      question: question.id,
      submission,
      ...sentOf(question, this.answers[question.id]),
      response_time_ms: this.times[question.id] ?? now,
      ...display,
    }));
  }
}
