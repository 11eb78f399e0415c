// Mouse, touch and keys: which action each one asks for. Whether it can be done is the page's to say.

import { isWriting } from "./form.js";
import { isDecoded, isFailed } from "./images.js";
import { at, focusHeading } from "./page.js";
import * as refusal from "./refusal.js";
import { onSideShown, showSide } from "./sets.js";
import * as zoom from "./zoom.js";

const REPEAT_IN_VAIN = ["Enter", "Backspace"]; // held down, these do nothing, not in the browser either

const help = () => at("keys").showModal(); // the focus goes to its first control, which closes it

// `actions`: `see(side)`, `press(key)` (of the active question), `move(by)` (to another question), `enter` (done with the
// question), `goOn`, `undo`, `skip`, `uncover` (images), `refuse(reason)`, `reload` (images),
// `enlarge(target)`, `comparing()`.
export function listen(actions) {
  at("sets").addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    if (tile.classList.contains("covered")) actions.uncover();
    else if (isFailed(tile)) actions.reload(); else if (isDecoded(tile)) actions.enlarge(tile);
  });
  at("answers").addEventListener("submit", (event) => { event.preventDefault(); actions.goOn(); });
  at("answers").addEventListener("click", ({ target }) => { if (target.closest(".enlarge")) actions.enlarge(); });
  at("undo").addEventListener("click", actions.undo);
  at("undo-last").addEventListener("click", actions.undo);
  at("reload-images").addEventListener("click", actions.reload);
  at("skip").addEventListener("click", actions.skip);
  at("uncover").addEventListener("click", actions.uncover);
  refusal.listen(actions.refuse);
  at("switch").addEventListener("click", ({ target }) => { if (target.dataset.side) showSide(target.dataset.side); });
  onSideShown(actions.see);
  at("help").addEventListener("click", help);
  at("keys-close").addEventListener("click", () => at("keys").close());
  document.addEventListener("keydown", (event) => onKey(event, actions));
}

// The key as it is called on the page. Digits and letters go by their place on the keyboard where the layout has another
// character there: a French digit row gives & é " without Shift, a Russian one я for Z.
function keyOf({ key, code, shiftKey }) {
  if (key.length !== 1) return key;
  if (/^[a-z0-9?]$/i.test(key)) return key.toLowerCase();
  const [, digit, letter] = /^(?:(?:Digit|Numpad)([0-9])|Key([A-Z]))$/.exec(code) ?? [];
  if (letter && !/^\p{Script=Latin}/u.test(key)) return letter.toLowerCase();
  return digit && !shiftKey ? digit : key.toLowerCase();
}

function onKey(event, actions) {
  if (event.isComposing || at("keys").open || at("break").open || refusal.isOpen()) return;
  if (isWriting(event.target)) { write(event, actions); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const name = keyOf(event);
  if (zoom.isOpen()) {
    if (!Object.hasOwn(zoom.KEYS, name)) return;
    zoom.KEYS[name]();
  } else if (event.repeat && name !== "?" && !name.startsWith("Arrow")) {
    if (!REPEAT_IN_VAIN.includes(name)) return;
  } else if (!press(name, event.target, actions)) return;
  event.preventDefault();
}

// In a text all keys write, but for these.
function write(event, { enter }) {
  const isDone = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  if (event.key !== "Escape" && !isDone) return;
  focusHeading();
  if (isDone) enter();
  event.preventDefault();
}

// A button that was pressed keeps the focus: Enter then goes on, and does not take the answer back; nor does it mark words.
const isAnswered = (button) => button.matches("[aria-pressed=true], [data-word], .pad") && !button.closest("dialog, .switch");

// Does what a key asks for. Returns false where it is the browser's to handle.
function press(name, target, actions) {
  const onControl = target.closest("button, a");
  const onChoice = target.matches("input");
  const isArrow = name.startsWith("Arrow");
  if (name === "?") help();
  else if (name === "u" || name === "Backspace") actions.undo();
  else if (!actions.comparing()) return false;
  else if (name === " " && (onControl || onChoice)) return false;
  else if (isArrow && target.matches("[type=radio]")) return false;
  else if (actions.press(name)) {
    // an image or button that was clicked keeps the focus, and would take the next Enter
    if (onControl && !isArrow) focusHeading();
  } else if (name === "s") refusal.ask();
  else if (name === "v") actions.uncover();
  else if (name === "z" || name === " ") actions.enlarge(target);
  else if (name === "ArrowUp" || name === "ArrowDown") return actions.move(name === "ArrowUp" ? -1 : 1);
  else if (name === "Enter" && (!onControl || isAnswered(onControl))) actions.enter();
  else return false;
  return true;
}
