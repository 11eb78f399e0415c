// What the rater sees: the panels, the comparison in them, whether answers are saved. It decides nothing.

import * as covers from "./covers.js";
import * as form from "./form.js";
import * as display from "./display.js";
import { at, focusHeading } from "./page.js";
import * as pace from "./pace.js";
import * as sets from "./sets.js";
import { MISSING, READY } from "./states.js";
import { say } from "./texts.js";

const PANELS = ["trial", "waiting", "done", "stopped"];
const LONG = 600; // letters of a caption from which on it scrolls, so that the images stay in sight

function panel(name) {
  for (const id of PANELS) at(id).hidden = id !== name;
}

function progress(text, value, max) {
  at("progress-text").textContent = text;
  Object.assign(at("progress"), { max, value });
}

// `actions`: what the questions' controls lead to (`form.build`).
export function showTrial(trial, total, actions) {
  sets.fill(trial);
  const caption = at("caption"), isLong = [...trial.caption].length > LONG;
  caption.textContent = trial.caption;
  caption.classList.toggle("long", isLong);
  if (isLong) caption.tabIndex = 0; else caption.removeAttribute("tabindex"); // it scrolls, so keys must reach it
  // hidden by the protocol, or shown by the questions themselves, word for word
  caption.hidden = !trial.caption || trial.questions.every(({ kind }) => kind === "words");
  form.build(trial, actions);
  const place = say("comparison-of", { number: trial.position + 1, total });
  at("heading").textContent = place;
  document.title = place;
  progress(place, trial.position, total);
  pace.tell(total - trial.position);
  panel("trial");
  layout(trial);
  at("questions").scrollTop = 0;
  sets.showSide(sets.firstSide(), "instant");
  scrollTo(0, 0);
  focusHeading();
}

export function layout(trial) {
  at("small").hidden = true; // it takes room that the images may need
  sets.layout(trial);
}

// Shows what depends on the trial's images and answers. `taking`: false while the server is asked for something.
export function update(trial, taking) {
  const focused = document.activeElement; // some browsers take the focus from what is disabled at once, others later
  const isSmall = trial.images === READY && !display.isLargeEnough(trial);
  if (isSmall) at("small").textContent = display.tooSmall(trial);
  at("small").hidden = !isSmall;
  const ready = canAnswer(trial);
  form.show(trial, ready && taking);
  at("look").hidden = trial.images !== READY || isSmall || ready || trial.covered.length > 0;
  covers.show(trial);
  at("refuse").disabled = !taking;
  at("go").disabled = !isComplete(trial) || !taking;
  at("undo").disabled = !taking || (!trial.answered && trial.position === 0);
  at("notice").hidden = trial.images !== MISSING;
  notice(say("not-loaded-n", { n: trial.failed }));
  at("trial").setAttribute("aria-busy", String(trial.images !== READY));
  if (focused.matches(":disabled, [hidden] *, :disabled *")) focusHeading(); // it would be lost to the page's top
}

// All sets are decoded and uncovered, are as large as they must be, and have been in view.
export const canAnswer = (trial) => trial.images === READY && !trial.covered.length && display.isLargeEnough(trial)
  && sets.areAllSeen(trial.seen);
export const isComplete = (trial) => canAnswer(trial) && trial.isComplete;
export function notice(text) { at("notice-text").textContent = text; }

export function showWaiting(text) {
  at("waiting-text").textContent = text;
  panel("waiting");
}

export function showDone(total) {
  panel("done");
  progress(say("all-done", { done: total, total }), total, total);
  pace.tell(0);
  at("undo").disabled = true;
  at("finish").disabled = true;
  at("done-heading").focus();
}

export function allowFinish() { at("finish").disabled = false; }

export function showStopped(text) {
  at("stopped-text").textContent = text;
  panel("stopped");
  at("stopped-heading").focus();
}

// The line that says whether answers are saved. `after`: milliseconds in which another line may still take its place.
let later = null;
export function tell(state, text, after = 0) {
  clearTimeout(later);
  const say = () => { at("saved").dataset.state = state; at("saved").textContent = text; };
  if (after) later = setTimeout(say, after); else say();
}
