// The questions of a trial as fieldsets, and which of them a key answers.

import { kindOf } from "./kinds.js";
import { at, make } from "./page.js";
import { config } from "./server.js";
import { say } from "./texts.js";

const IN_QUESTION = 200; // letters of a prompt that a question repeats
const MANY = 4; // questions from which on the page counts the answered ones
const COMPACT = 2; // claims from which on each takes one line

const EDITABLE = "textarea, input:not([type=radio], [type=checkbox])";
export const isWriting = (target) => target.matches(EDITABLE);

let asked = []; // of each question shown: `{question, fieldset, body}`
let activeBefore = null;

// While a press lasts nothing may move, or it would end on something else; on a touch screen the click comes late.
const PRESS_MS = 400;
let pressedAt = -Infinity;
addEventListener("pointerdown", () => { pressedAt = performance.now(); }, true);
const isPressed = () => performance.now() - pressedAt < PRESS_MS;

// A question's wording as nodes. The prompt and the claim keep the direction of their own script.
function worded({ text, claim }, caption) {
  return text.split(/(\{caption\}|\{claim\})/).map((part) => {
    const said = { "{caption}": caption, "{claim}": claim }[part];
    return said === undefined ? part : make("bdi", { textContent: said });
  });
}

// Builds the questions of a trial. `choose(question, value)` and `attend(question)` are told what the rater does.
export function build(trial, { choose, attend }) {
  const letters = [...trial.caption];
  const caption = letters.length > IN_QUESTION ? `${letters.slice(0, IN_QUESTION - 1).join("")}…` : trial.caption;
  const claims = trial.questions.filter(({ kind }) => kind === "claim").length;
  asked = trial.questions.map((question) => {
    const { id } = question;
    const legend = make("legend", { id: `asks-${id}`, dir: "auto" }, ...worded(question, caption));
    const body = kindOf(question).build(question, (value) => choose(id, value));
    const fieldset = make("fieldset", { disabled: true, className: `of-${question.kind}`, data: { question: id } }, legend, body);
    fieldset.classList.toggle("compact", question.kind === "claim" && claims >= COMPACT);
    const here = () => { activeBefore = fieldset; attend(id); }; // the rater is there already: nothing has to move
    fieldset.addEventListener("focusin", () => { if (!isPressed()) here(); });
    fieldset.addEventListener("click", ({ target }) => { if (!target.closest("button, input")) here(); }); // those answer
    return { question, fieldset, body };
  });
  at("questions").replaceChildren(...asked.map(({ fieldset }) => fieldset));
  Object.assign(at("questions"), { lang: config.language, dir: config.direction });
  activeBefore = null;
}

// Brings the questions in line with the answers. `isOpen`: whether they take any.
export function show(trial, isOpen) {
  const { active } = trial;
  for (const { question, fieldset, body } of asked) {
    const isActive = isOpen && question === active;
    kindOf(question).show(question, body, trial.answers[question.id], isActive, isOpen);
    fieldset.disabled = !isOpen;
    fieldset.classList.toggle("active", isActive);
    if (isActive) bring(fieldset);
  }
  const done = trial.questions.filter((question) => trial.answers[question.id] !== undefined && trial.isEnough(question)).length;
  at("count").hidden = trial.questions.length < MANY;
  at("count").textContent = say("answered", { done, total: trial.questions.length });
}

// The next question comes into sight, and the one after it where there is room; the first is where the page begins.
function bring(fieldset) {
  if (activeBefore && activeBefore !== fieldset) fieldset.scrollIntoView({ block: "nearest" });
  activeBefore = fieldset;
}

// What a key asks of the active question. Returns false where it asks for nothing.
export function press(trial, name, choose) {
  const place = asked.find(({ question }) => question === trial.active);
  if (!place) return false;
  const { question, body } = place;
  return kindOf(question).press(question, body, trial.answers[question.id], name, (value) => choose(question.id, value));
}

// The question `by` places from the active one, or from the end where all are answered.
export function neighbour(trial, by) {
  const from = trial.active ? trial.questions.indexOf(trial.active) : trial.questions.length;
  return trial.questions[from + by]?.id;
}
