// Answers of which one is chosen: a choice, a step of a scale, whether a claim holds.

import { OPTION_KEYS, key, make } from "./page.js";

const SHORT = 24; // letters of an answer that fits beside others
const BESIDE = 5; // short answers that stand in one row

// A radio group: `options` are `{value, text, number, label}`; a `label` is read aloud instead of a short text. Calls
// `chosen(value)`.
export function group(name, options, chosen) {
  const longest = Math.max(...options.map(({ text }) => [...text].length));
  const choices = make("div", { className: "choices" });
  const listed = longest > SHORT && options.length > 3;
  choices.classList.toggle("listed", listed);
  choices.classList.toggle("many", !listed && options.length > BESIDE);
  choices.style.setProperty("--options", options.length);
  choices.style.setProperty("--narrow", options.length === 4 ? 2 : Math.min(options.length, 3)); // columns on a phone
  options.forEach(({ value, text, number, label }, n) => {
    const said = text || String(number);
    const says = make("span", {}, make("span", { dir: "auto", textContent: said }));
    if (OPTION_KEYS[n] !== said) says.append(key(OPTION_KEYS[n]));
    const input = make("input", { type: "radio", name, value: String(value) });
    if (label) input.setAttribute("aria-label", label);
    input.addEventListener("change", () => chosen(value));
    choices.append(make("label", { className: value === "unable" ? "unable" : "" }, input, says));
  });
  return choices;
}

export function mark(body, value) {
  for (const input of body.querySelectorAll("input")) input.checked = value !== undefined && input.value === String(value);
}

// The steps of a scale stand as numbers where only its ends, or some of them, have a text of their own.
function stepsOf({ steps, unable }) {
  const named = steps.every(({ text }) => text);
  const options = steps.map(({ value, text }) => ({ value, text: named ? text : "", number: value }));
  return unable ? [...options, { value: "unable", text: unable }] : options;
}

function endsOf({ steps }) {
  const says = ({ value, text }) => make("span", { dir: "auto" }, `${value} = `, make("bdi", { textContent: text }));
  return make("p", { className: "ends" }, ...steps.filter(({ text }) => text).map(says));
}

const OPTIONS = {
  choice: ({ answers }) => answers.map(({ choice, text }) => ({ value: choice, text })),
  claim: ({ yes, no, unsure }) => [["yes", yes], ["no", no], ["unsure", unsure]]
    .filter(([, text]) => text).map(([value, text]) => ({ value, text })),
  scale: stepsOf,
};

const isPreference = ({ answers }) => Boolean(answers?.some(({ choice }) => choice === "left"));

function oneOf(closed) {
  return {
    build(question, answer) {
      const options = OPTIONS[question.kind](question);
      const choices = group(question.id, options, answer);
      if (isPreference(question)) choices.dir = "ltr"; // as the two sets stand, in every language
      const body = make("div", {}, choices);
      if (question.kind === "scale" && question.steps.some(({ text }) => !text)) {
        choices.classList.add("numbers");
        body.prepend(endsOf(question));
      }
      return body;
    },
    show(question, body, value) { mark(body, value); },
    press(question, body, value, name, answer) {
      const option = OPTIONS[question.kind](question)[OPTION_KEYS.indexOf(name)];
      if (option) answer(option.value);
      return Boolean(option);
    },
    isComplete: (question, value) => value !== undefined,
    sent: (question, value) => (closed ? { choice: value } : { value }),
    says: (question) => OPTIONS[question.kind](question),
  };
}

export const choice = oneOf(true);
export const claim = oneOf(true);
export const scale = oneOf(false);
