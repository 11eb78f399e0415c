// Mouse, touch and keys: which action each one asks for. Whether it can be done is the page's to say.

import { isDecoded, isFailed } from "./images.js";
import { config } from "./server.js";
import { activeQuestion, at, focusHeading, onSideShown, showSide } from "./view.js";
import * as zoom from "./zoom.js";

const REPEAT_IN_VAIN = ["Enter", "Backspace"]; // held down, these do nothing, not in the browser either

const help = () => at("keys").showModal(); // the focus goes to its first control, which closes it

// `actions`: `see(side)`, `choose(question, choice)`, `goOn`, `undo`, `skip`, `reload` (images), `enlarge(target)`, `comparing()`.
export function listen(actions) {
  at("sets").addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    if (isFailed(tile)) actions.reload(); else if (isDecoded(tile)) actions.enlarge(tile);
  });
  at("answers").addEventListener("change", (event) => actions.choose(event.target.name, event.target.value));
  at("answers").addEventListener("submit", (event) => { event.preventDefault(); actions.goOn(); });
  at("undo").addEventListener("click", actions.undo);
  at("undo-last").addEventListener("click", actions.undo);
  at("reload-images").addEventListener("click", actions.reload);
  at("skip").addEventListener("click", actions.skip);
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
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || at("keys").open) return;
  const key = keyOf(event);
  if (zoom.isOpen()) {
    if (!Object.hasOwn(zoom.KEYS, key)) return;
    zoom.KEYS[key]();
  } else if (event.repeat && key !== "?") {
    if (!REPEAT_IN_VAIN.includes(key)) return;
  } else if (!press(key, event.target, actions)) return;
  event.preventDefault();
}

// Does what a key asks for. Returns false where it is the browser's to handle.
function press(key, target, actions) {
  const onControl = target.closest("button, a");
  const choice = config.choices[Number(key) - 1];
  if (key === "?") help();
  else if (key === "u" || key === "Backspace") actions.undo();
  else if (!actions.comparing()) return false;
  else if (choice !== undefined) {
    const question = activeQuestion();
    if (question) actions.choose(question, choice);
    // an image or button that was clicked keeps the focus, and would take the next Enter
    if (onControl) focusHeading();
  } else if (key === "z" || (key === " " && !onControl && target.type !== "radio")) actions.enlarge(target);
  else if (key === "Enter" && !onControl) actions.goOn();
  else return false;
  return true;
}
