// A comment in the rater's own words.

import { make } from "./page.js";
import { say } from "./texts.js";

const clean = (text) => text.replace(/\r\n?/g, "\n").replace(/[^\P{Cc}\n\t]|\p{Cs}/gu, "").trim();
const length = (text) => [...clean(text)].length;

export const text = {
  steps: true,
  joins: true, // one letter after another is one step for an undo
  emptyOf: ({ required }) => (required ? undefined : ""),
  build(question, answer) {
    const aria = { labelledby: `asks-${question.id}`, describedby: `letters-${question.id}` };
    const field = make("textarea", { dir: "auto", rows: 2, name: question.id, required: Boolean(question.required), aria });
    field.addEventListener("input", () => answer(() => field.value));
    return make("div", { className: "comment" }, field, make("p", { id: `letters-${question.id}`, className: "letters" }));
  },
  show(question, body, value = "") {
    const [field, letters] = body.children;
    if (field.value !== value) field.value = value;
    const n = length(value);
    letters.textContent = say(question.required ? "letters" : "letters-optional", { n, most: question.at_most });
    letters.classList.toggle("too-many", n > question.at_most);
    field.setAttribute("aria-invalid", String(n > question.at_most));
  },
  press: () => false,
  isComplete: ({ at_most: most, required }, value) => value !== undefined && length(value) <= most && (!required || length(value) > 0),
  sent: (question, value) => ({ value: clean(value) }),
};
