// The rater's page: which state follows which event. Plain DOM, no library. trials.html preloads every module.

import * as ahead from "./ahead.js";
import * as breaks from "./breaks.js";
import * as controls from "./controls.js";
import * as covers from "./covers.js";
import * as display from "./display.js";
import * as form from "./form.js";
import * as outbox from "./outbox.js";
import * as pace from "./pace.js";
import { Refused, config, request, sleep } from "./server.js";
import { focusHeading } from "./page.js";
import { firstSide } from "./sets.js";
import * as signs from "./signs.js";
import { ASKING, COMPARING, DONE, MISSING, READY, STOPPED, WAITING, become, is } from "./states.js";
import { say } from "./texts.js";
import { Trial } from "./trial.js";
import * as view from "./view.js";
import * as zoom from "./zoom.js";

const ASK_AGAIN = 2000; // ms until the server is asked once more
const SAVING_SHOWS = 500; // ms that saving may take without being mentioned
const FINAL = ["closed", "dropped", "no-session", "reload"]; // refusals after which nothing can be saved

let current = null; // the trial shown
let previous = null; // the one before, with its images, for an undo without waiting
let inView = null; // the set that came into view last, where one is shown at a time

// --- from state to state

function show(trial) {
  if (!become(COMPARING)) return;
  current = trial;
  trial.shownAt = null;
  signs.reset();
  trial.changed = () => { if (trial === current) update(); };
  view.showTrial(trial, ahead.total, { choose, attend });
  inView = firstSide(); // where every comparison begins
  pace.begin();
  breaks.offer(() => { pace.begin(); if (current) update(); });
  update();
}

function update() {
  if (current.images === READY && !current.covered.length && display.isLargeEnough(current) && !breaks.isOpen()) {
    current.shownAt ??= performance.now();
    current.seen.add(inView);
  }
  view.update(current, is(COMPARING));
}

function wait(text) {
  if (!become(WAITING)) return;
  current = null;
  view.showWaiting(text);
}

// On to what is next: a trial that is here, the end, or one that still has to come.
function proceed() {
  const next = ahead.take();
  if (next) show(next); else if (ahead.isExhausted()) finish(); else wait(say("loading-next"));
}

function advance() {
  proceed();
  ahead.fill().catch(stop);
}

function restart() {
  previous = null;
  ahead.restart();
  wait(say("loading"));
  ahead.fill().catch(stop);
}

// No trial is left. Answers on their way are waited for, and what another tab left open is asked for.
async function finish() {
  if (!become(DONE)) return;
  current = null;
  view.showDone(ahead.total);
  try {
    await outbox.flush();
    await covers.flush();
    const answer = await ahead.following();
    if (!is(DONE)) return;
    if (answer.finished) location.assign(config.end);
    else if (answer.paused) location.reload(); // to a page that says so
    else if (answer.trials.length) restart();
    else view.allowFinish();
  } catch (error) {
    if (error instanceof Refused) { stop(error); return; }
    await sleep(ASK_AGAIN);
    if (is(DONE)) finish();
  }
}

function stop(error) {
  if (!become(STOPPED)) return;
  current = null;
  view.showStopped(error.message);
}

// --- what the rater does

function see(side) {
  inView = side;
  if (is(COMPARING)) update();
}

const isOpen = () => is(COMPARING) && view.canAnswer(current);

function choose(question, value) {
  if (!isOpen()) return;
  current.answer(question, value);
  update();
}

// To a question, whatever its place. Returns whether there was one to go to.
function attend(question) {
  if (!isOpen() || !question || current.active?.id === question) return false;
  current.attend(question);
  update();
  return true;
}

function goOn() {
  if (!is(COMPARING) || !view.isComplete(current)) return;
  previous = current;
  pace.end();
  breaks.count();
  const evidence = signs.packed();
  const given = current.given(display.of(current)).map((each) => ({ ...each, evidence }));
  outbox.put(given).catch(() => {}); // the listener below hears of it
  advance();
}

// Done with a question: on to the next one, or with the last to the next comparison.
function enter() {
  if (!isOpen() || !current.pass()) return;
  if (document.activeElement.matches("fieldset *, .points *")) focusHeading(); // its keys are the next question's now
  if (current.active) update(); else goOn();
}

