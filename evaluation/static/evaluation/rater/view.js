// What the rater sees: the panels, the comparison in them, whether answers are saved. It decides nothing.

import { config } from "./server.js";
import { MISSING, READY } from "./states.js";

export const at = (id) => document.getElementById(id);
const PANELS = ["trial", "waiting", "done", "stopped"];
const PHONE = matchMedia("(max-width: 47rem)");
const GAP = 6; // pixels between images, as in rater.css
const LEAST_ROOM = 220; // pixels of height for the images, however small the window
const LONG = 600; // letters of a caption from which on it scrolls, so that the images stay in sight
const IN_QUESTION = 200; // letters of it that a question repeats
const PHONE_ROOM = 0.55; // share of a phone's height that one set may take; the answers are below it
const FULL_BONUS = 1.1; // a full rectangle looks calmer
const SEEN = 0.6; // share of a set that is in view before it counts as seen

const fieldsets = [...document.querySelectorAll("fieldset")];

function panel(name) {
  for (const id of PANELS) at(id).hidden = id !== name;
}

function progress(text, value, max) {
  at("progress-text").textContent = text;
  Object.assign(at("progress"), { max, value });
}

// The first question without an answer, as its `<fieldset>`.
const openOf = (trial) => fieldsets.find((fieldset) => !(fieldset.dataset.question in trial.answers));

// The question that a key answers, or undefined.
export const activeQuestion = () => fieldsets.find((each) => each.classList.contains("active"))?.dataset.question;

export const focusHeading = () => at("heading").focus({ preventScroll: true });

export function showTrial(trial, total) {
  at("left").replaceChildren(...trial.tiles.left);
  at("right").replaceChildren(...trial.tiles.right);
  const caption = at("caption"), letters = [...trial.caption], isLong = letters.length > LONG;
  caption.textContent = trial.caption;
  caption.classList.toggle("long", isLong);
  if (isLong) caption.tabIndex = 0; else caption.removeAttribute("tabindex"); // it scrolls, so keys must reach it
  const short = letters.length > IN_QUESTION ? `${letters.slice(0, IN_QUESTION - 1).join("")}…` : trial.caption;
  for (const fieldset of fieldsets) {
    const legend = fieldset.querySelector("legend");
    legend.replaceChildren(...worded(legend.dataset.text, short));
  }
  const place = `Comparison ${trial.position + 1} of ${total}`;
  at("heading").textContent = place;
  document.title = place;
  progress(place, trial.position, total);
  panel("trial");
  layout(trial);
  showSide("left", "instant");
  scrollTo(0, 0);
  focusHeading();
}

// A question's wording as nodes. The prompt keeps the direction of its own script, whatever the question's is.
function worded(text, caption) {
  const [before, ...after] = text.split("{caption}");
  return [before, ...after.flatMap((part) => {
    const prompt = document.createElement("bdi");
    prompt.textContent = caption;
    return [prompt, part];
  })];
}

// --- on a phone, where both sets together would be too small: one at a time

const isOneAtATime = () => !at("switch").hidden;
const sideOf = (name) => at("sets").querySelector(`section[data-side="${name}"]`);

// Brings a set into view.
export function showSide(name, behavior = "auto") {
  if (isOneAtATime()) at("sets").scrollTo({ left: sideOf(name).offsetLeft - at("sets").offsetLeft, behavior });
}

// Calls `listener(side)` whenever another set is the one in view; "left" where both are, side by side.
export function onSideShown(listener) {
  const inView = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inView.add(target.dataset.side); else inView.delete(target.dataset.side);
    }
    if (inView.size === 0) return; // between the two
    const side = inView.size === 1 ? [...inView][0] : "left";
    for (const button of at("switch").children) button.setAttribute("aria-pressed", String(button.dataset.side === side));
    listener(side);
  }, { root: at("sets"), threshold: SEEN });
  for (const name of ["left", "right"]) watch.observe(sideOf(name));
}

// Shows what depends on the trial's images and answers. `taking`: false while the server is asked for something.
export function update(trial, taking) {
  const ready = canAnswer(trial);
  const open = openOf(trial);
  for (const fieldset of fieldsets) {
    const { question } = fieldset.dataset;
    for (const input of document.getElementsByName(question)) input.checked = input.value === trial.answers[question];
    fieldset.disabled = !ready || !taking;
    fieldset.classList.toggle("active", ready && fieldset === open);
  }
  at("look").hidden = trial.images !== READY || ready;
  at("go").disabled = !ready || Boolean(open) || !taking;
  at("undo").disabled = !taking || (!trial.answered && trial.position === 0);
  at("notice").hidden = trial.images !== MISSING;
  notice(trial.failed === 1 ? "An image could not be loaded." : `${trial.failed} images could not be loaded.`);
  at("trial").setAttribute("aria-busy", String(trial.images !== READY));
  if (document.activeElement.matches(":disabled, [hidden] *")) focusHeading(); // it would be lost to the page's top
}

// Both sets are decoded, and have been in view.
export const canAnswer = (trial) => trial.images === READY && (!isOneAtATime() || trial.seen.size === 2);
export const isComplete = (trial) => canAnswer(trial) && !openOf(trial);
export function notice(text) { at("notice-text").textContent = text; }

// As many columns as make the images largest in the room there is; the same for both sets.
export function layout(trial) {
  const n = Math.max(trial.left.length, trial.right.length);
  const ratio = config.width / config.height;
  const style = at("sets").style;
  const apart = PHONE.matches && n > 2;
  at("switch").hidden = !apart;
  at("sets").classList.toggle("one-at-a-time", apart);
  style.setProperty("--ratio", ratio);
  style.setProperty("--tile", "1fr");
  style.setProperty("--columns", PHONE.matches && !apart ? 1 : Math.min(n, 4));
  if (PHONE.matches && !apart) return;
  const { clientWidth: width } = at("left");
  const { clientHeight: height } = document.documentElement;
  const content = at("sets").getBoundingClientRect().bottom - at("caption").getBoundingClientRect().top;
  const fixed = at("trial").offsetHeight - at("stage").offsetHeight + content - at("left").offsetHeight;
  const room = apart ? height * PHONE_ROOM : Math.max(height - at("trial").offsetTop - fixed, LEAST_ROOM);
  let best = { columns: 1, tile: 0, worth: 0 };
  for (let columns = 1; columns <= n; columns += 1) {
    const rows = Math.ceil(n / columns);
    const byHeight = ((room - GAP * (rows - 1)) / rows) * ratio;
    const tile = Math.min((width - GAP * (columns - 1)) / columns, byHeight);
    const worth = tile * (n % columns === 0 && !apart ? FULL_BONUS : 1);
    if (worth > best.worth) best = { columns, tile, worth };
  }
  style.setProperty("--columns", best.columns);
  style.setProperty("--tile", `${Math.floor(best.tile)}px`);
}

export function showWaiting(text) {
  at("waiting-text").textContent = text;
  panel("waiting");
}

export function showDone(total) {
  panel("done");
  progress(`${total} of ${total} done`, total, total);
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