async function undo() {
  if (is(COMPARING) && current.answered) { // an answer on this page, not sent yet
    current.takeBack();
    update();
    return;
  }
  if ((is(COMPARING) && current.position === 0) || !become(ASKING)) return;
  if (current) update();
  try {
    await outbox.flush(); // the server undoes what it has: an answer on its way has to arrive first
    const { trial } = await request(config.undo, { assignment: previous?.assignment ?? null });
    if (current) ahead.putBack(current);
    const back = previous?.assignment === trial.assignment ? previous : new Trial(trial);
    previous = null;
    back.reset();
    show(back);
  } catch (error) {
    if (error instanceof Refused && FINAL.includes(error.code)) { stop(error); return; }
    resume();
    view.tell("failed", error instanceof Refused ? error.message : say("undo-needs-connection"));
  }
}

async function skip() {
  if (!is(COMPARING) || current.images !== MISSING || !become(ASKING)) return;
  update();
  try {
    const reason = `${current.failed} of ${current.all.length} images did not load`;
    await request(config.skip, { assignment: current.assignment, reason });
    advance();
  } catch (error) {
    resume();
    view.notice(error instanceof Refused ? error.message : say("not-sent"));
  }
}

function uncover() {
  if (!is(COMPARING) || !current.covered.length) return;
  covers.uncover(current);
  focusHeading();
  update();
}

// The rater would rather not rate this one.
async function refuse(reason) {
  if (!is(COMPARING) || !become(ASKING)) return;
  update();
  try {
    await request(config.skip, { assignment: current.assignment, kind: "refused", reason });
    advance();
  } catch (error) {
    if (error instanceof Refused && FINAL.includes(error.code)) { stop(error); return; }
    resume();
    view.tell("failed", error instanceof Refused ? error.message : say("not-sent"));
  }
}

// Back from a question to the server that it did not grant.
function resume() {
  if (!current) proceed();
  else if (become(COMPARING)) update();
}

controls.listen({
  see,
  press: (name) => isOpen() && form.press(current, name, choose),
  move: (by) => isOpen() && attend(form.neighbour(current, by)),
  enter,
  goOn,
  undo,
  skip,
  uncover,
  refuse,
  reload: () => current?.load(),
  enlarge: (target) => { if (is(COMPARING) && !current.covered.length) zoom.open(current, target); },
  comparing: () => is(COMPARING),
});
new ResizeObserver(() => { if (current) { view.layout(current); update(); } }).observe(document.documentElement);

// --- what happens meanwhile

ahead.listen({
  came() { if (is(WAITING) && (ahead.isExhausted() || ahead.size())) proceed(); },
  lost() { if (is(WAITING)) wait(say("no-connection")); },
});

const isSame = (a, b) => JSON.stringify(a.choice ?? a.value) === JSON.stringify(b.choice ?? b.value);
let elsewhere = false; // another tab was first with an answer that this one has sent
outbox.listen({
  saving() { view.tell("saving", say("saving"), SAVING_SHOWS); },
  saved() {
    view.tell("saved", say(elsewhere ? "answered-elsewhere" : "saved"));
    elsewhere = false;
  },
  waiting(n) { view.tell("waiting", say("waiting", { n })); },
  refused(error) {
    view.tell("failed", say("not-saved", { why: error.message }));
    stop(error);
  },
  answered(given, saved) {
    if (saved.status !== "repeated" || isSame(saved, given)) return;
    elsewhere = true;
    if (is(COMPARING) && !current.answered) restart(); // the other tab is further on
  },
});

addEventListener("beforeunload", (event) => { if (outbox.lost()) event.preventDefault(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
addEventListener("online", () => { if (current?.failed) current.load(); });

// Another tab may have gone on meanwhile.
document.addEventListener("visibilitychange", async () => {
  const before = current;
  const untouched = () => is(COMPARING) && current === before && !before.answered;
  if (document.hidden || !untouched() || outbox.size()) return;
  const answer = await ahead.following().catch(() => null);
  if (!answer || !untouched()) return;
  if (answer.finished) location.assign(config.end);
  else if (answer.trials[0]?.assignment !== before.assignment) restart();
});

// --- begin

covers.flush().catch(() => {});
if (outbox.size()) { // from an earlier visit: the server has to know them before it says what is next
  wait(say("sending-kept"));
  outbox.flush().catch(() => {});
}
view.tell("saved", "");
ahead.fill().catch(stop);
